"""Receipts to a real button: every stage once it is there, in order, whatever is restarted in the middle of a sequence."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from servers import Broker

from alerts import steps
from alerts.lifecycle import Step
from alerts.rules import load_rules
from alerts.steps import Actor
from devices import broker as broker_rules
from devices import broker_control, probing
from devices.button import Button
from devices.registry import Device, Site
from ingest.service import Ingest
from ingest.telling import one_stage_each
from skynet.settings import Settings
from store import receipts, registry
from store.connect import connect
from store.records import NumberedChange

Eventually = Callable[..., None]
ALARM = "skynet/v1/s1/b1/alarm"
STAGES = ["stored", "acknowledged", "coming", "closed"]
ACKNOWLEDGE = Step(verb="acknowledge", version=1)
DISPATCH = Step(verb="dispatch", version=2, to="王")
RESOLVE = Step(verb="resolve", version=3, outcome="false")


@pytest.fixture
def settings(database: str, mqtt: Broker) -> Settings:
    return Settings(database_url=SecretStr(database), mqtt_url=mqtt.url, mqtt_password=SecretStr(mqtt.password))


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    with connect(database, part="test", autocommit=True) as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        registry.add_device(conn, Device(site="s1", device="b1", kind="button", name="b1"))
        yield conn


@contextmanager
def running(settings: Settings, conn: psycopg.Connection, eventually: Eventually) -> Iterator[Ingest]:
    conn.execute("DELETE FROM parts")
    ingest = Ingest(settings, settings.require_database())
    ingest.start()
    eventually(lambda: conn.execute("SELECT 1 FROM parts WHERE ready_since IS NOT NULL").fetchone())
    try:
        yield ingest
    finally:
        ingest.stop()


@contextmanager
def connected(mqtt: Broker, spool: Path) -> Iterator[Button]:
    with Button(mqtt.host, mqtt.port, "s1", "b1", "pw", spool) as button:
        assert button.wait_until_ready()
        yield button


@pytest.fixture
def spool(mqtt: Broker, tmp_path: Path) -> Path:
    """The button may log in; where it keeps its presses."""
    broker_control.apply(mqtt.host, mqtt.port, mqtt.password, broker_rules.adding("s1", "b1", "pw"))
    return tmp_path / "spool"


@pytest.fixture
def button(mqtt: Broker, spool: Path) -> Iterator[Button]:
    with connected(mqtt, spool) as button:
        yield button


def pressed(button: Button) -> int:
    button.press(alarm_id="p1")
    stored = button.wait_for("p1", "stored")
    assert stored is not None
    assert stored.incident is not None
    return int(stored.incident)


def take(database: str, incident: int, *taken: Step) -> None:
    with connect(database, part="officer") as own:
        for step in taken:
            done = steps.take(own, load_rules(), incident, step, Actor("li", {"s1"}), lambda: datetime.now(UTC))
            assert isinstance(done, steps.Done)


def stages(button: Button) -> list[str]:
    return [one.stage for one in list(button.receipts) if one.id == "p1"]


def in_order(told: list[str]) -> bool:
    """Whether no stage comes behind a later one; a restart may repeat the last one."""
    return [STAGES.index(one) for one in told] == sorted(STAGES.index(one) for one in told)


def test_a_restart_of_ingest_between_the_steps(
    settings: Settings, button: Button, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    with running(settings, conn, eventually):
        incident = pressed(button)
    take(database, incident, ACKNOWLEDGE)
    with running(settings, conn, eventually):
        assert button.wait_for("p1", "acknowledged")
        take(database, incident, DISPATCH)
    take(database, incident, RESOLVE)
    with running(settings, conn, eventually):
        closed = button.wait_for("p1", "closed")
    assert stages(button) == STAGES
    assert closed is not None
    assert closed.outcome == "false"


def test_steps_taken_while_nobody_tells_come_all_and_in_order(
    settings: Settings, button: Button, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    with running(settings, conn, eventually):
        incident = pressed(button)
    take(database, incident, ACKNOWLEDGE, DISPATCH, RESOLVE)
    with running(settings, conn, eventually):
        assert button.wait_for("p1", "closed")
    assert stages(button) == STAGES


def test_kill_9_of_ingest_again_and_again_repeats_no_earlier_stage(
    settings: Settings, button: Button, database: str, conn: psycopg.Connection, mqtt: Broker, eventually: Eventually
) -> None:
    with running(settings, conn, eventually):
        incident = pressed(button)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SKYNET_")}
    environment |= {
        "SKYNET_DATABASE_URL": database, "SKYNET_MQTT_URL": mqtt.url, "SKYNET_MQTT_PASSWORD": mqtt.password,
    }  # fmt: skip
    for step, told in ((ACKNOWLEDGE, 2), (DISPATCH, 3), (RESOLVE, 4)):
        process = subprocess.Popen([sys.executable, "-m", "skynet", "ingest"], env=environment)
        try:
            take(database, incident, step)
            eventually(lambda told=told: len(set(stages(button))) >= told, 30)
        finally:
            process.send_signal(signal.SIGKILL)  # at once: perhaps before the cursor has moved
            process.wait()
    with running(settings, conn, eventually):
        eventually(lambda: not receipts.sites_behind(conn))
    assert in_order(stages(button))
    assert set(stages(button)) == set(STAGES)


def test_a_restart_of_the_broker_in_the_middle(
    settings: Settings, mqtt: Broker, button: Button, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    """The teller is often back before the button: what nobody listened to waits, and comes in its order."""
    with running(settings, conn, eventually):
        incident = pressed(button)
        for step, stage in ((ACKNOWLEDGE, "acknowledged"), (DISPATCH, "coming"), (RESOLVE, "closed")):
            mqtt.kill()
            take(database, incident, step)
            mqtt.restart()
            eventually(lambda stage=stage: stage in stages(button), 30)
    assert in_order(stages(button))
    assert set(stages(button)) == set(STAGES)
    assert next(one.outcome for one in button.receipts if one.stage == "closed") == "false"


def waiting(conn: psycopg.Connection) -> list[str]:
    return [stage for (stage,) in conn.execute("SELECT stage FROM receipts_waiting ORDER BY id")]


def test_what_nobody_listened_to_waits_also_over_a_restart(
    settings: Settings, mqtt: Broker, spool: Path, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    with running(settings, conn, eventually):
        with connected(mqtt, spool) as button:
            incident = pressed(button)
        take(database, incident, ACKNOWLEDGE, DISPATCH)
        eventually(lambda: waiting(conn) == ["acknowledged", "coming"])
    with running(settings, conn, eventually), connected(mqtt, spool) as again:
        take(database, incident, RESOLVE)  # behind what waits
        closed = again.wait_for("p1", "closed", 20)
        assert stages(again) == STAGES[1:]
        assert closed is not None
        assert closed.outcome == "false"
        eventually(lambda: waiting(conn) == [])


def test_a_press_that_is_sent_again_is_told_the_newest_and_nothing_older_after(
    settings: Settings, mqtt: Broker, spool: Path, database: str, conn: psycopg.Connection, eventually: Eventually
) -> None:
    with running(settings, conn, eventually):
        with connected(mqtt, spool) as button:
            incident = pressed(button)
        take(database, incident, ACKNOWLEDGE, DISPATCH)
        eventually(lambda: len(waiting(conn)) == 2)
        # it sends the press again before it listens, as one that was cut off before its receipt came
        said = probing.say(mqtt.host, mqtt.port, "s1.b1", "pw", ALARM, b'{"id":"p1","action":"press"}')
        assert said is None
        eventually(lambda: waiting(conn) == [])


def change(seq: int, incident: int, verb: str, state: str) -> NumberedChange:
    body = f'{{"id":"{incident}","state":"{state}","outcome":null}}'
    return NumberedChange(
        site="s1", seq=seq, at=datetime(2026, 11, 24, tzinfo=UTC), actor="li", verb=verb, note=None, body=body
    )


def test_of_an_incident_one_stage_is_told_at_a_time() -> None:
    changes = [
        change(1, 7, "open", "open"),
        change(2, 7, "acknowledge", "acknowledged"),
        change(3, 8, "acknowledge", "acknowledged"),
        change(4, 7, "note", "acknowledged"),
        change(5, 7, "dispatch", "dispatched"),
        change(6, 8, "dispatch", "dispatched"),
    ]
    taken, told = one_stage_each(changes)
    assert [one.seq for one in taken] == [1, 2, 3, 4]
    assert [(body["id"], stage) for body, stage in told] == [("7", "acknowledged"), ("8", "acknowledged")]
    taken, told = one_stage_each(changes[4:])
    assert [one.seq for one in taken] == [5, 6]
    assert one_stage_each([]) == ([], [])
