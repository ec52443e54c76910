"""The rules file while the system runs: taken up when it stands, refused with a reason, told; timers that follow it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from psycopg import Connection

from alerts import timing
from alerts.engine import Engine
from alerts.rules import DEFAULT, Rules, RulesError, parse
from alerts.rules_file import RulesFile
from alerts.steps import keep
from devices.registry import Site
from store import incidents, timers
from store.connect import connect
from store.records import Incident
from store.registry import add_site

NOW = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC)
GRACE = timedelta(seconds=60)
FIRST = "[press]\nanswer_within = 20\n" + DEFAULT.read_text("utf-8").partition("[press]")[2].partition("\n\n")[2]
OTHER = FIRST.replace("answer_within = 20", "answer_within = 25", 1)
BAD = FIRST.replace("answer_within = 20", "answer_within = 'soon'", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "rules.toml"
    found.write_text(FIRST, "utf-8")
    return found


def within(rules: RulesFile) -> float:
    return rules.now().press.answer_within


def settle(rules: RulesFile) -> None:
    rules.look()
    rules.look()


def told_fault(rules: RulesFile) -> str | None:
    return None if rules.fault is None else rules.fault.zh


def test_a_file_put_in_the_old_ones_place_is_taken_up(path: Path) -> None:
    rules = RulesFile(path)
    new = path.with_suffix(".new")
    new.write_text(OTHER, "utf-8")
    new.replace(path)
    rules.look()
    assert within(rules) == 20
    rules.look()
    assert (within(rules), rules.fault) == (25, None)


def test_a_file_written_in_pieces_counts_when_it_is_whole(path: Path) -> None:
    """Each piece alone is a file that can be read, and would silence the rest of the rules."""
    rules = RulesFile(path)
    middle = OTHER.index("[[incident]]")
    for piece in ("", OTHER[:middle], OTHER[: middle + 5], OTHER):
        path.write_text(piece, "utf-8")
        rules.look()
        assert (within(rules), rules.fault) == (20, None)
        assert len(rules.now().incident) == len(parse(FIRST).incident)
    rules.look()
    assert (within(rules), rules.now()) == (25, parse(OTHER))


def test_a_bad_file_changes_nothing_and_says_why_in_both_languages(path: Path) -> None:
    rules = RulesFile(path)
    path.write_text(BAD + "[[incident]]\nkinds = ['press']\npriority = 'low'\n", "utf-8")
    settle(rules)
    assert within(rules) == 20
    assert rules.fault is not None
    assert rules.fault.zh == "规则文件 rules.toml:[press]:answer_within:应为 数,写的是 文字(另有 1 处)"
    assert "press.answer_within" in rules.fault.en
    assert "skynet rules check" in rules.fault.en
    path.write_text(OTHER, "utf-8")
    settle(rules)
    assert within(rules) == 25
    assert told_fault(rules) is None


def test_a_bad_file_that_becomes_the_one_in_force_again_is_no_fault(path: Path) -> None:
    rules = RulesFile(path)
    for text in (BAD, FIRST, BAD, FIRST):
        path.write_text(text, "utf-8")
        settle(rules)
        assert (rules.fault is None) == (text == FIRST)
    path.write_bytes(b"\xff\xfe")
    settle(rules)
    assert rules.fault is not None
    assert "UTF-8" in rules.fault.zh


def test_a_file_that_is_gone_is_a_fault_only_when_it_stays_away(path: Path) -> None:
    rules = RulesFile(path)
    path.unlink()
    rules.look()
    assert rules.fault is None
    rules.look()
    assert rules.fault is not None
    assert "读不到" in rules.fault.zh
    path.write_text(FIRST, "utf-8")
    settle(rules)
    assert (within(rules), rules.fault) == (20, None)


def test_nothing_starts_on_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="SKYNET_RULES_FILE"):
        RulesFile(tmp_path / "none.toml")


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        for site in ("s1", "s2"):
            add_site(conn, Site(site=site, name=site))
        yield conn


def told(conn: Connection) -> list[tuple[str, str, str, str]]:
    return conn.execute(
        "SELECT changes.site, verb, state, kind || ' ' || priority FROM changes JOIN incidents ON id = incident"
        " ORDER BY changes.site, seq"
    ).fetchall()


def test_a_bad_file_is_one_incident_in_each_site_until_it_is_good(conn: Connection, database: str, path: Path) -> None:
    rules = RulesFile(path)
    engines = [Engine(rules.now, GRACE, lambda: rules.fault) for _ in range(2)]

    def tick() -> None:
        with connect(database, part="engine") as own:
            for engine in engines:
                engine.tick(own, NOW)

    tick()
    assert told(conn) == []
    path.write_text(BAD, "utf-8")
    settle(rules)
    for _ in range(3):
        tick()
    assert told(conn) == [("s1", "open", "open", "fault low"), ("s2", "open", "open", "fault low")]
    notes = conn.execute("SELECT DISTINCT note FROM changes").fetchall()
    assert notes == [("规则文件 rules.toml:[press]:answer_within:应为 数,写的是 文字",)]
    path.write_text(BAD + "colour = 1\n", "utf-8")  # another reason: told once more, in the same incident
    settle(rules)
    tick()
    assert [verb for site, verb, *_ in told(conn) if site == "s1"] == ["open", "note"]
    path.write_text(OTHER, "utf-8")
    settle(rules)
    tick()
    assert [verb for site, verb, *_ in told(conn) if site == "s2"] == ["open", "note", "resolve"]
    assert {state for _, _, state, _ in told(conn)} == {"resolved"}


def test_an_engine_settles_no_fault_that_another_tells_of(conn: Connection, database: str, path: Path) -> None:
    good, bad = RulesFile(path), RulesFile(path)
    path.write_text(BAD, "utf-8")
    settle(bad)
    telling, other = Engine(bad.now, GRACE, lambda: bad.fault), Engine(good.now, GRACE, lambda: good.fault)
    with connect(database, part="engine") as own:
        other.tick(own, NOW)
        for _ in range(2):
            telling.tick(own, NOW)
            other.tick(own, NOW)
        assert {state for _, _, state, _ in told(conn)} == {"open"}
        Engine(good.now, GRACE, lambda: good.fault).tick(own, NOW)  # one that starts on a good file
    assert {state for _, _, state, _ in told(conn)} == {"resolved"}


def press(number: int) -> Incident:
    return Incident(
        site="s1", join_key=f"press:b{number}", grid=None, kind="press", priority="critical", title="t", device="b",
        lat=None, lon=None, address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW, clock_since=NOW,
    )  # fmt: skip


def test_timers_follow_the_rules_that_are_in_force(conn: Connection, database: str, path: Path) -> None:
    rules = RulesFile(path)
    engine = Engine(rules.now, GRACE)
    for number in range(3):
        keep(conn, rules.now(), incidents.open_or_join(conn, press(number)).incident)

    def due() -> list[tuple[Incident, dict[str, datetime]]]:
        return timers.of_board(conn, 0, 10)

    with connect(database, part="engine") as own:
        engine.tick(own, NOW)
        before = due()
        assert before[0][1] == timing.due_steps(before[0][0], rules.now())
        path.write_text(FIRST.replace("{ after = 30,", "{ after = 45,"), "utf-8")
        settle(rules)
        engine.tick(own, NOW)
        after = due()
        assert [steps["escalate:1"] for _, steps in after] == [NOW + timedelta(seconds=45)] * 3
        assert after[0][0].deadline == NOW + timedelta(seconds=45)
        late = incidents.open_or_join(conn, press(9)).incident  # by an ingest that had not looked yet
        keep(conn, parse(FIRST), late)
        engine.tick(own, NOW + timedelta(seconds=5))
        assert due()[3][1] == timing.due_steps(late, parse(FIRST))
        engine.tick(own, NOW + timedelta(seconds=9.9))
    with connect(database, part="engine") as own:
        incidents.save(conn, msgspec.structs.replace(late, shown_at=NOW))
        engine.tick(own, NOW + timedelta(seconds=10))
    found = due()
    assert all(steps == timing.due_steps(incident, rules.now()) for incident, steps in found)


def test_an_engine_that_starts_sets_timers_by_its_own_rules(conn: Connection, database: str) -> None:
    slow = parse("[[escalation]]\nstep = [{ after = 500, tier = 'community' }]\n")
    keep(conn, Rules(), incidents.open_or_join(conn, press(1)).incident)
    with connect(database, part="engine") as own:
        Engine(lambda: slow, GRACE).tick(own, NOW)
    assert timers.of_board(conn, 0, 10)[0][1] == {
        "escalate:1": NOW + timedelta(seconds=500),
        "unshown": NOW + timedelta(seconds=10),
    }
