"""`skynet simulate`, `record` and `replay` against a real database and a real broker."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker
from skynet_command import Skynet

from devices import feed
from store import registry
from store.connect import connect

Eventually = Callable[..., None]


@pytest.fixture
def skynet(database: str, mqtt: Broker, tmp_path: Path) -> Skynet:
    return Skynet(database, mqtt, tmp_path / "data")


@contextmanager
def listening(broker: Broker, topic: str) -> Iterator[list[paho.MQTTMessage]]:
    """What is said on a topic, from now on."""
    heard: list[paho.MQTTMessage] = []
    granted = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="skynet-events")
    client.username_pw_set("skynet-events", broker.password)
    client.on_subscribe = lambda *_: granted.set()
    client.on_message = lambda _client, _data, message: heard.append(message)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe(topic, 1)
    try:
        assert granted.wait(10)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def test_simulated_devices_speak_under_their_own_names(skynet: Skynet, eventually: Eventually, tmp_path: Path) -> None:
    with listening(skynet.broker, "skynet/v1/liujiang/#") as heard:
        running = skynet.start("simulate", "--sample", "--site", "liujiang", "--speed", "20")
        try:
            wanted = {"status", "telemetry", "event", "alarm"}
            eventually(lambda: wanted <= {message.topic.split("/")[4] for message in heard}, within=60)
        finally:
            running.send_signal(signal.SIGTERM)
            said, _ = running.communicate(timeout=30)
    assert running.returncode == 0, said
    assert "Traceback" not in said
    names = skynet.credentials()
    assert len(names) == 13
    assert all(name.startswith("liujiang.") for name in names)
    assert (tmp_path / "data" / "spool" / "simulated.sqlite").exists()
    with connect(skynet.database, part="test") as conn:
        assert set(registry.load(conn).communities) == {"liujiang", "zhihuo"}


def test_a_crowd_of_cameras_at_any_rate(skynet: Skynet, eventually: Eventually) -> None:
    skynet.json("sites", "add", "s1", "--name", "一号站")
    with listening(skynet.broker, "skynet/v1/s1/+/event") as heard:
        running = skynet.start("simulate", "--cameras", "40", "--rate", "500")
        try:
            eventually(lambda: len(heard) >= 500, within=60)
        finally:
            running.send_signal(signal.SIGINT)
            said, _ = running.communicate(timeout=30)
    assert running.returncode == 0, said
    assert "events were sent" in said
    assert len({message.topic for message in heard}) > 30


def test_what_is_recorded_can_be_replayed(skynet: Skynet, eventually: Eventually, tmp_path: Path) -> None:
    written = tmp_path / "written.jsonl"
    records = [
        feed.Record(number / 100, f"skynet/v1/s1/c{number}/event", payload)
        for number, payload in enumerate((b'{"id": "1"}', "前门".encode(), b"\xff\x00not text"))
    ]
    written.write_bytes(b"".join(feed.line(record) for record in records))
    recorded = tmp_path / "recorded.jsonl"
    recording = skynet.start("record", str(recorded), "--topic", "skynet/v1/s1/+/event", "--topic", "skynet/v1/ready")
    try:
        # until the recorder hears us it is not subscribed yet
        with listening(skynet.broker, "skynet/v1/ready"):
            ready = tmp_path / "ready.jsonl"
            ready.write_bytes(feed.line(feed.Record(0, "skynet/v1/ready", b"")))

            def heard() -> bool:
                assert skynet.run("replay", str(ready), "--speed", "0").returncode == 0
                return recorded.exists() and b"ready" in recorded.read_bytes()

            eventually(heard, within=60)
        assert "3 messages were sent" in skynet.run("replay", str(written), "--speed", "10").stdout
        eventually(lambda: recorded.read_bytes().count(b"/event") == 3)
    finally:
        recording.send_signal(signal.SIGINT)
        said, _ = recording.communicate(timeout=30)
    assert recording.returncode == 0, said
    with recorded.open("rb") as lines:
        again = [record for record in feed.read(lines) if record.topic.endswith("/event")]
    assert [(one.topic, one.payload, one.qos, one.retain) for one in again] == [
        (one.topic, one.payload, one.qos, one.retain) for one in records
    ]


def test_what_can_not_be_played_is_said(skynet: Skynet, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(orjson.dumps({"at": 0, "topic": "a/#", "payload": ""}))
    assert "line 1" in skynet.fails("replay", str(bad))
    assert "can't be read" in skynet.fails("replay", str(tmp_path / "none.jsonl"))
    assert "--sample" in skynet.fails("simulate")
    assert "quiet" in skynet.fails("simulate", "--scenario", "war")
