"""Camera events' way in: stored once, opened by rule, and one that can't be stored takes nothing with it."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest
from mqtt_client import Client
from pydantic import SecretStr
from servers import Broker

from devices.registry import Device, Site
from ingest.service import Ingest
from skynet.settings import Settings
from store import events as event_rows
from store import registry
from store.connect import connect

Eventually = Callable[..., None]
TOPIC = "skynet/v1/s1/c1/event"


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        for name in ("c1", "c2"):
            registry.add_device(conn, Device(site="s1", device=name, kind="camera", name=name, lat=30.0, lon=103.0))
        yield conn


@pytest.fixture
def ingest(database: str, mqtt: Broker, conn: psycopg.Connection, eventually: Eventually) -> Iterator[Ingest]:
    settings = Settings(database_url=SecretStr(database), mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password))
    running = Ingest(settings, database)
    running.start()
    eventually(lambda: conn.execute("SELECT 1 FROM parts WHERE ready_since IS NOT NULL").fetchone())
    yield running
    running.stop()


@pytest.fixture
def feeds(mqtt: Broker, ingest: Ingest) -> Iterator[Client]:
    client = Client(mqtt, "skynet-feeds", mqtt.password)
    yield client
    client.close()


def event(number: int, kind: str = "person", **more: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "ts": "2026-11-24T01:00:00Z", "kind": kind, "phase": "instant", **more}


def count(conn: psycopg.Connection, what: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {what}").fetchone()
    assert row is not None
    return int(row[0])


def test_events_are_stored_once_however_often_they_come(
    feeds: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    for _ in range(3):
        for number in range(200):
            feeds.client.publish(TOPIC, orjson.dumps(event(number, attrs={"text": 'a\t"b"\\\n', "人": "门"})), qos=1)
    feeds.send(TOPIC, event(999))
    eventually(lambda: count(conn, "events WHERE id = 'e999'"))
    assert count(conn, "events") == 201
    assert conn.execute("SELECT DISTINCT attrs FROM events WHERE id <> 'e999'").fetchall() == [
        ({"text": 'a\t"b"\\\n', "人": "门"},)
    ]
    assert count(conn, "incidents") == 0


def test_repeats_join_and_updates_of_a_track_only_continue(
    feeds: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    feeds.send(TOPIC, event(1, "fire", track="t1", phase="start"))
    feeds.send(TOPIC, event(2, "fire", track="t1", phase="update"))
    feeds.send(TOPIC, event(3, "fire", track="t2", phase="start"))
    feeds.send("skynet/v1/s1/c2/event", event(1, "fire"))
    feeds.send(TOPIC, event(4, "fire", track="t2", phase="end"))
    eventually(lambda: count(conn, "events") == 5)
    rows = conn.execute("SELECT device, devices, priority, count, cameras FROM incidents").fetchall()
    assert [row[:4] for row in rows] == [("c1", ["c1", "c2"], "critical", 3)]
    assert {camera["device"] for camera in rows[0][4]} >= {"c1", "c2"}
    linked: dict[str, bool] = dict(
        conn.execute("SELECT id, incident IS NOT NULL FROM events WHERE device = 'c1'").fetchall()
    )
    assert linked == {"e1": True, "e2": True, "e3": True, "e4": False}
    assert [verb for (verb,) in conn.execute("SELECT verb FROM changes WHERE body->>'device' = 'c1'")] == [
        "open",
        "repeat",
        "repeat",
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xfe",
        b"[]",
        b"{" * 100_000,
        b'{"id":"x","ts":1,"kind":"person","phase":"instant","confidence":NaN}',
        b'{"id":"x","ts":1,"kind":"person","phase":"never"}',
        b'{"id":"x","kind":"person","phase":"instant"}',
        b'{"id":"' + b"x" * 10_000 + b'","ts":1,"kind":"person","phase":"instant"}',
        b"y" * 1_048_576,
    ],
    ids=["not UTF-8", "wrong shape", "deep", "NaN", "no such phase", "no ts", "long id", "1 MB"],
)
def test_bad_events_are_kept_as_rejects(
    feeds: Client, conn: psycopg.Connection, eventually: Eventually, payload: bytes
) -> None:
    feeds.send(TOPIC, payload)
    feeds.send(TOPIC, event(1))
    eventually(lambda: count(conn, "events") == 1)
    assert conn.execute("SELECT site, device, payload FROM rejects").fetchall() == [("s1", "c1", payload[:4096])]


def test_a_message_the_database_refuses_takes_nothing_with_it(
    feeds: Client, conn: psycopg.Connection, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = event_rows._event_line
    monkeypatch.setattr(event_rows, "_event_line", lambda *given: _broken_line(line, *given))
    for number in range(40):
        feeds.client.publish(TOPIC, orjson.dumps(event(number)), qos=1)
    eventually(lambda: count(conn, "events") == 39)
    eventually(lambda: count(conn, "rejects WHERE reason LIKE 'internal%'") == 1)


def _broken_line(line: Callable[..., str], *given: Any) -> str:
    text = line(*given)
    return "not a time\t" + text if "\te13\t" in text else text


def test_a_database_that_is_away_costs_delay_only(
    feeds: Client, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    ended = threading.Event()

    def cut() -> None:
        with connect(database, part="cutter", autocommit=True, role=None) as own:
            while not ended.wait(0.05):
                own.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'skynet ingest%' AND datname = current_database()"
                )

    cutter = threading.Thread(target=cut)
    cutter.start()
    for number in range(300):
        feeds.send(TOPIC, event(number, "fire" if number % 10 == 0 else "person"))
    ended.set()
    cutter.join()
    eventually(lambda: count(conn, "events") == 300, 30)
    assert conn.execute("SELECT sum(count) FROM incidents WHERE kind <> 'fault'").fetchone() == (30,)
    assert count(conn, "rejects") == 0


def test_telemetry_and_status_say_how_a_device_is(
    feeds: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    def state() -> tuple[Any, ...] | None:
        return conn.execute("SELECT state, battery, firmware FROM device_states WHERE device = 'c1'").fetchone()

    feeds.send("skynet/v1/s1/c1/status", {"online": True, "firmware": "1.2"})
    feeds.send("skynet/v1/s1/c1/telemetry", {"ts": 1, "battery": 87, "fps": 14.5, "name": "x"})
    eventually(lambda: state() == ("online", 87, "1.2"))
    feeds.send("skynet/v1/s1/c1/status", {"online": False})
    eventually(lambda: state() == ("offline", 87, "1.2"))
    feeds.send(TOPIC, event(1))
    eventually(lambda: state() == ("online", 87, "1.2"))
    assert conn.execute("SELECT values FROM telemetry").fetchall() == [({"fps": 14.5},)]


def test_arrival_and_the_devices_own_clock_are_both_kept(
    feeds: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    feeds.send(TOPIC, event(1) | {"ts": "1970-01-02T00:00:00Z"})
    feeds.send(TOPIC, event(2) | {"ts": 4_102_444_800_000})
    eventually(lambda: count(conn, "events") == 2)
    rows = conn.execute("SELECT ts, received_at FROM events ORDER BY id").fetchall()
    assert [ts for ts, _ in rows] == [datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)]
    assert all(abs((datetime.now(UTC) - at).total_seconds()) < 60 for _, at in rows)
