"""The broker's particulars, tried on a real Mosquitto: who may do what, log-ins made and ended at run time."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker, running_broker

from devices import broker, broker_control

Eventually = Callable[..., None]

PASSWORD = "for-the-button"
LOGINS = [
    broker.Login("s1", "b1", broker.hashed(PASSWORD)),
    broker.Login("s1", "b2", broker.hashed(PASSWORD)),
    broker.Login("s1", "gw", broker.hashed(PASSWORD), prefix="frigate/yard"),
]
OWN_UP = ("alarm", "event", "status", "telemetry", "snapshot/e1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(tmp_path_factory.mktemp("acl") / "broker", LOGINS) as started:
        yield started


class Client:
    """An MQTT 5 client, which is told by the broker what it may not do."""

    def __init__(self, at: Broker, user: str, password: str, client_id: str | None = None) -> None:
        self.heard: list[str] = []
        self.gone = threading.Event()
        self._answers: dict[int, Any] = {}
        self._connected = threading.Event()
        self.refused = False
        self._mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or user, protocol=mqtt.MQTTv5)
        self._mqtt.username_pw_set(user, password)
        self._mqtt.on_connect = self._on_connect
        self._mqtt.on_disconnect = lambda *_: self.gone.set()
        self._mqtt.on_publish = lambda _c, _d, mid, reason, _p: self._answers.update({mid: reason})
        self._mqtt.on_subscribe = lambda _c, _d, mid, reasons, _p: self._answers.update({mid: reasons[0]})
        self._mqtt.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self._mqtt.connect(at.host, at.port, 15, clean_start=True)
        self._mqtt.loop_start()
        assert self._connected.wait(10)

    def _on_connect(self, _client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        self.refused = reason.is_failure
        self._connected.set()

    def may_publish(self, topic: str, eventually: Eventually) -> bool:
        info = self._mqtt.publish(topic, b"{}", qos=1)
        eventually(lambda: info.mid in self._answers)
        return bool(self._answers[info.mid].value != 0x87)  # not authorized

    def may_subscribe(self, topic: str, eventually: Eventually) -> bool:
        _, mid = self._mqtt.subscribe(topic, 1)
        assert mid is not None
        eventually(lambda: mid in self._answers)
        return not self._answers[mid].is_failure

    def end(self) -> None:
        self._mqtt.on_disconnect = None
        self._mqtt.disconnect()
        self._mqtt.loop_stop()


@pytest.mark.parametrize(
    ("user", "topic", "allowed"),
    [
        *[("s1.b1", f"skynet/v1/s1/b1/{channel}", True) for channel in OWN_UP],
        *[("s1.b1", f"skynet/v1/s1/b2/{channel}", False) for channel in OWN_UP],
        ("s1.b1", "skynet/v1/s2/b1/alarm", False),
        ("s1.b1", "skynet/v1/s1/b1/receipt", False),
        ("s1.b1", "skynet/v1/s1/b1/command", False),
        ("s1.b1", "skynet/v1/s1/b1", False),
        ("s1.b1", "$CONTROL/dynamic-security/v1", False),
        ("s1.gw", "frigate/yard/events", True),
        ("s1.gw", "frigate/yard/前门/person/snapshot", True),
        ("s1.gw", "frigate/other/events", False),
        ("s1.gw", "frigate/yard2/events", False),
        ("s1.gw", "frigate", False),
        ("s1.gw", "skynet/v1/s1/gw/alarm", False),
        ("s1.gw", "skynet/v1/s1/gw/status", False),
        ("s1.gw", "skynet/v1/s1/b1/alarm", False),
        ("skynet-alarms", "skynet/v1/s1/b1/receipt", True),
        ("skynet-alarms", "skynet/v1/s1/b1/alarm", False),
        ("skynet-receipts", "skynet/v1/s1/b1/receipt", True),
        ("skynet-feeds", "skynet/v1/s1/b1/alarm", True),
        ("skynet-feeds", "frigate/yard/events", True),
        ("skynet-feeds", "$CONTROL/dynamic-security/v1", False),
        ("skynet-probe", "skynet/v1/s1/b1/alarm", False),
    ],
)
def test_who_may_publish_where(running: Broker, user: str, topic: str, allowed: bool, eventually: Eventually) -> None:
    client = Client(running, user, running.password if user.startswith("skynet-") else PASSWORD)
    assert client.may_publish(topic, eventually) is allowed
    client.end()


@pytest.mark.parametrize(
    ("user", "topic", "allowed"),
    [
        ("s1.b1", "skynet/v1/s1/b1/receipt", True),
        ("s1.b1", "skynet/v1/s1/b1/command", True),
        ("s1.b1", "skynet/v1/s1/b1/alarm", False),
        ("s1.b1", "skynet/v1/s1/b1/+", False),
        ("s1.b1", "skynet/v1/s1/+/receipt", False),
        ("s1.b1", "skynet/v1/s1/b2/receipt", False),
        ("s1.b1", "#", False),
        ("s1.b1", "$share/x/skynet/v1/s1/b2/receipt", False),
        ("s1.b1", "$CONTROL/#", False),
        ("s1.gw", "skynet/v1/s1/gw/command", True),
        ("s1.gw", "frigate/yard/#", True),
        ("s1.gw", "frigate/#", False),
        ("s1.gw", "#", False),
        ("skynet-alarms", "skynet/v1/+/+/alarm", True),
        ("skynet-events", "frigate/yard/#", True),
        ("skynet-feeds", "#", True),
        ("skynet-feeds", "$CONTROL/#", False),
        ("skynet-admin", "$CONTROL/dynamic-security/v1/response", True),
        ("skynet-probe", "#", False),
    ],
)
def test_who_may_read_what(running: Broker, user: str, topic: str, allowed: bool, eventually: Eventually) -> None:
    client = Client(running, user, running.password if user.startswith("skynet-") else PASSWORD)
    assert client.may_subscribe(topic, eventually) is allowed
    client.end()


@pytest.mark.parametrize(("user", "password"), [("s1.b1", "wrong"), ("s1.nobody", PASSWORD), ("skynet-admin", "")])
def test_nobody_gets_in_without_a_password(running: Broker, user: str, password: str) -> None:
    client = Client(running, user, password)
    assert client.refused
    client.end()


def test_a_device_cannot_take_a_session_by_naming_its_client_id(running: Broker, eventually: Eventually) -> None:
    ours = Client(running, "skynet-alarms", running.password)
    intruder = Client(running, "s1.b1", PASSWORD, client_id="skynet-alarms")
    assert intruder.may_publish("skynet/v1/s1/b1/alarm", eventually)
    assert not ours.gone.is_set()
    assert ours.may_publish("skynet/v1/s1/b1/receipt", eventually)  # its session still answers
    ours.end()
    intruder.end()


def test_hash_is_what_mosquitto_checks() -> None:
    kept = broker.hashed("secret", b"twelve bytes")
    digest = hashlib.pbkdf2_hmac("sha512", b"secret", b"twelve bytes", kept.iterations, 64)
    assert (base64.b64decode(kept.salt), base64.b64decode(kept.password_hash)) == (b"twelve bytes", digest)


def test_adding_again_ends_the_old_password_and_its_session(mqtt: Broker, eventually: Eventually) -> None:
    reach = (mqtt.host, mqtt.port, mqtt.password)
    broker_control.apply(*reach, broker.adding("s1", "b9", "first"))
    client = Client(mqtt, "s1.b9", "first")
    assert client.may_publish("skynet/v1/s1/b9/alarm", eventually)
    broker_control.apply(*reach, broker.adding("s1", "b9", "second"))
    eventually(client.gone.is_set)
    client.end()
    assert Client(mqtt, "s1.b9", "first").refused
    again = Client(mqtt, "s1.b9", "second")
    assert not again.refused
    broker_control.apply(*reach, broker.removing("s1", "b9"))
    eventually(again.gone.is_set)
    broker_control.apply(*reach, broker.removing("s1", "b9"))  # a second time changes nothing


def test_commands_at_once_all_take_effect(mqtt: Broker, eventually: Eventually) -> None:
    failed: list[BaseException] = []

    def add(number: int) -> None:
        try:
            commands = broker.adding("s1", f"d{number}", "pw")
            broker_control.apply(mqtt.host, mqtt.port, mqtt.password, commands, timeout=30)
        except broker_control.BrokerRefused as exc:
            failed.append(exc)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for number in range(6):
        client = Client(mqtt, f"s1.d{number}", "pw")
        assert not client.refused
        client.end()


def test_a_wrong_admin_password_says_what_to_check(mqtt: Broker) -> None:
    with pytest.raises(broker_control.BrokerRefused, match="SKYNET_MQTT_PASSWORD"):
        broker_control.apply(mqtt.host, mqtt.port, "wrong", broker.removing("s1", "b1"), timeout=5)


def test_no_broker_says_so(tmp_path: Path) -> None:
    with pytest.raises(broker_control.BrokerRefused, match="is it running"):
        broker_control.apply("127.0.0.1", 1, "x", broker.removing("s1", "b1"), timeout=2)


def test_what_was_added_survives_a_crash_of_the_broker(mqtt: Broker) -> None:
    broker_control.apply(mqtt.host, mqtt.port, mqtt.password, broker.adding("s1", "b9", "pw"))
    mqtt.kill()
    mqtt.restart()
    client = Client(mqtt, "s1.b9", "pw")
    assert not client.refused
    client.end()
