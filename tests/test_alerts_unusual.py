"""What is unusual, at a real database: hours counted once and rightly, quiet items that heal, and the replay of it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import dict_row
from typer.testing import CliRunner

from alerts import steps, unusual
from alerts.engine import Engine
from alerts.habits import Item
from alerts.lifecycle import Step
from alerts.rules import Rules, load_rules
from alerts.steps import Actor
from alerts.unusual import LATENESS, Watch
from devices.messages import Event, Phase
from devices.registry import Device, Site
from skynet.cli.app import app
from store import events, habits, incidents
from store.connect import connect, settled
from store.events import Arrived
from store.records import Incident, Window
from store.registry import add_device, add_site, remove_device
from store.windows import add as add_window

START = datetime(2026, 11, 2, 2, tzinfo=UTC)  # a Monday, ten in the morning there
HOUR = timedelta(hours=1)
CAMERAS = ("c0", "c1", "c2")
RULES = load_rules()
ZONE = ZoneInfo("Asia/Shanghai")


class Days:
    """A site with cameras and a made-up clock that goes from hour to hour; its history is 20 to 24 events an hour."""

    def __init__(self, conn: Connection, url: str) -> None:
        self.conn, self.url, self.hour, self.rules = conn, url, START, RULES
        self.watch = Watch()
        self.listening = True

    def history(self, weeks: int, *, until: datetime = START) -> None:
        self.conn.execute(
            "INSERT INTO event_hours SELECT hour, 's1', device, 20 + mod(extract(day FROM hour)::int, 5), true"
            " FROM generate_series(%s::timestamptz, %s::timestamptz - interval '1 hour', '1 hour') AS hour,"
            " unnest(%s::text[]) AS device",
            (until - timedelta(weeks=weeks), until, list(CAMERAS)),
        )
        self.conn.execute("INSERT INTO hours_done VALUES ('counted', %s), ('compared', %s)", (until, until))

    def see(self, device: str, count: int, *, at: datetime | None = None, phase: str = "instant") -> None:
        at = at or self.hour
        self.conn.execute(
            "INSERT INTO events (received_at, site, device, id, kind, phase, track)"
            " SELECT %s::timestamptz + number * interval '1 second', 's1', %s, number::text, 'person', %s, 't'"
            " FROM generate_series(1, %s) AS number",
            (at, device, phase, count),
        )

    def pass_hour(self, **counts: int) -> None:
        """An hour with so many events (22 where none is said), which is then over; and a tick."""
        for device in CAMERAS:
            self.see(device, counts.get(device, 22))
        self.hour += HOUR
        now = self.hour + LATENESS
        if self.listening:
            self.conn.execute("UPDATE parts SET beat_at = %s", (now,))
        self.tick(now)

    def tick(self, now: datetime, watch: Watch | None = None) -> None:
        with connect(self.url, part="engine") as own:
            (watch or self.watch).tick(own, self.rules, now)

    def counted(self) -> list[tuple[Any, ...]]:
        return self.conn.execute(
            "SELECT extract(epoch FROM hour - %s)::int / 3600, device, count, whole FROM event_hours WHERE hour >= %s"
            " ORDER BY hour, device",
            (START, START),
        ).fetchall()

    def items(self) -> list[tuple[str, str]]:
        """Titles and states of what is unusual, in order."""
        return self.conn.execute("SELECT title, state FROM incidents WHERE kind = 'unusual' ORDER BY id").fetchall()

    def one(self) -> Incident:
        row = self.conn.execute("SELECT max(id) FROM incidents").fetchone()
        assert row is not None
        found = incidents.by_id(self.conn, row[0])
        assert found is not None
        return found

    def timeline(self) -> list[tuple[str, str | None]]:
        return self.conn.execute("SELECT verb, note FROM changes ORDER BY site, seq").fetchall()

    def count(self, table: str) -> int:
        row = self.conn.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, part="test", autocommit=True, role=None) as conn:
        add_site(conn, Site(site="s1", name="One"))
        for name in CAMERAS:
            add_device(conn, Device(site="s1", device=name, kind="camera", name=name, address=f"{name}路口"))
        add_device(conn, Device(site="s1", device="b0", kind="button", name="b0"))
        add_device(conn, Device(site="s1", device="stranger", kind="camera", name="x", registered=False))
        long_ago = START - timedelta(days=200)
        conn.execute("UPDATE devices SET created_at = %s", (long_ago,))
        conn.execute(
            "INSERT INTO device_states (site, device, state, state_since, last_seen)"
            " SELECT site, device, 'online', %(at)s, %(at)s FROM devices",
            {"at": long_ago},
        )
        conn.execute("INSERT INTO parts VALUES ('ingest', 'one', %(at)s, %(at)s, %(at)s)", {"at": long_ago})
        conn.execute("INSERT INTO users (name, role) VALUES ('li', 'officer')")
        conn.execute("INSERT INTO user_sites VALUES ('li', 's1')")
        yield conn


@pytest.fixture
def days(conn: Connection, database: str) -> Days:
    return Days(conn, database)


def test_what_began_is_counted_once_and_a_zero_is_a_count(days: Days) -> None:
    days.history(1)
    days.see("c1", 30, phase="update")
    days.see("c1", 4, phase="end")
    days.see("c1", 7, phase="start")
    days.see("b0", 3)
    days.see("stranger", 3)
    days.pass_hour(c0=0, c1=5, c2=0)
    assert days.counted() == [(0, "c0", 0, True), (0, "c1", 12, True), (0, "c2", 0, True)]
    again = [days.counted(), days.count("event_hours")]
    days.see("c1", 9, at=START)  # nobody looks at an hour again
    days.tick(days.hour + LATENESS + timedelta(minutes=5), Watch())
    assert [days.counted(), days.count("event_hours")] == again
    with connect(days.url, part="test") as own:
        habits.count_hour(own, START, [], days.hour + LATENESS)
        habits.count_hour(own, START, [], days.hour + LATENESS)
    assert days.counted()[1] == (0, "c1", 21, True)


def test_an_hour_is_counted_when_it_is_over_and_what_is_missing_is_caught_up(days: Days) -> None:
    days.history(1)
    for number in range(20):
        days.see("c0", number, at=START + number * HOUR)
    days.tick(START + 20 * HOUR + LATENESS - timedelta(seconds=1))
    assert {hour for hour, *_ in days.counted()} == set(range(6))  # a few in a tick: deadlines don't wait for long
    for _ in range(4):
        days.tick(START + 20 * HOUR + LATENESS - timedelta(seconds=1))
    assert [count for _, device, count, _ in days.counted() if device == "c0"] == list(range(19))
    days.tick(START + 20 * HOUR + LATENESS)
    assert [count for _, device, count, _ in days.counted() if device == "c0"] == list(range(20))


def test_an_installation_with_a_history_counts_it_from_its_first_event(days: Days) -> None:
    days.see("c1", 3, at=START - 29 * HOUR)
    days.see("c1", 2, at=START - 27 * HOUR)
    days.conn.execute("UPDATE devices SET created_at = %s WHERE device = 'c2'", (START - 2 * HOUR,))
    for _ in range(6):
        days.tick(START + LATENESS)
    found = days.conn.execute("SELECT hour - %s, device, count, whole FROM event_hours ORDER BY hour, device", (START,))
    as_hours = [(int(hour.total_seconds()) // 3600, *rest) for hour, *rest in found]
    assert [row for row in as_hours if row[1] == "c1"] == [
        (-29, "c1", 3, True),
        (-28, "c1", 0, False),  # nothing at all was heard of the site: who knows whether anybody listened
        (-27, "c1", 2, True),
        *[(hour, "c1", 0, False) for hour in range(-26, 0)],
    ]
    assert [row[0] for row in as_hours if row[1] == "c2"] == [-2, -1]
    assert days.items() == []


@pytest.mark.parametrize(
    ("away", "whole"),
    [
        ("UPDATE device_states SET state = 'offline' WHERE device = 'c0'", False),
        ("UPDATE device_states SET state = 'unknown' WHERE device = 'c0'", False),
        ("DELETE FROM device_states WHERE device = 'c0'", False),
        ("UPDATE device_states SET state_since = %(start)s + interval '1 minute' WHERE device = 'c0'", False),
        ("UPDATE device_states SET state_since = %(start)s WHERE device = 'c0'", True),
        ("UPDATE devices SET created_at = %(start)s + interval '1 minute' WHERE device = 'c0'", False),
        ("UPDATE parts SET ready_since = %(start)s + interval '1 minute'", False),
        ("UPDATE parts SET ready_since = NULL", False),
        ("SELECT 1", True),
    ],
)
def test_an_hour_is_whole_on_evidence_only(days: Days, away: str, whole: bool) -> None:
    days.history(1)
    days.conn.execute(away, {"start": START})
    days.pass_hour()
    assert days.counted()[0] == (0, "c0", 22, whole)


def test_a_busy_hour_is_a_quiet_item_that_shows_its_figure_and_heals(days: Days) -> None:
    days.history(6)
    days.pass_hour()
    assert days.items() == []
    days.pass_hour(c1=412)
    assert days.items() == [("异常增多 · c1路口 · 11时 412次,往常同一时段 20–24 次(6周)", "open")]
    item = days.one()
    assert (item.kind, item.priority, item.quiet, item.join_key) == ("unusual", "low", "unusual", "unusual:c1")
    assert (item.clock_since, item.deadline, item.escalated, item.tier) == (None, None, 0, "grid")
    assert days.timeline() == [("open", "11时 412次,往常同一时段 20–24 次(6周)")]
    days.pass_hour(c1=380)  # it goes on: nothing more to say
    assert len(days.timeline()) == 1
    days.pass_hour(c1=23)
    assert days.items() == [(item.title, "resolved")]
    assert days.timeline()[1:] == [("resolve", "恢复如常:13时 23次")]
    assert days.count("notices") == 0
    assert days.conn.execute("SELECT step FROM timers").fetchall() == [("close",)]


def test_silence_against_habit(days: Days) -> None:
    days.history(6)
    days.pass_hour(c2=0)
    assert days.items() == []
    days.pass_hour(c2=0)
    assert days.items() == [("异常安静 · c2路口 · 10时至11时 0次,往常同一时段 20–24 次(6周)", "open")]
    days.pass_hour(c2=0)
    assert days.count("changes") == 1
    days.pass_hour(c2=1)
    assert [state for _, state in days.items()] == ["resolved"]
    assert days.count("notices") == 0


def test_no_silence_of_what_is_offline_new_or_in_maintenance(days: Days) -> None:
    days.history(6)
    days.conn.execute("UPDATE device_states SET state = 'offline', state_since = %s WHERE device = 'c0'", (START,))
    days.conn.execute("DELETE FROM event_hours WHERE device = 'c1' AND hour < %s", (START - timedelta(weeks=2),))
    window = Window(
        id=0, site="s1", purpose="maintenance", grid=None, device="c2", starts_at=START + HOUR / 2,
        ends_at=START + 3.5 * HOUR, reason="换镜头", made_by="li", made_at=START,
    )  # fmt: skip
    add_window(days.conn, window)
    for _ in range(4):
        days.pass_hour(c0=0, c1=0, c2=0)
    assert days.items() == []
    assert {device: whole for hour, device, _, whole in days.counted() if hour == 3} == {
        "c0": False, "c1": True, "c2": False,
    }  # fmt: skip
    days.pass_hour(c0=0, c1=0, c2=0)
    assert days.items() == []
    days.pass_hour(c0=0, c1=0, c2=0)  # two hours after its maintenance
    assert [title.split(" · ")[1] for title, _ in days.items()] == ["c2路口"]


def test_while_nobody_listens_nothing_is_silent(days: Days) -> None:
    days.history(6)
    days.listening = False
    for _ in range(3):
        days.pass_hour(c0=0, c1=0, c2=0)
    assert days.items() == []


def test_who_resolves_it_is_not_told_again_while_it_goes_on(days: Days) -> None:
    days.history(6)
    days.pass_hour(c1=412)
    item = days.one()
    li, step = Actor("li", ["s1"]), Step(verb="resolve", version=item.version, outcome="real")
    with connect(days.url, part="test") as own:
        steps.take(own, RULES, item.id, step, li, lambda: days.hour)
    days.pass_hour(c1=500)
    assert [state for _, state in days.items()] == ["resolved"]
    days.pass_hour()
    days.pass_hour(c1=412)
    assert [state for _, state in days.items()] == ["resolved", "open"]


def test_whoever_has_it_is_told_once_that_it_is_over(days: Days) -> None:
    days.history(6)
    days.pass_hour(c1=412)
    item = days.one()
    with connect(days.url, part="test") as own:
        step = Step(verb="acknowledge", version=item.version)
        steps.take(own, RULES, item.id, step, Actor("li", ["s1"]), lambda: days.hour)
    days.pass_hour()
    days.pass_hour()
    assert days.timeline()[-1] == ("note", "恢复如常:11时 22次")
    days.pass_hour(c1=412)  # again, while li has it: it joins
    assert [state for _, state in days.items()] == ["acknowledged"]
    assert days.one().count == 2
    assert days.timeline()[-1][0] == "repeat"


def test_a_device_that_goes_and_rules_that_end_it_heal_what_was_shown(days: Days) -> None:
    days.history(6)
    days.pass_hour(c1=412, c2=412)
    assert [state for _, state in days.items()] == ["open", "open"]
    remove_device(days.conn, "s1", "c1")
    days.pass_hour(c2=412)
    assert [state for _, state in days.items()] == ["resolved", "open"]
    off = msgspec.structs.replace(RULES.unusual, enabled=False)
    days.rules = msgspec.structs.replace(RULES, unusual=off)
    days.pass_hour(c0=500, c2=412)
    assert [state for _, state in days.items()] == ["resolved", "resolved"]
    assert days.timeline()[-1][1] == "规则已停用与往常的比较"
    assert days.counted()[-1] == (2, "c2", 412, True)  # counted all the same


def test_old_hours_are_counted_and_not_told(days: Days) -> None:
    days.history(6)
    days.see("c1", 412, at=START)
    days.see("c1", 412, at=START + 30 * HOUR)
    days.conn.execute("UPDATE device_states SET state_since = %s WHERE device = 'c0'", (START + 36 * HOUR,))
    now = START + 40 * HOUR + LATENESS
    days.conn.execute("UPDATE parts SET beat_at = %s", (now,))
    for _ in range(20):
        days.tick(now)
    assert len({hour for hour, *_ in days.counted()}) == 40
    told = days.conn.execute(
        "SELECT extract(epoch FROM hour - %s)::int / 3600 FROM unusual_items WHERE what = 'above'", (START,)
    ).fetchall()
    assert told == [(30,)]
    silent = days.conn.execute("SELECT DISTINCT device FROM unusual_items WHERE what = 'silent' ORDER BY 1").fetchall()
    assert silent == [("c0",), ("c1",), ("c2",)]
    first = days.conn.execute(  # c0 was away until the 36th hour
        "SELECT min(hour) FROM unusual_items WHERE device = 'c0'"
    ).fetchone()
    assert first == (START + 37 * HOUR,)


def test_two_engines_count_and_tell_once(days: Days) -> None:
    days.history(6)
    for number in range(6):
        for device in CAMERAS:
            days.see(device, 22 + 400 * (number % 2), at=START + number * HOUR)
    now = START + 6 * HOUR + LATENESS
    days.conn.execute("UPDATE parts SET beat_at = %s", (now,))

    def engine(_: int) -> None:
        watch = Watch()
        for _ in range(6):
            days.tick(now, watch)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(engine, range(3)))
    assert len(days.counted()) == 18
    told = days.conn.execute("SELECT count(*), count(DISTINCT (device, hour)) FROM unusual_items").fetchone()
    assert told == (9, 9)
    assert days.count("incidents") == 9
    assert [verb for verb, _ in days.timeline()].count("open") == 9


def test_what_another_engine_has_told_is_told_no_more(days: Days) -> None:
    days.history(6)
    days.pass_hour(c1=412)
    told = days.timeline()
    stored = days.conn.cursor(row_factory=dict_row).execute("SELECT * FROM unusual_items").fetchone()
    assert stored is not None
    item = msgspec.convert({name: stored[name] for name in Item.__struct_fields__}, Item)
    opening = unusual.opening_of(item, Device(site="s1", device="c1", kind="camera", name="c1"), ZONE, RULES, days.hour)
    with connect(days.url, part="test") as own:
        settled(own, lambda: unusual._begin(own, RULES, item, opening, ZONE))
    assert days.timeline() == told
    assert days.one().count == 1
    days.pass_hour()
    with connect(days.url, part="test") as own:
        settled(own, lambda: unusual._begin(own, RULES, item, opening, ZONE))
    assert [state for _, state in days.items()] == ["resolved"]


def test_more_than_a_tick_takes_is_told_in_the_next(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unusual, "MOST_ITEMS", 1)
    days.history(6)
    days.pass_hour(c0=412, c1=412, c2=412)
    told = [len(days.items())]
    for _ in range(3):
        days.tick(days.hour + LATENESS)
        told.append(len(days.items()))
    assert told == [1, 2, 3, 3]
    days.pass_hour(c0=412, c1=0, c2=22)
    for _ in range(3):
        days.tick(days.hour + LATENESS)
    assert [state for _, state in days.items()].count("open") == 1


def test_a_crash_between_counting_and_telling_loses_nothing(days: Days) -> None:
    days.history(6)
    days.see("c1", 412)
    days.hour += HOUR
    now = days.hour + LATENESS
    days.conn.execute("UPDATE parts SET beat_at = %s", (now,))
    days.conn.execute("ALTER TABLE unusual_items RENAME TO gone")
    with pytest.raises(psycopg.errors.UndefinedTable):
        days.tick(now)
    assert days.counted()[1] == (0, "c1", 412, True)
    days.conn.execute("ALTER TABLE gone RENAME TO unusual_items")
    days.tick(now, Watch())
    days.tick(now, Watch())
    assert [state for _, state in days.items()] == ["open"]


def test_the_engine_does_it_and_asks_nothing_between_the_hours(days: Days) -> None:
    days.history(6)
    engine = Engine(load_rules, timedelta(seconds=60))
    days.see("c1", 412)
    now = START + HOUR + LATENESS
    days.conn.execute("UPDATE parts SET beat_at = %s", (now,))
    days.conn.execute("UPDATE device_states SET last_seen = %s", (now,))
    with connect(days.url, part="engine") as own:
        engine.tick(own, now)
        assert [title for title, _ in days.items()] == ["异常增多 · c1路口 · 10时 412次,往常同一时段 20–24 次(6周)"]
        own.rollback()
        watch = Watch()
        watch.tick(own, RULES, now)
        own.close()
        watch.tick(own, RULES, now + timedelta(minutes=59))  # a closed connection would raise
        with pytest.raises(psycopg.OperationalError):
            watch.tick(own, RULES, now + HOUR)


Run = Callable[..., Any]


@pytest.fixture
def replay(days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SKYNET_DATABASE_URL", days.url)
    monkeypatch.setenv("SKYNET_DATA_DIR", str(tmp_path))

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(app, ["unusual", *arguments])
        if "--json" in arguments:
            assert done.exit_code == 0, (done.output, done.exception)
            return json.loads(done.stdout)
        return done

    return run


def test_a_replay_shows_what_the_engine_showed(days: Days, replay: Run) -> None:
    days.history(6)
    for counts in ({"c1": 412}, {"c1": 390, "c2": 0}, {"c2": 0}, {"c2": 0}, {}, {"c0": 99}, {}):
        days.pass_hour(**counts)
    found = replay("s1", "--from", "2026-11-02T10:00", "--json")
    assert [(one["hour"], one["device"], one["what"], one["would"], one["was"]) for one in found["items"]] == [
        ("2026-11-02T02:00:00Z", "c1", "above", True, True),
        ("2026-11-02T04:00:00Z", "c2", "silent", True, True),
        ("2026-11-02T07:00:00Z", "c0", "above", True, True),
    ]
    stored = days.conn.cursor(row_factory=dict_row).execute("SELECT * FROM unusual_items ORDER BY hour").fetchall()
    for one, row in zip(found["items"], stored, strict=True):
        assert {name: one[name] for name in ("count", "low", "high", "weeks", "hours")} == {
            name: row[name] for name in ("count", "low", "high", "weeks", "hours")
        }
        assert one["incident"] == str(row["incident"])
    assert found["items"][0]["figure"] == "10时 412次,往常同一时段 20–24 次(6周)"


def test_a_replay_by_other_rules_stands_beside_what_was(
    days: Days, replay: Run, tmp_path: Path, monkeypatch: Any
) -> None:
    days.history(6)
    days.pass_hour(c0=60)
    days.pass_hour(c1=412)
    days.pass_hour()
    rules = tmp_path / "mine.toml"
    rules.write_text("[unusual]\nabove = 20\n", "utf-8")
    monkeypatch.setenv("SKYNET_RULES_FILE", str(rules))
    found = replay("s1", "--json")
    assert [(one["device"], one["would"], one["was"]) for one in found["items"]] == [
        ("c0", False, True),
        ("c1", True, True),
    ]
    text = replay("s1", "--from", "2026-11-02").stdout
    assert "2 items" in text
    assert "2026-11-02 11:00  c1" in text
    assert "11时 412次" in text


def test_a_replay_says_what_is_wrong(days: Days, replay: Run) -> None:
    assert "no hour is counted" in str(replay("s1").exception)
    days.history(1)
    for arguments, said in (
        (("s9",), "skynet sites list"),
        (("s1", "--from", "yesterday"), "2026-11-20T08:00"),
        (("s1", "--from", "2026-12-01"), "counted up to 2026-11-02T02:00Z"),
    ):
        assert said in str(replay(*arguments).exception)


def test_events_as_ingest_stores_them_are_what_is_counted(days: Days) -> None:
    days.history(1)
    phases: tuple[Phase, ...] = ("start", "update", "update", "end", "instant")
    arrived = [
        Arrived(Event("s1", "c0", f"e{n}", "person", phase, "t1", 0.5, START, None), START + timedelta(minutes=n))
        for n, phase in enumerate(phases)
    ]
    with connect(days.url, part="test") as own:
        events.copy_events(own, arrived, {})
    days.pass_hour(c0=0)
    assert days.counted()[0] == (0, "c0", 2, True)


def test_hours_of_long_ago_are_forgotten(days: Days) -> None:
    days.history(1, until=START - timedelta(days=401))
    days.conn.execute("UPDATE hours_done SET up_to = %s", (START,))
    days.pass_hour()
    assert days.count("event_hours") == 3


def rules_with(**fields: Any) -> Rules:
    return msgspec.structs.replace(RULES, unusual=msgspec.structs.replace(RULES.unusual, **fields))


def test_one_hour_of_silence_where_the_rules_say_so(days: Days) -> None:
    days.history(6)
    days.rules = rules_with(silent_hours=1)
    days.pass_hour(c2=0)
    assert [title for title, _ in days.items()] == ["异常安静 · c2路口 · 10时 0次,往常同一时段 20–24 次(6周)"]
