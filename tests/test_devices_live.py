"""Buttons, recording, replaying and the live simulation, against a real broker."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker, running_broker

from devices import broker as rules
from devices import feed, playing, simulation, siteplan
from devices.button import Button
from devices.feed import Record
from devices.registry import Registry
from devices.scenarios import SCENARIOS
from devices.spool import Spool

Eventually = Callable[..., None]
PASSWORD = "only-in-this-test"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that knows one button."""
    login = rules.Login("zhihuo", "btn-001", rules.hashed(PASSWORD))
    with running_broker(tmp_path / "broker", [login]) as running:
        yield running


@contextmanager
def answering(broker: Broker, stage: str = "stored", deaf_to: int = 0) -> Iterator[list[dict[str, object]]]:
    """Stands where ingest does: answers each alarm with a receipt, but for the first few, as if they had been lost."""
    heard: list[dict[str, object]] = []
    granted = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="skynet-alarms")
    client.username_pw_set("skynet-alarms", broker.password)

    def answer(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        heard.append(orjson.loads(message.payload))
        if len(heard) > deaf_to:
            body = orjson.dumps({"id": heard[-1]["id"], "stage": stage, "ts": "2026-11-24T08:00:00Z"})
            client.publish(message.topic.replace("/alarm", "/receipt"), body, qos=1)

    def listen(*_: object) -> None:
        client.subscribe("skynet/v1/+/+/alarm", 1)

    client.on_connect = listen
    client.on_subscribe = lambda *_: granted.set()
    client.on_message = answer
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert granted.wait(10)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def button(broker: Broker, spool: Path) -> Button:
    return Button(broker.host, broker.port, "zhihuo", "btn-001", PASSWORD, spool)


def test_a_press_is_sent_until_it_is_receipted(broker: Broker, tmp_path: Path, eventually: Eventually) -> None:
    with answering(broker, deaf_to=1) as heard, button(broker, tmp_path / "spool.sqlite") as one:
        press = one.press()
        assert one.wait_for(press, "stored") is not None
        assert [said["id"] for said in heard] == [press, press]  # the first went unanswered
        eventually(lambda: one.pending == 0)


def test_a_press_outlives_its_process_and_a_broker_that_is_away(
    broker: Broker, tmp_path: Path, eventually: Eventually
) -> None:
    broker.kill()
    spool = tmp_path / "spool.sqlite"
    with button(broker, spool) as one:
        press = one.press({"note": "before the power cut"})
        assert one.pending == 1
    broker.restart()
    with answering(broker) as heard, button(broker, spool) as again:
        assert again.wait_for(press, "stored") is not None
        eventually(lambda: again.pending == 0)
    assert heard[0]["attrs"] == {"note": "before the power cut"}


def test_a_broker_that_dies_in_between_costs_only_time(broker: Broker, tmp_path: Path) -> None:
    with button(broker, tmp_path / "spool.sqlite") as one:
        assert one.wait_until_ready()
        broker.kill()
        press = one.press()
        broker.restart()
        with answering(broker):
            assert one.wait_for(press, "stored", 20) is not None


def test_a_rejected_press_is_not_sent_for_ever(broker: Broker, tmp_path: Path, eventually: Eventually) -> None:
    with answering(broker, "rejected"), button(broker, tmp_path / "spool.sqlite") as one:
        one.press()
        eventually(lambda: one.pending == 0)


def test_wrong_password(broker: Broker, tmp_path: Path, eventually: Eventually) -> None:
    with Button(broker.host, broker.port, "zhihuo", "btn-001", "wrong", tmp_path / "spool.sqlite") as one:
        press = one.press()
        assert one.wait_for(press, "stored", 0.5) is None
        assert not one.ready


@contextmanager
def recording(broker: Broker, path: Path, topics: tuple[str, ...]) -> Iterator[None]:
    stop, listening = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            playing.record(
                broker.host, broker.port, broker.password, path, topics=topics, stop=stop, listening=listening
            )
        except BaseException as exc:
            failed.append(exc)
            raise

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert listening.wait(10)
        yield
    finally:
        stop.set()
        thread.join(10)
    assert not failed


def read_file(path: Path) -> list[Record]:
    with path.open("rb") as lines:
        return list(feed.read(lines))


def test_what_is_replayed_is_recorded(mqtt: Broker, tmp_path: Path, eventually: Eventually) -> None:
    path = tmp_path / "heard.jsonl"
    said = [
        Record(0.0, "frigate/events", b'{"type":"new"}'),
        Record(0.1, "frigate/garden/person/snapshot", b"\xff\xd8\xff\x00"),
        Record(0.2, "zigbee2mqtt/厨房 按钮/action", b"emergency", 0),
        Record(0.4, "skynet/v1/zhihuo/btn-001/alarm", "火".encode()),
    ]
    with recording(mqtt, path, ("#",)):
        assert playing.replay(mqtt.host, mqtt.port, mqtt.password, said, speed=4.0) == 4
        eventually(lambda: path.read_bytes().count(b"\n") >= 4)
    heard = read_file(path)
    assert [(one.topic, one.payload, one.qos) for one in heard] == [(one.topic, one.payload, one.qos) for one in said]
    assert [one.at for one in heard] == sorted(one.at for one in heard)


def test_only_the_wanted_topics_are_recorded(mqtt: Broker, tmp_path: Path, eventually: Eventually) -> None:
    path = tmp_path / "heard.jsonl"
    said = [Record(0, "other/topic", b"1"), Record(0, "frigate/events", b"2")]
    with recording(mqtt, path, ("frigate/#",)):
        playing.replay(mqtt.host, mqtt.port, mqtt.password, said, speed=0)
        eventually(lambda: path.read_bytes().count(b"\n") >= 1)
    assert [one.topic for one in read_file(path)] == ["frigate/events"]


def test_a_retained_copy_is_recorded_as_one(mqtt: Broker, tmp_path: Path, eventually: Eventually) -> None:
    path = tmp_path / "heard.jsonl"
    said = [Record(0, "frigate/available", b"online", 1, retain=True)]
    playing.replay(mqtt.host, mqtt.port, mqtt.password, said, speed=0)
    with recording(mqtt, path, ("#",)):
        eventually(lambda: path.read_bytes().count(b"\n") >= 1)
    assert read_file(path)[0].retain


def test_a_broker_that_is_not_there_is_told(tmp_path: Path, mqtt: Broker) -> None:
    with pytest.raises(playing.BrokerLost, match="refused us"):
        playing.replay(mqtt.host, mqtt.port, "wrong", [], speed=0)
    mqtt.kill()
    with pytest.raises(playing.BrokerLost, match="not reachable"):
        playing.replay(mqtt.host, mqtt.port, mqtt.password, [], speed=0)


def test_a_whole_site_lives(tmp_path: Path, eventually: Eventually) -> None:
    plan = siteplan.sample("liujiang")
    registry = Registry(1, [plan.site], plan.grids, plan.devices)
    accounts = {(one.site, one.device): f"pass-{one.device}" for one in plan.devices}
    logins = [rules.Login(site, device, rules.hashed(password)) for (site, device), password in accounts.items()]
    with running_broker(tmp_path / "broker", logins) as broker:
        path = tmp_path / "heard.jsonl"
        stop = threading.Event()
        live = threading.Thread(
            target=simulation.run,
            args=(broker.host, broker.port, accounts, registry, SCENARIOS["flood"]),
            kwargs={"seed": 5, "speed": 30.0, "spool_dir": tmp_path / "spool", "stop": stop},
        )
        with recording(broker, path, ("skynet/#",)), answering(broker) as heard:
            live.start()
            try:
                eventually(lambda: len({r.topic.split("/")[3] for r in read_file(path)}) == len(plan.devices), 30)
                eventually(lambda: any(said["action"] == "press" for said in heard), 30)
            finally:
                stop.set()
                live.join(20)
            assert not live.is_alive()

            def offline() -> set[str]:
                statuses = [r for r in read_file(path) if r.topic.endswith("/status")]
                last = {r.topic.split("/")[3]: orjson.loads(r.payload)["online"] for r in statuses}
                return {device for device, online in last.items() if not online}

            eventually(lambda: offline() == {one.device for one in plan.devices})  # all said goodbye


def test_what_the_simulation_could_not_deliver_waits_for_the_next_one(tmp_path: Path) -> None:
    plan = siteplan.sample("liujiang")
    registry = Registry(1, [plan.site], plan.grids, plan.devices)
    accounts = {(one.site, one.device): "x" for one in plan.devices}
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    simulation.run(
        "127.0.0.1", 9, accounts, registry, SCENARIOS["flood"], seed=1, speed=100.0, spool_dir=tmp_path, stop=stop
    )
    spool = Spool(tmp_path / "simulated.sqlite")
    assert spool.count() > 0
    spool.close()
