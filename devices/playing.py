"""Plays feeds to a broker and records them from it, under users that may hear or say anything but the broker's own."""

import contextlib
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devices import feed
from devices.clock import VirtualClock
from devices.feed import Record

log = structlog.get_logger(__name__)

FEEDS_USER = "skynet-feeds"
RECORDER_USER = "skynet-recorder"  # a session of its own: one may record what is being replayed
EVERYTHING = ("#",)
_IN_FLIGHT = 1000  # messages the broker has not confirmed yet
_PATIENCE = 30.0  # seconds without any confirmation before it is called lost


class BrokerLost(Exception):
    """The broker can't be reached, refuses us or stopped answering; the message says what to look at."""


class _Line:
    """A connection that is up for as long as it is used; losing it is an error, not something to mend unseen."""

    def __init__(self, host: str, port: int, user: str, password: str) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=user, protocol=mqtt.MQTTv311)
        self.client.username_pw_set(user, password)
        self.client.max_inflight_messages_set(_IN_FLIGHT)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self._answered = threading.Event()
        self._fault: str | None = None
        self._where = f"{host}:{port}"
        try:
            self.client.connect(host, port, keepalive=15)
        except OSError as exc:
            raise BrokerLost(f"the broker at {self._where} is not reachable ({exc}); is it running?") from exc
        self.client.loop_start()
        if not self._answered.wait(10):
            self._fault = "it did not answer"
        try:
            self.check()
        except BrokerLost:
            self.client.loop_stop()
            raise

    def check(self) -> None:
        """Raise BrokerLost if the line is not up any more."""
        if self._fault is not None:
            raise BrokerLost(
                f"the broker at {self._where}: {self._fault}; is it running, and is SKYNET_MQTT_PASSWORD right?"
            )

    def close(self) -> None:
        """Say goodbye."""
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._fault = f"it refused us: {reason}"
        self._answered.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._fault = self._fault or f"the line was cut: {reason}"
        self._answered.set()


@contextlib.contextmanager
def _line(host: str, port: int, user: str, password: str) -> Iterator[_Line]:
    line = _Line(host, port, user, password)
    try:
        yield line
    finally:
        line.close()


def replay(
    host: str,
    port: int,
    password: str,
    records: Iterable[Record],
    *,
    speed: float = 1.0,
    user: str = FEEDS_USER,
    stop: threading.Event | None = None,
) -> int:
    """Publish a feed as it was, `speed` times as fast (0: without waiting); gives how many messages the broker
    confirmed.

    Raises BrokerLost when the broker does not take all of it, FeedError at a bad line of a file that is read on the
    way.
    """
    stop = stop or threading.Event()
    clock = VirtualClock(time.monotonic(), speed)
    sent = 0
    room = threading.Semaphore(_IN_FLIGHT)
    with _line(host, port, user, password) as line:
        line.client.on_publish = lambda *_: room.release()
        for record in records:
            wait = clock.wait(record.at, time.monotonic())
            if stop.is_set() or (wait and stop.wait(wait)):
                break
            _wait_for_room(line, room, 1)
            line.client.publish(record.topic, record.payload, record.qos, record.retain)
            sent += 1
        _wait_for_room(line, room, _IN_FLIGHT)
    return sent


def _wait_for_room(line: _Line, room: threading.Semaphore, places: int) -> None:
    """Take so many places among the unconfirmed; all of them: everything is confirmed."""
    for _ in range(places):
        waited = 0.0
        while not room.acquire(timeout=0.5):
            line.check()
            waited += 0.5
            if waited >= _PATIENCE:
                raise BrokerLost(f"the broker confirmed nothing for {_PATIENCE:.0f} s; is it overloaded or stopped?")
    line.check()


def record(
    host: str,
    port: int,
    password: str,
    path: Path,
    *,
    topics: Sequence[str] = EVERYTHING,
    user: str = RECORDER_USER,
    stop: threading.Event,
    listening: threading.Event | None = None,
) -> int:
    """Write what is said on some topics to a file, until `stop`; gives how many messages it were.

    Copies that the broker had retained come first, at 0. Each line is written out at once, so that what was recorded
    stays when we are killed. `listening` is set when all topics are subscribed. Raises BrokerLost, and OSError for the
    file.
    """
    heard: queue.SimpleQueue[tuple[float, mqtt.MQTTMessage]] = queue.SimpleQueue()
    count = 0
    with path.open("wb") as file, _line(host, port, user, password) as line:
        granted = threading.Event()
        started = time.monotonic()
        line.client.on_subscribe = lambda *_: granted.set()
        line.client.on_message = lambda _client, _data, message: heard.put((time.monotonic(), message))
        line.client.subscribe([(topic, 1) for topic in topics])
        if not granted.wait(10):
            raise BrokerLost("the broker did not answer our subscription; is it overloaded?")
        if listening is not None:
            listening.set()
        while not stop.is_set() or not heard.empty():
            line.check()
            try:
                at, message = heard.get(timeout=0.2)
            except queue.Empty:
                continue
            since = 0.0 if message.retain else max(0.0, at - started)
            file.write(feed.line(Record(since, message.topic, bytes(message.payload), message.qos, message.retain)))
            file.flush()
            count += 1
    return count
