"""Is every tier of every site reached: decided from posts, roles and channels; told once, and healed by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from alerts import reach
from alerts.engine import Engine
from alerts.reach import Reachable
from alerts.rules import Rules, parse
from devices.registry import Site
from store.connect import connect
from store.duty import Post
from store.registry import add_site

NOW = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
ALL = parse(
    """
[[escalation]]
priorities = ["critical"]
step = [
    { after = 0, tier = "grid" },
    { after = 30, tier = "community", means = ["wecom", "*"] },
    { after = 60, tier = "district" },
]
"""
)


def post(tier: str, name: str = "a") -> Post:
    return Post(site="s1", name=name, tier=tier, grid="g" if tier == "grid" else None)  # type: ignore[arg-type]


def has(**more: Any) -> Reachable:
    return Reachable(site="s1", **more)


@pytest.mark.parametrize(
    ("reached", "missing"),
    [
        (has(), ["网格层级无人可通知", "社区层级无人可通知", "社区层级缺少通知渠道 wecom", "区层级无人可通知"]),
        (has(roles=["officer"], channels={"wecom": "community"}), ["社区层级无人可通知", "区层级无人可通知"]),
        (has(roles=["lead"], channels={"wecom": "community"}), []),
        (has(roles=["admin"], channels={"wecom": "community"}), []),
        (has(roles=["admin"], channels={"wecom": "district", "other": "community"}), ["社区层级缺少通知渠道 wecom"]),
        (
            has(posts=[post("grid"), post("district")], roles=[], channels={"wecom": "community"}),
            ["社区层级无人可通知"],
        ),
        (
            has(posts=[post("community"), post("district")], roles=["officer"], channels={"wecom": "community"}),
            [],
        ),
    ],
)
def test_what_is_missing(reached: Reachable, missing: list[str]) -> None:
    found = reach.gaps(ALL, reached)
    assert reach.title(found) == "联络不通 · " + ";".join(missing)
    for gap in found:
        assert ("skynet channels add" if gap.channel else "skynet posts add s1") in reach.advice("s1", [gap])


def test_only_tiers_that_a_policy_of_the_site_names_are_asked_for() -> None:
    assert reach.asked_for(Rules(), "s1") == {}
    assert reach.gaps(Rules(), has()) == ()
    text = '[[escalation]]\nsites = ["s2"]\nstep = [{ after = 5, tier = "community" }]\n'
    assert reach.gaps(parse(text), has()) == ()
    assert [gap.tier for gap in reach.gaps(parse(text), Reachable(site="s2"))] == ["community"]
    assert reach.asked_for(ALL, "s1") == {"grid": set(), "community": {"wecom"}, "district": set()}


class Duty:
    """An alerts process's engine at a database, by a made-up clock."""

    def __init__(self, conn: Connection, url: str) -> None:
        self.conn, self.url, self.now = conn, url, NOW
        self.engine = self.another()

    def another(self) -> Engine:
        return Engine(lambda: ALL, timedelta(seconds=60))

    def begin(self, engine: Engine | None = None) -> None:
        with connect(self.url, part="engine") as own:
            (engine or self.engine).begin(own, self.now)

    def tick(self, after: timedelta = timedelta(seconds=1)) -> None:
        self.now += after
        with connect(self.url, part="engine") as own:
            self.engine.tick(own, self.now)

    def incidents(self) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            "SELECT site, state, priority, kind, count, title FROM incidents ORDER BY site, id"
        ).fetchall()

    def changes(self) -> list[tuple[str, str | None]]:
        return [(row[0], row[1]) for row in self.conn.execute("SELECT verb, note FROM changes ORDER BY site, seq")]

    def repair(self) -> None:
        self.conn.execute("INSERT INTO users (name, role) VALUES ('boss', 'admin')")
        self.conn.execute("INSERT INTO channels (site, channel, tier, url) VALUES ('s1', 'wecom', 'community', 'x')")


@pytest.fixture
def duty(database: str) -> Iterator[Duty]:
    with connect(database, part="test", autocommit=True) as conn:
        add_site(conn, Site(site="s1", name="One"))
        conn.execute("INSERT INTO users (name, role) VALUES ('li', 'officer'), ('wang', 'lead')")
        conn.execute("INSERT INTO user_sites VALUES ('li', 's1')")
        yield Duty(conn, database)


def test_at_the_start_it_is_told_once_with_what_to_do(duty: Duty) -> None:
    duty.begin()
    title = "联络不通 · 社区层级无人可通知;社区层级缺少通知渠道 wecom;区层级无人可通知"
    assert duty.incidents() == [("s1", "open", "medium", "fault", 1, title)]
    [(verb, note)] = duty.changes()
    assert verb == "open"
    assert note is not None
    for said in ("skynet posts add s1 用户名 --tier community", "skynet channels add", "自动解除"):
        assert said in note
    duty.begin()
    duty.begin(duty.another())
    for _ in range(3):
        duty.tick(timedelta(minutes=10))
    assert [row[4] for row in duty.incidents()] == [1], "what is still so is not told again"


def test_it_heals_by_itself_within_ten_minutes(duty: Duty) -> None:
    duty.begin()
    duty.tick()
    duty.repair()
    duty.tick(timedelta(minutes=9))
    assert duty.incidents()[0][1] == "open"
    duty.tick(timedelta(minutes=1))
    assert duty.incidents()[0][1] == "resolved"
    assert duty.changes()[-1] == ("resolve", "各层级已可联络")


def test_what_else_is_missing_is_told_as_a_repeat(duty: Duty) -> None:
    duty.begin()
    duty.tick()
    duty.conn.execute("INSERT INTO user_sites VALUES ('wang', 's1')")
    duty.tick(timedelta(minutes=10))
    assert duty.incidents() == [("s1", "open", "medium", "fault", 2, "联络不通 · 社区层级缺少通知渠道 wecom")]
    assert [verb for verb, _ in duty.changes()] == ["open", "repeat"]


def test_daily_it_is_looked_at_again(duty: Duty) -> None:
    duty.repair()
    duty.begin()
    duty.tick()
    assert duty.incidents() == []
    duty.conn.execute("DELETE FROM channels")
    duty.tick(timedelta(hours=23))
    assert duty.incidents() == []
    duty.tick(timedelta(hours=1))
    assert len(duty.incidents()) == 1


def test_an_owner_is_told_once_and_the_incident_stays_theirs(duty: Duty) -> None:
    duty.begin()
    duty.conn.execute("UPDATE incidents SET state = 'acknowledged', owner = 'li', progress_at = now()")
    duty.repair()
    for _ in range(3):
        duty.tick(timedelta(minutes=10))
    assert duty.incidents()[0][1] == "acknowledged"
    assert [verb for verb, _ in duty.changes()] == ["open", "note"]


def test_one_that_a_person_opened_again_ends_by_a_person(duty: Duty) -> None:
    duty.begin()
    duty.conn.execute(
        "INSERT INTO changes (site, seq, incident, at, actor, verb, body)"
        " SELECT site, 2, incident, at, 'li', 'reopen', body FROM changes"
    )
    duty.conn.execute("UPDATE feed_counters SET seq = 2 WHERE site = 's1'")
    duty.repair()
    duty.tick(timedelta(minutes=10))
    assert duty.incidents()[0][1] == "open"


def test_several_engines_at_once_tell_it_once(duty: Duty) -> None:
    engines = [duty.another() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(duty.begin, engines))
    assert [row[4] for row in duty.incidents()] == [1]
    assert [verb for verb, _ in duty.changes()] == ["open"]


def test_it_goes_up_like_any_other_and_an_engine_that_only_ticks_asks_nothing(duty: Duty) -> None:
    duty.tick()
    assert duty.incidents() == []
    rules = parse('[[escalation]]\nstep = [{ after = 0, tier = "grid" }, { after = 900, tier = "community" }]\n')
    duty.engine = Engine(lambda: rules, timedelta(seconds=60))
    duty.begin()
    told = duty.conn.execute("SELECT why, tier FROM notices").fetchall()
    assert told == [("open", "grid")]
    duty.tick(timedelta(seconds=901))
    assert [verb for verb, _ in duty.changes()] == ["open", "escalate"]
