"""Changes who may log in at the running broker, through its dynamic-security plugin."""

import itertools
import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker import CONTROL_TOPIC, RESPONSE_TOPIC, faults

ADMIN = "skynet-admin"
_AT_ONCE = 100


class BrokerRefused(Exception):
    """The broker can't be reached or does not do it; the message says what to check."""


class _Kicked(Exception):
    """Another command logged in as the admin while we were: ours is tried again."""


def apply(host: str, port: int, password: str, commands: Sequence[dict[str, Any]], *, timeout: float = 10.0) -> None:
    """Have the broker carry out commands (see devices.broker), all of them or an error.

    Two callers at once end each other's session, since a user has one: the loser tries again. The commands can be
    repeated. Raises BrokerRefused.
    """
    deadline = time.monotonic() + timeout
    for start in range(0, len(commands), _AT_ONCE):
        some = list(commands[start : start + _AT_ONCE])
        while True:
            try:
                _apply_once(host, port, password, some, deadline)
                break
            except _Kicked:
                if time.monotonic() > deadline:
                    raise BrokerRefused(
                        "the broker's admin session was taken over again and again; try again"
                    ) from None
                time.sleep(0.02 + secrets.randbelow(200) / 1000)


def _apply_once(host: str, port: int, password: str, commands: list[dict[str, Any]], deadline: float) -> None:
    state = _Exchange([one | {"correlationData": secrets.token_hex(8)} for one in commands])
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=ADMIN, clean_session=True)
    client.username_pw_set(ADMIN, password)
    client.on_connect = state.on_connect
    client.on_subscribe = state.on_subscribe
    client.on_message = state.on_message
    client.on_disconnect = state.on_disconnect
    try:
        client.connect(host, port, 15)
    except OSError as exc:
        raise BrokerRefused(f"the broker at {host}:{port} can't be reached ({exc}); is it running?") from exc
    client.loop_start()
    try:
        finished = state.finished.wait(max(0.1, deadline - time.monotonic()))
    finally:
        client.on_disconnect = None
        client.disconnect()
        client.loop_stop()
    if state.refused:
        raise BrokerRefused(f"the broker refused {ADMIN} ({state.refused}); check SKYNET_MQTT_PASSWORD")
    if state.kicked:
        raise _Kicked
    if not finished:
        raise BrokerRefused("the broker did not answer; does it run the dynamic-security plugin?")
    if wrong := faults(state.responses):
        raise BrokerRefused("the broker refused: " + "; ".join(itertools.islice(wrong, 3)))


class _Exchange:
    """One request and its responses, matched by correlation data."""

    def __init__(self, commands: list[dict[str, Any]]) -> None:
        self.finished = threading.Event()
        self.refused = ""
        self.kicked = False
        self.responses: list[dict[str, Any]] = []
        self._commands = commands
        self._missing = {one["correlationData"] for one in commands}

    def on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:  # noqa: ANN401
        if reason.is_failure:
            self.refused = str(reason)
            self.finished.set()
        else:
            client.subscribe(RESPONSE_TOPIC, 1)

    def on_subscribe(self, client: mqtt.Client, *_: object) -> None:
        client.publish(CONTROL_TOPIC, orjson.dumps({"commands": self._commands}), qos=1)

    def on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        for one in orjson.loads(message.payload).get("responses", ()):
            if one.get("correlationData") in self._missing:
                self._missing.discard(one["correlationData"])
                self.responses.append(one)
        if not self._missing:
            self.finished.set()

    def on_disconnect(self, *_: object) -> None:
        if not self.finished.is_set():
            self.kicked = True
            self.finished.set()
