"""The alerts process at a real database: silence, outages, timers, two engines at once, steps and housekeeping."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from alerts import steps
from alerts.engine import Engine
from alerts.lifecycle import Conflict, NotAllowed, Step
from alerts.rules import load_rules
from alerts.steps import Actor
from alerts.timing import CLOSE_AFTER
from devices.registry import Device, Site
from store import housekeeping, incidents, supervision
from store.connect import connect
from store.device_states import SignOfLife, note_life, note_offline
from store.records import Incident
from store.registry import add_device, add_site, remove_device

Eventually = Callable[..., None]
NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
GRACE = timedelta(seconds=60)
NAMES = [f"b{number}" for number in range(8)]


class Watch:
    """A site, its devices, an ingest that listens unless told otherwise, and an engine, all by one made-up clock."""

    def __init__(self, conn: Connection, url: str) -> None:
        self.conn, self.url = conn, url
        self.now = NOW
        self.engine = Engine(load_rules, GRACE)

    def speak(self, *names: str) -> None:
        note_life(self.conn, [SignOfLife("s1", name, self.now) for name in names])
        self.conn.commit()

    def listen(self, ready_since: datetime | None = NOW - timedelta(days=1), instance: str = "one") -> None:
        self.conn.execute(
            "INSERT INTO parts (part, instance, started_at, ready_since, beat_at) VALUES ('ingest', %s, %s, %s, %s)"
            " ON CONFLICT (part, instance) DO UPDATE SET beat_at = excluded.beat_at, ready_since = excluded.ready_since",
            (instance, NOW, ready_since, self.now),
        )
        self.conn.commit()

    def pass_time(self, seconds: int, *, listening: bool = True, speaking: tuple[str, ...] = ()) -> None:
        """Let the clock run with a tick every ten seconds; who is speaking does so each time."""
        for _ in range(seconds // 10):
            self.now += timedelta(seconds=10)
            if speaking:
                self.speak(*speaking)
            if listening:
                self.listen()
            self.tick()

    def tick(self) -> None:
        with connect(self.url, part="engine") as own:
            self.engine.tick(own, self.now)

    def states(self) -> dict[str, str]:
        return dict(self.conn.execute("SELECT device, state FROM device_states").fetchall())

    def incidents(self) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            "SELECT join_key, state, owner, outcome FROM incidents ORDER BY join_key, id"
        ).fetchall()

    def verbs(self) -> list[str]:
        return [verb for (verb,) in self.conn.execute("SELECT verb FROM changes ORDER BY site, seq")]

    def one(self) -> Incident:
        row = self.conn.execute("SELECT max(id) FROM incidents").fetchone()
        assert row is not None
        found = incidents.by_id(self.conn, row[0])
        assert found is not None
        return found


def press(key: str = "press:b0", state: str = "open") -> Incident:
    return Incident(
        site="s1", join_key=key, grid=None, kind="press", priority="critical", title="t", device="b0", lat=None, lon=None,
        address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW, state=state,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        add_site(conn, Site(site="s1", name="One"))
        for name in NAMES:
            add_device(conn, Device(site="s1", device=name, kind="button", name=name))
        add_device(conn, Device(site="s1", device="stranger", kind="button", name="x", registered=False))
        conn.execute("INSERT INTO users (name, role) VALUES ('li', 'officer'), ('wang', 'officer'), ('far', 'officer')")
        conn.execute("INSERT INTO user_sites VALUES ('li', 's1'), ('wang', 's1')")
        yield conn


@pytest.fixture
def watch(conn: Connection, database: str) -> Watch:
    found = Watch(conn, database)
    found.listen()
    return found


def test_one_falls_silent_and_comes_back(watch: Watch) -> None:
    watch.speak("b0", "b1")
    watch.pass_time(80, speaking=("b1",))
    assert watch.states() == {"b0": "online", "b1": "online"}
    watch.pass_time(10, speaking=("b1",))
    assert watch.states() == {"b0": "offline", "b1": "online"}
    assert watch.incidents() == []
    watch.pass_time(30, speaking=("b1",))
    assert watch.incidents() == []
    watch.pass_time(10, speaking=("b1",))
    assert watch.incidents() == [("offline:b0", "open", None, None)]
    watch.pass_time(600, speaking=("b1",))
    assert watch.verbs() == ["open"]
    watch.pass_time(30, speaking=("b0", "b1"))
    assert watch.states() == {"b0": "online", "b1": "online"}
    assert watch.incidents() == [("offline:b0", "open", None, None)]  # it may go again
    watch.pass_time(10, speaking=("b0", "b1"))
    assert watch.incidents() == [("offline:b0", "resolved", None, "real")]
    assert watch.verbs() == ["open", "resolve"]


def test_many_are_one_that_grows_and_heals_by_itself(watch: Watch) -> None:
    watch.speak(*NAMES)
    watch.pass_time(60, speaking=("b7",))
    watch.pass_time(70)
    assert watch.incidents() == [("outage", "open", None, None)]
    assert watch.one().title == "断线 · One · 7台设备同时离线"
    watch.pass_time(70)
    assert watch.one().title == "断线 · One · 8台设备同时离线"
    assert watch.verbs() == ["open", "repeat"]
    watch.pass_time(30, speaking=tuple(NAMES[:7]))
    assert watch.one().state == "open"
    assert watch.one().devices == tuple(NAMES)
    watch.pass_time(50, speaking=tuple(NAMES))
    assert watch.incidents() == [("outage", "resolved", None, "real")]


def test_devices_that_speak_often_are_one_outage_as_well(watch: Watch) -> None:
    for name in NAMES:
        add_device(watch.conn, Device(site="s1", device=name, kind="button", name=name, expect=2.0))
    for tick in range(16):  # they spoke last within two seconds of each other, and nothing is heard after
        watch.now = NOW + timedelta(seconds=tick)
        watch.listen()
        if tick < 3:
            watch.speak(*NAMES[tick * 3 : tick * 3 + 3])
        watch.tick()
    assert [key for key, *_ in watch.incidents()] == ["outage"]


def test_no_silence_counts_while_nobody_listens(watch: Watch) -> None:
    watch.speak(*NAMES)
    watch.pass_time(600, listening=False)
    assert set(watch.states().values()) == {"online"}
    watch.listen(ready_since=watch.now)
    for _ in range(8):
        watch.now += timedelta(seconds=10)
        watch.listen(ready_since=NOW + timedelta(seconds=600))
        watch.tick()
    assert set(watch.states().values()) == {"online"}
    watch.now += timedelta(seconds=10)
    watch.listen(ready_since=NOW + timedelta(seconds=600))
    watch.tick()
    assert set(watch.states().values()) == {"offline"}


def test_an_ingest_that_is_not_ready_hears_nothing(watch: Watch) -> None:
    watch.speak("b0")
    watch.now += timedelta(seconds=300)
    watch.listen(ready_since=None)
    watch.tick()
    assert watch.states() == {"b0": "online"}


def test_by_its_own_word_it_is_offline_at_once_and_told_like_silence(watch: Watch) -> None:
    watch.speak("b0")
    note_offline(watch.conn, [("s1", "b0", watch.now + timedelta(seconds=1))])
    assert watch.states() == {"b0": "offline"}
    watch.pass_time(120)
    assert watch.incidents() == []
    watch.pass_time(10)
    assert watch.incidents() == [("offline:b0", "open", None, None)]


def test_never_seen_stays_unknown_and_nobodys_device_is_not_told(watch: Watch) -> None:
    watch.speak("stranger")
    watch.pass_time(300)
    assert watch.states() == {"stranger": "offline"}
    assert watch.incidents() == []


def test_an_owner_is_told_once_that_it_is_back(watch: Watch, database: str) -> None:
    watch.speak("b0")
    watch.pass_time(130)
    take(database, watch.one().id, Step(verb="acknowledge", version=1))
    watch.pass_time(60, speaking=("b0",))
    assert watch.incidents() == [("offline:b0", "acknowledged", "li", None)]
    assert watch.verbs() == ["open", "acknowledge", "note"]


def test_what_a_person_ended_or_began_again_stays_so(watch: Watch, database: str) -> None:
    watch.speak("b0")
    watch.pass_time(130)
    take(database, watch.one().id, Step(verb="resolve", version=1, outcome="false"))
    watch.pass_time(300)
    assert watch.verbs() == ["open", "resolve"]
    watch.pass_time(10, speaking=("b0",))
    take(database, watch.one().id, Step(verb="reopen", version=2, note="it happens every day"))
    watch.pass_time(30, speaking=("b0",))
    assert watch.verbs() == ["open", "resolve", "reopen"]


def test_a_removed_device_is_waited_for_no_more(watch: Watch) -> None:
    watch.speak("b0")
    watch.pass_time(130)
    remove_device(watch.conn, "s1", "b0")
    watch.pass_time(10)
    assert watch.incidents() == [("offline:b0", "resolved", None, "real")]


def test_two_engines_at_once_tell_each_thing_once(watch: Watch, database: str) -> None:
    rounds = 12
    for number in range(rounds):
        watch.speak(*NAMES[:4])
        step = timedelta(seconds=10)
        with ThreadPoolExecutor(3) as pool, connect(database, part="a") as a, connect(database, part="b") as b:
            for _ in range(13):
                watch.now += step
                watch.listen()
                watch.speak(*NAMES[4:])  # half of the site stays: no outage
                list(pool.map(lambda own: Engine(load_rules, GRACE).tick(own, watch.now), (a, b)))
        assert len(watch.incidents()) == 4 * (number + 1)
        watch.speak(*NAMES)
        watch.now += timedelta(seconds=30)
        watch.speak(*NAMES)
        with ThreadPoolExecutor(3) as pool, connect(database, part="a") as a, connect(database, part="b") as b:
            list(pool.map(lambda own: Engine(load_rules, GRACE).tick(own, watch.now), (a, b)))
        assert {state for _, state, _, _ in watch.incidents()} == {"resolved"}
    verbs = watch.verbs()
    assert (verbs.count("open"), verbs.count("resolve"), len(verbs)) == (4 * rounds, 4 * rounds, 8 * rounds)


def test_what_one_engine_took_another_leaves(watch: Watch, database: str) -> None:
    watch.speak("b0", "b1")
    watch.pass_time(100)
    with connect(database, part="a") as a, connect(database, part="b") as b:
        assert supervision.claim_told(a, "s1", ["b0"]) == {"b0"}
        assert supervision.claim_told(b, "s1", ["b0", "b1"]) == {"b1"}  # does not wait for the other's end
        a.commit()
        b.commit()
        assert supervision.claim_told(b, "s1", ["b0", "b1"]) == set()
        assert not supervision.mark_silent(b, "s1", "b0", NOW, watch.now)


def take(url: str, incident: int, step: Step, actor: str = "li", at: datetime = NOW) -> steps.StepResult:
    with connect(url, part="officer") as own:
        return steps.take(own, load_rules(), incident, step, Actor(actor, {"s1"}), lambda: at)


def stored(conn: Connection, key: str = "press:b0") -> int:
    return incidents.open_or_join(conn, press(key)).incident.id


def test_resolved_is_closed_after_a_day_and_a_reopened_one_is_not(watch: Watch, database: str) -> None:
    ended, again = stored(watch.conn, "press:b0"), stored(watch.conn, "press:b1")
    for one in (ended, again):
        take(database, one, Step(verb="resolve", version=1, outcome="real"))
    take(database, again, Step(verb="reopen", version=2, note="not over"))
    watch.now = NOW + CLOSE_AFTER - timedelta(seconds=1)
    watch.tick()
    assert [state for _, state, _, _ in watch.incidents()] == ["resolved", "open"]
    watch.now = NOW + CLOSE_AFTER + timedelta(days=3)  # we were away: late ones fire at once
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: watch.tick(), range(4)))
    assert [state for _, state, _, _ in watch.incidents()] == ["closed", "open"]
    assert watch.verbs().count("close") == 1
    found = incidents.by_id(watch.conn, ended)
    assert found is not None
    assert (found.version, found.owner) == (3, None)


@pytest.mark.parametrize(
    ("first", "again", "taken"),
    [
        (Step(verb="acknowledge", version=1), Step(verb="acknowledge", version=1), True),
        (Step(verb="note", version=1, note="x"), Step(verb="note", version=1, note="x"), True),
        (Step(verb="note", version=1, note="x"), Step(verb="note", version=1, note="y"), False),
        (Step(verb="resolve", version=1, outcome="real"), Step(verb="resolve", version=1, outcome="real"), True),
    ],
)
def test_the_same_step_again_is_taken_once(
    conn: Connection, database: str, first: Step, again: Step, *, taken: bool
) -> None:
    incident = stored(conn)
    assert isinstance(take(database, incident, first), steps.Done)
    assert isinstance(take(database, incident, again), steps.Done)
    row = conn.execute("SELECT count(*) FROM changes").fetchone()
    assert row == (1 if taken else 2,)


@pytest.mark.parametrize(
    ("step", "actor", "result"),
    [
        (Step(verb="resolve", version=1, outcome="false"), "li", Conflict),
        (Step(verb="resolve", version=1, outcome="real"), "wang", Conflict),
        (Step(verb="acknowledge", version=2), "li", NotAllowed),
        (Step(verb="acknowledge", version=1), "li", Conflict),
    ],
    ids=["another outcome", "another person", "not in this state", "an older version"],
)
def test_what_is_not_the_same_step(
    conn: Connection, database: str, step: Step, actor: str, result: type[object]
) -> None:
    incident = stored(conn)
    take(database, incident, Step(verb="resolve", version=1, outcome="real"))
    assert isinstance(take(database, incident, step, actor), result)


def test_assigning_needs_a_person_of_the_site(conn: Connection, database: str) -> None:
    incident = stored(conn)
    assert isinstance(take(database, incident, Step(verb="assign", version=1, to="far")), NotAllowed)
    assert isinstance(take(database, incident, Step(verb="assign", version=1, to="nobody")), NotAllowed)
    done = take(database, incident, Step(verb="assign", version=1, to="wang"))
    assert isinstance(done, steps.Done)
    assert (done.incident.owner, done.incident.state, done.incident.version) == ("wang", "acknowledged", 2)


def test_another_sites_incident_is_not_there(conn: Connection, database: str) -> None:
    incident = stored(conn)
    with connect(database, part="officer") as own:
        found = steps.take(
            own, load_rules(), incident, Step(verb="acknowledge", version=1), Actor("li", {"s2"}), lambda: NOW
        )
    assert isinstance(found, steps.NotFound)
    assert isinstance(take(database, incident + 1000, Step(verb="acknowledge", version=1)), steps.NotFound)


def test_reopening_beside_a_newer_one_gives_up_the_key(conn: Connection, database: str) -> None:
    old = stored(conn)
    take(database, old, Step(verb="resolve", version=1, outcome="real"))
    newer = stored(conn)
    done = take(database, old, Step(verb="reopen", version=2, note="not over"))
    assert isinstance(done, steps.Done)
    assert (done.incident.state, done.incident.join_key) == ("open", None)
    assert incidents.open_or_join(conn, press()).incident.id == newer


def test_housekeeping_keeps_what_is_in_time(conn: Connection, database: str) -> None:
    now = datetime.now(UTC)
    times = [now, now - timedelta(days=20), now - timedelta(days=200)]
    for at in times:
        conn.execute(
            "INSERT INTO events (received_at, site, device, id, kind, phase) VALUES (%s, 's1', 'c', 'i', 'x', 'end')",
            (at,),
        )
        conn.execute("INSERT INTO event_keys VALUES ('s1', 'c', %s, %s)", (at.isoformat(), at))
        conn.execute(
            "INSERT INTO rejects (received_at, topic, reason, payload, size) VALUES (%s, 't', 'r', '', 0)", (at,)
        )
        conn.execute("INSERT INTO login_failures VALUES (%s, 'n', 'a')", (at,))
    with connect(database, part="owner", role=None) as owner:
        for _ in range(2):
            housekeeping.make_chunks_ahead(owner, now)
            housekeeping.sweep(owner, now, keep_events=timedelta(days=90), keep_rejects=timedelta(days=30))
    counts = {}
    for table in ("events", "event_keys", "rejects", "login_failures"):
        row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
        counts[table] = row and row[0]
    assert counts == {"events": 2, "event_keys": 1, "rejects": 2, "login_failures": 1}
    chunks = conn.execute(
        "SELECT hypertable_name, count(*) FROM timescaledb_information.chunks WHERE range_end > %s GROUP BY 1 ORDER BY 1",
        (now + timedelta(days=1),),
    ).fetchall()
    assert chunks == [("events", 1), ("telemetry", 1)]


def test_the_process_works_outlives_a_lost_database_and_ends_cleanly(
    conn: Connection, database: str, tmp_path: Path, eventually: Eventually
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SKYNET_")}
    environment |= {"SKYNET_DATABASE_URL": database, "SKYNET_DATA_DIR": str(tmp_path)}
    incident = stored(conn)
    take(database, incident, Step(verb="resolve", version=1, outcome="real"), at=datetime.now(UTC) - 2 * CLOSE_AFTER)

    def ready() -> object:
        return conn.execute("SELECT 1 FROM parts WHERE part = 'alerts' AND ready_since IS NOT NULL").fetchone()

    def state() -> object:
        return conn.execute("SELECT state FROM incidents WHERE id = %s", (incident,)).fetchone()

    process = subprocess.Popen([sys.executable, "-m", "skynet", "alerts"], env=environment)
    try:
        eventually(ready)
        eventually(lambda: state() == ("closed",))
        take(database, incident, Step(verb="reopen", version=3, note="again"))
        take(database, incident, Step(verb="resolve", version=4, outcome="real"), at=datetime.now(UTC) - CLOSE_AFTER)
        with psycopg.connect(database, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'skynet alerts'"
            )
        eventually(lambda: state() == ("closed",))
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_a_bad_rules_file_is_named_and_nothing_starts(database: str, tmp_path: Path) -> None:
    rules = tmp_path / "mine.toml"
    rules.write_text('[[incident]]\nkinds = ["press"]\npriority = "low"')
    environment = os.environ | {"SKYNET_DATABASE_URL": database, "SKYNET_RULES_FILE": str(rules)}
    ended = subprocess.run(
        [sys.executable, "-m", "skynet", "alerts"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "mine.toml, incident rule 1 (press)" in ended.stderr
