"""Rules tried on what was stored: with the rules in force exactly what ingest opened, with others what they would have."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from replaying import Replay, simulated

from alerts import steps
from alerts.comparing import beside
from alerts.lifecycle import Step
from alerts.rules import Rules, load_rules
from alerts.steps import Actor
from alerts.trial_past import Real
from alerts.trying import StoredAlarm, StoredEvent, Tried, fold, lead_in
from alerts.windows import Windows
from devices import siteplan
from devices.messages import Alarm, Event
from devices.registry import Device, Registry, Site
from devices.scenarios import SCENARIOS, Scenario
from ingest.sorting import Sorted
from ingest.writing import write
from store import incidents, registry, trials
from store.connect import connect
from store.events import Arrived

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = 3600.0
RULES = load_rules()
ZHIHUO = siteplan.sample("zhihuo")
_numbers = itertools.count(1)

Line = tuple[str | None, str, str, str | None, int, datetime, str | None]


def really_opened(conn: Connection, site: str, first: datetime, last: datetime) -> list[Line]:
    return conn.execute(
        "SELECT join_key, kind, priority, device, count, opened_at, quiet FROM incidents WHERE site = %s"
        " AND opened_at >= %s AND opened_at < %s"
        " AND (kind NOT IN ('offline', 'fault', 'unusual') OR join_key LIKE 'chatter:%%')"
        " ORDER BY opened_at, kind, device",
        (site, first, last),
    ).fetchall()


def lines_of(tried: Sequence[Tried]) -> list[Line]:
    found = [
        (i.join_key, i.kind, i.priority, i.device, i.count, i.opened_at, i.quiet)
        for i in (one.incident for one in tried)
    ]
    return sorted(found, key=lambda line: (line[5], line[1], line[3] or ""))


def tried_on(
    conn: Connection, known: Registry, rules: Rules, first: datetime, last: datetime, windows: Windows = ()
) -> tuple[list[Tried], dict[int, Real]]:
    sites = sorted(known.sites)
    begin = first - lead_in(rules)
    reals = [msgspec.convert(row, Real) for row in trials.reals(conn, sites, begin, last)]
    stored = (
        StoredEvent(what, at, incident) if isinstance(what, Event) else StoredAlarm(what, at, incident)
        for at, what, incident in trials.stored(conn, sites, rules.opens, begin, last)
    )
    found = fold(stored, rules, known, windows=windows, reals=reals, first=first, last=last)
    conn.commit()
    return found, {real.id: real for real in reals if real.opened_at >= first}


def same(tried: list[Line], real: list[Line]) -> bool:
    """The same but for the keys that incidents have let go of since."""
    assert [line[1:] for line in tried] == [line[1:] for line in real]
    return all(is_key is None or is_key == would for (would, *_), (is_key, *_) in zip(tried, real, strict=True))


DAYS = (
    (1, Scenario(name="calm", activity=0.02, presses_per_hour=3, notable_per_hour=6, offline_per_hour=0, telemetry_every=0), 8),
    (2, msgspec.structs.replace(SCENARIOS["night"], activity=0.02, offline_per_hour=0, telemetry_every=0), 5),
    (3, msgspec.structs.replace(SCENARIOS["flood"], activity=0.02, notable_per_hour=600, presses_per_hour=300,
                                offline_per_hour=0, telemetry_every=0), 0.5),
)  # fmt: skip


@pytest.mark.parametrize(("seed", "scenario", "hours"), DAYS, ids=[one.name for _, one, _ in DAYS])
def test_the_rules_in_force_give_what_really_opened(database: str, seed: int, scenario: Scenario, hours: float) -> None:
    replay = Replay(database, ZHIHUO, NOW, seed=seed)
    seconds = hours * HOUR
    replay.run(simulated(ZHIHUO.devices, scenario, seed, NOW, seconds), seconds)
    last = NOW + timedelta(seconds=seconds)
    for first in (NOW, NOW + timedelta(seconds=seconds / 2)):  # from the beginning, and from the middle of it
        tried, reals = tried_on(replay.conn, replay.known, RULES, first, last)
        real = really_opened(replay.conn, replay.site, first, last)
        assert len(real) > 10
        assert same(lines_of(tried), real)
        assert {line.what for line in beside(tried, reals)} == {"same"}
    replay.close()


STEP = st.sampled_from([0.5, 3.0, 14.0, 16.0, 40.0, 400.0, 601.0])
PRESS = st.tuples(st.just("press"), st.sampled_from(["b1", "b1", "b2"]))
CANCEL = st.tuples(st.just("cancel"), st.sampled_from([0, 0, 1]))
TAKEN_BACK = st.tuples(st.just("taken back"), st.sampled_from(["b1", "b2"]), st.sampled_from([1, 14, 16]))
# mostly one place and one family of kinds, so that what happens happens to the same incident
EVENT = st.tuples(
    st.just("event"), st.sampled_from(["c1", "c1", "c2", "c3"]), st.sampled_from(["fire", "smoke", "fire", "fall", "crowd"]),
    st.sampled_from(["start", "update", "end", "instant"]), st.sampled_from([None, "t1", "t2"]),
)  # fmt: skip
PERSON = st.tuples(
    st.just("step"),
    st.sampled_from(["resolve", "reopen", "shelve", "unshelve", "acknowledge"]),
    st.sampled_from([0, 0, 1, 2]),
)
HAPPENINGS = st.lists(
    st.tuples(STEP, st.one_of(PRESS, CANCEL, TAKEN_BACK, EVENT, EVENT, PERSON, PERSON)), min_size=10, max_size=30
)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, part="test") as conn:
        conn.execute("SET synchronous_commit = off")
        conn.execute("INSERT INTO users (name, role) VALUES ('zhao', 'lead')")
        conn.commit()
        yield conn


def a_site(conn: Connection) -> tuple[str, Registry]:
    site = f"s{next(_numbers)}"
    registry.add_site(conn, Site(site=site, name="One"))
    for name in ("b1", "b2"):
        registry.add_device(conn, Device(site=site, device=name, kind="button", name=name))
    for name, lon in (("c1", 83.5), ("c2", 83.5001), ("c3", 83.6)):  # two of one place, one by itself
        registry.add_device(conn, Device(site=site, device=name, kind="camera", name=name, lat=39.2, lon=lon))
    whole = registry.load(conn)
    conn.commit()
    return site, Registry(1, [whole.sites[site]], [], [one for (of, _), one in whole.devices.items() if of == site])


def happen(conn: Connection, known: Registry, site: str, happenings: list[Any], now: datetime = NOW) -> datetime:
    """Let ingest and people do these things, each in its own transaction."""
    presses: list[Alarm] = []
    for after, (what, *how) in happenings:
        now += timedelta(seconds=after)
        batch = Sorted()
        if what == "taken back":
            now = happen(conn, known, site, [(0.0, ("press", how[0])), (how[1], ("cancel", 0))], now)
        elif what == "press":
            presses.append(Alarm(site, how[0], f"p{next(_numbers)}", "press", None))
            batch = Sorted(alarms=[(presses[-1], now)])
        elif what == "cancel" and presses:
            press = presses[-1 - how[0] % len(presses)]
            batch = Sorted(alarms=[(msgspec.structs.replace(press, action="cancel"), now)])
        elif what == "event":
            camera, kind, phase, track = how
            event = Event(site, camera, f"e{next(_numbers)}", kind, phase, track, None, None, None)
            batch = Sorted(events=[Arrived(event, now)])
        elif what == "step":
            take(conn, site, how[0], how[1], now)
        if not batch.empty:
            write(conn, batch, known, RULES)
        conn.commit()
    return now


def take(conn: Connection, site: str, verb: Any, which: int, now: datetime) -> None:
    with conn.cursor(row_factory=incidents.incident_row) as cur:
        board = cur.execute(f"{incidents.SELECT_INCIDENT} WHERE site = %s ORDER BY id DESC", (site,)).fetchall()
    if board:
        incident = board[which % len(board)]
        step = Step(
            verb=verb, version=incident.version, note="w", outcome="real", until=now + timedelta(hours=1)
        )  # fmt: skip
        steps.take_in(conn, RULES, incident.id, step, Actor("zhao", {site}, leads=True), now)


@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(happenings=HAPPENINGS)
@example(
    happenings=[(1, ("press", "b1")), (9, ("step", "resolve", 0)), (9, ("step", "reopen", 0)), (9, ("press", "b1"))]
)
def test_any_feed_gives_what_ingest_opened(conn: Connection, happenings: list[Any]) -> None:
    site, known = a_site(conn)
    last = happen(conn, known, site, happenings) + timedelta(seconds=1)
    tried, _ = tried_on(conn, known, RULES, NOW, last)
    assert same(lines_of(tried), really_opened(conn, site, NOW, last))
    taken_back = conn.execute(
        "SELECT opened_at, cancelled_at FROM incidents WHERE site = %s AND kind = 'press' AND NOT EXISTS"
        " (SELECT FROM changes WHERE incident = incidents.id AND verb = 'reopen')",  # a person made it stand again
        (site,),
    ).fetchall()
    would = {one.incident.opened_at: one.incident.cancelled_at for one in tried}
    assert {opened_at: would[opened_at] for opened_at, _ in taken_back} == dict(taken_back)
