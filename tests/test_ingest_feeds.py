"""Other makers' feeds replayed into the whole way in: they give the incidents one would expect, once, however often."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr
from servers import Broker

from devices import feed, playing
from devices.registry import Device, Site
from ingest.service import Ingest
from skynet.settings import Settings
from store import registry
from store.connect import connect

Eventually = Callable[..., None]
DATA = Path(__file__).parent / "data"

DEVICES = [
    Device(site="lake", device="video", kind="gateway", name="录像机", format="frigate", prefix="frigate"),
    Device(site="lake", device="zigbee", kind="gateway", name="网关", format="zigbee2mqtt", prefix="zigbee2mqtt"),
    Device(site="lake", device="cam-gate", kind="camera", name="村口", via="video", native="village_gate"),
    Device(site="lake", device="cam-square", kind="camera", name="广场", via="video", native="Square"),
    Device(site="lake", device="btn-hall", kind="button", name="大厅", via="zigbee", native="0x00124b0029aa17c4"),
    Device(site="lake", device="btn-bed", kind="button", name="床头", via="zigbee", native="厨房/床头 按钮"),
    Device(site="lake", device="btn-lobby", kind="button", name="门厅", via="zigbee", native="lobby"),
]


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        registry.add_site(conn, Site(site="lake", name="湖边"))
        for device in DEVICES:
            registry.add_device(conn, device)
        yield conn


@pytest.fixture
def ingest(database: str, mqtt: Broker, conn: psycopg.Connection, eventually: Eventually) -> Iterator[Ingest]:
    settings = Settings(database_url=SecretStr(database), mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password))
    running = Ingest(settings, settings.require_database())
    running.start()
    eventually(lambda: conn.execute("SELECT 1 FROM parts WHERE part = 'ingest' AND ready_since IS NOT NULL").fetchone())
    yield running
    running.stop()


def replay(mqtt: Broker, name: str, speed: float) -> None:
    """Live, with nothing of it retained: who subscribes later is another test's business."""
    with (DATA / f"{name}.jsonl").open("rb") as lines:
        live = [feed.Record(one.at, one.topic, one.payload, 1) for one in feed.read(lines) if not one.retain]
    assert playing.replay(mqtt.host, mqtt.port, mqtt.password, live, speed=speed) == len(live)


def incidents(conn: psycopg.Connection) -> dict[str, tuple[str, int]]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT device, kind, count FROM incidents ORDER BY id").fetchall()
    return {row["device"]: (row["kind"], row["count"]) for row in rows}


def rows(conn: psycopg.Connection, table: str) -> int:
    found = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.usefixtures("ingest")
def test_a_frigate_opens_what_its_reviews_call_an_alert(
    conn: psycopg.Connection, mqtt: Broker, eventually: Eventually
) -> None:
    for _ in range(2):  # the second time everything is known already
        replay(mqtt, "frigate", 0)
        eventually(lambda: conn.execute("SELECT 1 FROM rejects WHERE reason LIKE 'available%'").fetchone())
        conn.execute("DELETE FROM rejects")
    eventually(lambda: rows(conn, "events") >= 11)
    kinds: dict[str, int] = dict(conn.execute("SELECT kind, count(*) FROM events GROUP BY kind").fetchall())
    assert kinds == {"person": 3, "vehicle": 3, "dog": 1, "fire": 1, "intrusion": 2, "noise": 1}
    opened = conn.execute("SELECT kind, device, count FROM incidents ORDER BY kind").fetchall()
    assert ("fire", "cam-gate", 1) in opened
    assert {kind for kind, _, _ in opened} <= {"fire", "intrusion"}  # by day an intrusion may be stored only
    strangers = conn.execute("SELECT native FROM devices WHERE NOT registered").fetchall()
    assert strangers == [("后院 2",)]
    kept = conn.execute("SELECT coalesce(string_agg(attrs::text, ' '), '') FROM events").fetchone()
    assert kept is not None
    for identity in ("Invented", "川A00000", "red coat", "verified"):
        assert identity not in kept[0]


@pytest.mark.usefixtures("ingest")
def test_zigbee_presses_are_once_each(conn: psycopg.Connection, mqtt: Broker, eventually: Eventually) -> None:
    replay(mqtt, "zigbee2mqtt", 8.0)
    # 8 times as fast, what were 6 seconds between two presses is less than the window: one press each
    eventually(lambda: len(incidents(conn)) == 5)
    found = incidents(conn)
    assert {name for name in found if name.startswith("btn-")} == {"btn-hall", "btn-bed", "btn-lobby"}
    assert {name.rsplit("-", 1)[0] for name in found if not name.startswith("btn-")} == {"somebody", "some-body"}
    assert all(kind == "press" for kind, _ in found.values())
    assert rows(conn, "alarms") == 5


@pytest.mark.usefixtures("ingest")
def test_a_golden_feed_of_our_own(conn: psycopg.Connection, mqtt: Broker, eventually: Eventually) -> None:
    replay(mqtt, "own", 0)
    eventually(lambda: rows(conn, "events") == 3 and rows(conn, "alarms") == 3)
    assert incidents(conn) == {"btn-hall": ("press", 1)}
    cancelled = conn.execute("SELECT cancelled_at IS NOT NULL FROM incidents").fetchone()
    assert cancelled == (True,)
