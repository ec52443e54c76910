"""The feed: numbers without a gap, in commit order, whoever writes at once; and a timeline that nobody rewrites."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest
from psycopg import Connection

from devices.registry import Site
from store import feed, incidents
from store.connect import UnsafeDatabase, connect, refuse_unsafe
from store.migrate import is_current
from store.records import Change, Incident
from store.registry import add_site

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def opening(site: str = "s1", key: str | None = "press:b1", at: datetime = NOW, track: str | None = None) -> Incident:
    return Incident(
        site=site, join_key=key, grid=None, kind="press", priority="critical", title="t", device="b1", lat=None, lon=None,
        address=None, opened_at=at, updated_at=at, last_event_at=at, tracks=() if track is None else (track,),
    )  # fmt: skip


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, part="test") as conn:
        for site in ("s1", "s2"):
            add_site(conn, Site(site=site, name=site))
        conn.commit()
        yield conn


def test_concurrent_writers_number_without_gaps_and_a_reader_skips_none(database: str, conn: Connection) -> None:
    each, writers = 25, 6
    done = threading.Event()
    seen: dict[str, list[int]] = {"s1": [], "s2": []}

    def write(number: int) -> None:
        with connect(database, part="writer") as own:
            for turn in range(each):
                sites = ("s1", "s2") if turn % 2 else ("s2", "s1")
                changes = []
                for site in sorted(sites):
                    joined = incidents.open_or_join(own, opening(site, f"press:{number}-{turn}"))
                    changes.append(Change(incident=joined.incident, actor="device:b1", verb="open"))
                feed.append(own, changes[::-1])
                own.commit() if turn % 5 else own.rollback()

    def read() -> None:
        with connect(database, part="reader", autocommit=True) as own:
            last = {"s1": 0, "s2": 0}
            while True:
                ending = done.is_set()
                for change in feed.read_after(own, last, 7):
                    seen[change.site].append(change.seq)
                    last[change.site] = change.seq
                if ending and feed.heads(own, last) == last:
                    return

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        for write_done in [pool.submit(write, number) for number in range(writers)]:
            write_done.result()
        done.set()
        reader.result()
    kept = writers * sum(1 for turn in range(each) if turn % 5)
    assert seen == {"s1": list(range(1, kept + 1)), "s2": list(range(1, kept + 1))}


def test_same_key_at_once_is_one_incident_that_counts_each(database: str, conn: Connection) -> None:
    def press(_: int) -> bool:
        with connect(database, part="press") as own:
            return incidents.open_or_join(own, opening()).opened

    with ThreadPoolExecutor(10) as pool:
        opened = list(pool.map(press, range(40)))
    assert opened.count(True) == 1
    row = conn.execute("SELECT count(*), max(count) FROM incidents").fetchone()
    assert row == (1, 40)


def test_resolved_incidents_let_go_of_their_key(conn: Connection) -> None:
    first = incidents.open_or_join(conn, opening()).incident
    incidents.save(conn, msgspec.structs.replace(first, state="resolved"))
    second = incidents.open_or_join(conn, opening())
    assert second.opened
    assert second.incident.id != first.id


@pytest.mark.parametrize(
    ("track", "later", "opened", "repeated", "count"),
    [
        ("t1", 60, False, False, 1),
        ("t2", 60, False, True, 2),
        (None, 60, False, True, 2),
        ("t2", 900, True, False, 1),
    ],
    ids=["same track continues", "other track repeats", "no track repeats", "too late opens anew"],
)
def test_joining_by_track_and_window(
    conn: Connection, track: str | None, later: int, *, opened: bool, repeated: bool, count: int
) -> None:
    incidents.open_or_join(conn, opening(track="t1"), join_after=NOW - timedelta(seconds=600))
    at = NOW + timedelta(seconds=later)
    joined = incidents.open_or_join(conn, opening(at=at, track=track), join_after=at - timedelta(seconds=600))
    assert (joined.opened, joined.repeated, joined.incident.count) == (opened, repeated, count)


def test_a_press_on_a_cancelled_incident_stands_again(conn: Connection) -> None:
    cancelled = msgspec.structs.replace(opening(), cancelled_at=NOW)
    assert incidents.open_or_join(conn, cancelled).incident.cancelled_at == NOW
    assert incidents.open_or_join(conn, cancelled).incident.cancelled_at == NOW
    assert incidents.open_or_join(conn, opening()).incident.cancelled_at is None
    assert incidents.open_or_join(conn, cancelled).incident.cancelled_at is None


def test_nobody_rewrites_the_timeline(conn: Connection) -> None:
    joined = incidents.open_or_join(conn, opening())
    feed.append(conn, [Change(incident=joined.incident, actor="device:b1", verb="open")])
    conn.commit()
    for statement in ("UPDATE changes SET note = 'x'", "DELETE FROM changes", "TRUNCATE changes", "DELETE FROM alarms"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(statement)
        conn.rollback()


def test_unknown_site_is_an_error_that_says_what_to_do(conn: Connection) -> None:
    with pytest.raises(KeyError, match="skynet sites add"):
        feed.append(conn, [Change(incident=opening("nowhere"), actor="system", verb="open")])


def test_an_unsafe_database_is_refused(database: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    with connect(database, part="owner", autocommit=True, role=None) as owner:
        owner.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with connect(database, part="test") as conn, pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        refuse_unsafe(conn)


def test_migrating_again_and_at_once_does_nothing_more(database: str) -> None:
    code = "import sys; from store.migrate import migrate; migrate(sys.argv[1])"
    running = [subprocess.Popen([sys.executable, "-c", code, database]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with connect(database, part="test") as conn:
        assert is_current(conn)
