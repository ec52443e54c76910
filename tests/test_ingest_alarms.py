"""The alarm's way in, by a real broker into a real database: stored once, receipted after the commit, rarely refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
import pytest
from mqtt_client import Client
from pydantic import SecretStr
from servers import Broker

from alerts import openings, steps
from alerts.lifecycle import Conflict, Step
from alerts.rules import load_rules
from alerts.steps import Actor
from devices import broker as broker_rules
from devices import broker_control
from devices.registry import Device, Site
from ingest.service import Ingest
from skynet.settings import Settings
from store import registry
from store.connect import connect
from store.incidents import open_or_join
from store.records import Incident

Eventually = Callable[..., None]


@pytest.fixture
def settings(database: str, mqtt: Broker) -> Settings:
    return Settings(database_url=SecretStr(database), mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password))


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        for name in ("b1", "b2"):
            registry.add_device(conn, Device(site="s1", device=name, kind="button", name=name, address=f"{name}号"))
        registry.add_device(conn, Device(site="s1", device="c1", kind="camera", name="c1"))
        yield conn


@pytest.fixture
def ingest(settings: Settings, conn: psycopg.Connection, eventually: Eventually) -> Iterator[Ingest]:
    running = Ingest(settings, settings.require_database())
    running.start()
    eventually(lambda: conn.execute("SELECT 1 FROM parts WHERE part = 'ingest' AND ready_since IS NOT NULL").fetchone())
    yield running
    running.stop()


@pytest.fixture
def button(mqtt: Broker, ingest: Ingest) -> Iterator[Client]:
    broker_control.apply(mqtt.host, mqtt.port, mqtt.password, broker_rules.adding("s1", "b1", "pw"))
    client = Client(mqtt, "s1.b1", "pw", ("skynet/v1/s1/b1/receipt",))
    yield client
    client.close()


def incidents(conn: psycopg.Connection) -> list[tuple[Any, ...]]:
    return conn.execute("SELECT device, state, count, cancelled_at IS NOT NULL FROM incidents ORDER BY id").fetchall()


ALARM = "skynet/v1/s1/b1/alarm"


def test_a_press_is_an_incident_and_its_receipt_comes_back(
    button: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    button.send(ALARM, {"id": "p1", "ts": 1_790_000_000_000, "action": "press"})
    eventually(lambda: button.stages("p1") == ["stored"])
    assert incidents(conn) == [("b1", "open", 1, False)]
    incident = button.received[0][1]["incident"]
    assert conn.execute("SELECT id::text, title FROM incidents").fetchone() == (incident, "一键报警 · b1号")
    assert conn.execute("SELECT verb, body->>'id' FROM changes").fetchall() == [("open", incident)]


def test_the_same_press_50_times_and_over_5_connections_is_one(
    mqtt: Broker, button: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    press = {"id": "p1", "ts": 1_790_000_000_000, "action": "press"}
    for _ in range(50):
        button.client.publish(ALARM, orjson.dumps(press), qos=1)
    eventually(lambda: len(button.stages("p1")) >= 50 or button.stages("p1"))
    for _ in range(5):
        button.close()
        button.client.connect(mqtt.host, mqtt.port)
        button.client.loop_start()
        button.send(ALARM, press)
    button.client.subscribe("skynet/v1/s1/b1/receipt", 1)
    button.send(ALARM, {"id": "last", "ts": 1_790_000_000_000, "action": "test"})
    eventually(lambda: conn.execute("SELECT 1 FROM alarms WHERE id = 'last'").fetchone())
    assert conn.execute("SELECT count(*) FROM alarms WHERE id = 'p1'").fetchone() == (1,)
    assert incidents(conn) == [("b1", "open", 1, False)]


def test_presses_join_and_different_buttons_never_do(
    mqtt: Broker, button: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    broker_control.apply(mqtt.host, mqtt.port, mqtt.password, broker_rules.adding("s1", "b2", "pw2"))
    other = Client(mqtt, "s1.b2", "pw2", ("skynet/v1/s1/b2/receipt",))
    for number in range(3):
        button.send(ALARM, {"id": f"p{number}", "ts": 1_790_000_000_000, "action": "press"})
    other.send("skynet/v1/s1/b2/alarm", {"id": "p0", "ts": 1_790_000_000_000, "action": "press"})
    eventually(lambda: button.stages("p2") and other.stages("p0"))
    assert incidents(conn) == [("b1", "open", 3, False), ("b2", "open", 1, False)]
    other.close()


def test_cancel_after_and_before_its_press(button: Client, conn: psycopg.Connection, eventually: Eventually) -> None:
    button.send(ALARM, {"id": "p1", "ts": 1, "action": "press"})
    button.send(ALARM, {"id": "p1", "ts": 1, "action": "cancel"})
    eventually(lambda: "cancelled" in button.stages("p1"))
    assert incidents(conn) == [("b1", "open", 1, True)]
    button.send(ALARM, {"id": "p2", "ts": 1, "action": "press"})
    eventually(lambda: button.stages("p2"))
    assert incidents(conn) == [("b1", "open", 2, False)]
    button.send(ALARM, {"id": "p2", "ts": 1, "action": "cancel"})
    eventually(lambda: "cancelled" in button.stages("p2"))
    assert incidents(conn) == [("b1", "open", 2, True)]
    button.send(ALARM, {"id": "p3", "ts": 1, "action": "cancel"})
    button.send(ALARM, {"id": "p3", "ts": 1, "action": "press"})
    eventually(lambda: "stored" in button.stages("p3"))
    assert incidents(conn) == [("b1", "open", 3, True)]
    assert button.stages("p3")[-1] == "cancelled"


def test_a_test_proves_the_device_and_opens_nothing(
    button: Client, conn: psycopg.Connection, eventually: Eventually
) -> None:
    button.send(ALARM, {"id": "t1", "ts": 1, "action": "test"})
    eventually(lambda: button.stages("t1") == ["stored"])
    assert incidents(conn) == []
    eventually(lambda: conn.execute("SELECT 1 FROM device_states WHERE last_proven IS NOT NULL").fetchone())


GOOD = b'{"id":"good","ts":1790000000000,"action":"press"}'


@pytest.mark.parametrize(
    ("payload", "stored"),
    [
        (b"\xff\xfe\x00", False),
        (b"[1,2]", False),
        (b"[" * 50_000, False),
        (b'{"id":"x","action":"press","attrs":' + b"[" * 20_000 + b"]" * 20_000 + b"}", True),
        (b'{"id":"x","action":"press","ts":NaN}', True),
        (b'{"id":"x","action":"press","ts":1,"attrs":{"a":"\\u0000"}}', True),
        (b'{"id":"x","action":"press","ts":1,"attrs":{"a":"\xff"}}', True),
        (b"x" * 1_048_576, False),
        (b'{"id":"x","action":"press"}', True),
        (b'{"id":"x","action":"press","ts":"1970-01-01T00:00:00Z"}', True),
        (b'{"id":"x","action":"press","ts":"2100-01-01T00:00:00Z"}', True),
        (b'{"id":"' + b"x" * 10_000 + b'","action":"press","ts":1}', False),
        (b'{"id":"x","action":"hug","ts":1}', False),
        (b"", False),
    ],
    ids=[
        "not UTF-8", "wrong shape", "deep and cut", "deep attrs", "NaN", "U+0000", "bad UTF-8 in attrs", "1 MB",
        "no ts", "1970", "2100", "long id", "unknown action", "empty",
    ],
)  # fmt: skip
def test_bad_input_is_kept_and_nothing_behind_it_is_lost(
    button: Client, conn: psycopg.Connection, eventually: Eventually, payload: bytes, *, stored: bool
) -> None:
    button.send(ALARM, payload)
    button.send(ALARM, GOOD)
    eventually(lambda: button.stages("good"))
    presses = {id_ for (id_,) in conn.execute("SELECT id FROM alarms")}
    rejects = conn.execute("SELECT device, payload, size FROM rejects").fetchall()
    if stored:
        assert presses == {"x", "good"}
        assert rejects == []
    else:
        assert presses == {"good"}
        assert rejects == [("b1", payload[:4096], len(payload))]


def test_a_refused_alarm_with_a_readable_id_is_told_so(button: Client, eventually: Eventually) -> None:
    button.send(ALARM, {"id": "x1", "ts": 1, "action": "hug"})
    eventually(lambda: button.stages("x1") == ["rejected"])
    assert "press, cancel or test" in button.received[0][1]["reason"]


def test_retained_copies_raise_nothing_and_live_ones_count(
    mqtt: Broker, settings: Settings, conn: psycopg.Connection, eventually: Eventually
) -> None:
    feeds = Client(mqtt, "skynet-feeds", mqtt.password)
    feeds.send(ALARM, {"id": "ghost", "ts": 1, "action": "press"}, retain=True)
    running = Ingest(settings, settings.require_database())
    running.start()
    eventually(lambda: conn.execute("SELECT 1 FROM parts WHERE ready_since IS NOT NULL").fetchone())
    feeds.send(ALARM, {"id": "live", "ts": 1, "action": "press"}, retain=True)
    feeds.send(ALARM, {"id": "zero", "ts": 1, "action": "press"}, qos=0)
    eventually(lambda: conn.execute("SELECT 1 FROM alarms WHERE id = 'zero'").fetchone())
    assert [id_ for (id_,) in conn.execute("SELECT id FROM alarms ORDER BY received_at")] == ["live", "zero"]
    running.stop()
    feeds.close()


def test_a_device_can_speak_only_as_itself(button: Client, conn: psycopg.Connection, eventually: Eventually) -> None:
    button.send("skynet/v1/s1/b2/alarm", {"id": "forged", "ts": 1, "action": "press"})
    button.send("skynet/v1/s1/b1/receipt", {"id": "forged", "stage": "stored"})
    button.send(ALARM, GOOD)
    eventually(lambda: button.stages("good"))
    assert conn.execute("SELECT id FROM alarms").fetchall() == [("good",)]
    assert button.stages("forged") == []


def test_unknown_devices_and_sites(
    mqtt: Broker, ingest: Ingest, conn: psycopg.Connection, eventually: Eventually
) -> None:
    feeds = Client(mqtt, "skynet-feeds", mqtt.password)
    feeds.send("skynet/v1/nowhere/b1/alarm", {"id": "p1", "ts": 1, "action": "press"})
    feeds.send("skynet/v1/s1/stranger/alarm", {"id": "p1", "ts": 1, "action": "press"})
    eventually(lambda: incidents(conn) == [("stranger", "open", 1, False)])
    assert conn.execute("SELECT registered FROM devices WHERE device = 'stranger'").fetchone() == (False,)
    eventually(lambda: conn.execute("SELECT reason FROM rejects").fetchall() == [("unknown site 'nowhere'",)])
    feeds.close()


def test_a_rule_that_raises_loses_no_press(
    button: Client, conn: psycopg.Connection, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(openings, "for_press", broken)
    button.send(ALARM, GOOD)
    eventually(lambda: button.stages("good") == ["stored"])
    assert incidents(conn) == [("b1", "open", 1, False)]


def test_later_stages_come_back_in_order(
    button: Client, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    conn.execute("INSERT INTO users (name, role) VALUES ('li', 'admin')")
    button.send(ALARM, GOOD)
    eventually(lambda: button.stages("good"))
    incident = int(button.received[0][1]["incident"])

    def now() -> datetime:
        return datetime.now(UTC)

    with connect(database, part="officer") as officer:
        steps.take(officer, load_rules(), incident, Step(verb="acknowledge", version=1), Actor("li", {"s1"}), now)
        steps.take(officer, load_rules(), incident, Step(verb="dispatch", version=2, to="王"), Actor("li", {"s1"}), now)
        steps.take(
            officer, load_rules(), incident, Step(verb="resolve", version=3, outcome="real"), Actor("li", {"s1"}), now
        )
    eventually(lambda: len(button.stages("good")) == 4)
    assert button.stages("good") == ["stored", "acknowledged", "coming", "closed"]
    assert button.received[-1][1]["outcome"] == "real"
    button.send(ALARM, GOOD)
    eventually(lambda: len(button.stages("good")) == 6)
    assert button.stages("good")[-2:] == ["stored", "closed"]


def test_two_officers_at_once_200_times(database: str, conn: psycopg.Connection) -> None:
    now = datetime.now(UTC)
    outcomes = []
    with (
        ThreadPoolExecutor(2) as pool,
        connect(database, part="one") as one,
        connect(database, part="two") as two,
    ):
        for number in range(200):
            opening = Incident(
                site="s1", join_key=f"press:{number}", grid=None, kind="press", priority="critical", title="t",
                device="b1", lat=None, lon=None, address=None, opened_at=now, updated_at=now, last_event_at=now,
            )  # fmt: skip
            incident = open_or_join(conn, opening).incident
            tries = [
                pool.submit(
                    steps.take,
                    c,
                    load_rules(),
                    incident.id,
                    Step(verb="acknowledge", version=1),
                    Actor(who, {"s1"}),
                    lambda: now,
                )
                for c, who in ((one, "li"), (two, "wang"))
            ]
            results = [a_try.result() for a_try in tries]
            lost = [result for result in results if isinstance(result, Conflict)]
            assert len(lost) == 1
            assert lost[0].incident.owner in {"li", "wang"}
            outcomes.append(lost[0].incident.owner)
    assert len(outcomes) == 200
