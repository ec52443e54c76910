"""Devices as real MQTT clients: one connection each, under its own name, all driven by one thread.

A thread for each of a hundred devices would cost more than what they say; here one `Driver` polls all their sockets.
"""

import contextlib
import select
import socket
import time
import zlib
from collections.abc import Callable, Iterable

import orjson
import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from devices.outbox import Receipt, read_receipt

log = structlog.get_logger(__name__)

KEEPALIVE = 20  # seconds
FIRST_RETRY = 0.25  # seconds
SLOWEST_RETRY = 2.0  # seconds
CONNECT_LIMIT = 3.0  # seconds
KEEP_EVERY = 0.1  # seconds: how often connections are looked after


class LiveDevice:
    """One device's connection: logs in as itself, leaves a will, says `online`, and comes back when it is cut off.

    Not for several threads: whoever drives it calls everything here.
    """

    def __init__(
        self,
        host: str,
        port: int,
        site: str,
        device: str,
        password: str,
        *,
        on_receipt: Callable[[Receipt], None] | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        self.site, self.device = site, device
        self.user = f"{site}.{device}"
        self.ready = False  # connected, and its receipts are subscribed
        self.refused: str | None = None  # why the broker would not have it, if it said so
        self._address = (host, port)
        self._root = f"skynet/v1/{site}/{device}/"
        self._on_receipt, self._on_ready = on_receipt, on_ready
        self._wanted = True
        self._next_try = 0.0
        self._pause = FIRST_RETRY
        self._client = self._make_client(password)

    def _make_client(self, password: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.user, protocol=mqtt.MQTTv311)
        client.username_pw_set(self.user, password)
        client.will_set(self._root + "status", b'{"online":false}', qos=1, retain=True)
        client.connect_timeout = CONNECT_LIMIT
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send on one of its up channels at QoS 1; False when it is not connected."""
        if not self.ready:
            return False
        return self._client.publish(self._root + channel, payload, qos=1, retain=retain).rc == mqtt.MQTT_ERR_SUCCESS

    def unplug(self) -> None:
        """Fall silent as on a power cut: no goodbye, so that the broker sends the will."""
        self._wanted = False
        cable = self.socket()
        if cable is not None:
            cable.shutdown(socket.SHUT_RDWR)

    def plug_in(self) -> None:
        """Come back."""
        self._wanted = True
        self._next_try = 0.0

    def leave(self) -> None:
        """Say that it goes offline, and disconnect properly."""
        self._wanted = False
        if self.ready:
            self._client.publish(self._root + "status", b'{"online":false}', qos=1, retain=True)
        self._client.disconnect()
        while self._client.want_write() and self._client.socket() is not None:
            self._client.loop_write()

    def socket(self) -> socket.socket | None:
        """What to poll; None while there is no connection."""
        cable = self._client.socket()
        return cable if isinstance(cable, socket.socket) else None

    def wants_write(self) -> bool:
        """Whether bytes wait to be sent."""
        return bool(self._client.want_write())

    def keep(self, monotonic: float) -> None:
        """Connect if it should be and is not; ping, and notice a dead line."""
        if self._client.socket() is not None:
            self._client.loop_misc()
        elif self._wanted and monotonic >= self._next_try:
            self._connect(monotonic)

    def read(self) -> None:
        """Take in what has come."""
        self._client.loop_read()

    def write(self) -> None:
        """Send what waits."""
        self._client.loop_write()

    def _connect(self, monotonic: float) -> None:
        # each device has a rhythm of its own, so that a broker that comes back is not stormed
        self._next_try = monotonic + self._pause * (1.0 + zlib.crc32(self.user.encode()) % 1000 / 1000)
        self._pause = min(self._pause * 2, SLOWEST_RETRY)
        try:
            self._client.connect(*self._address, keepalive=KEEPALIVE)
        except OSError as exc:
            log.debug("broker not reachable", user=self.user, error=str(exc))

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self.refused = str(reason)
            log.warning(
                "the broker refused a device; were its credentials made anew?", user=self.user, reason=self.refused
            )
            return
        self.refused = None
        self._pause = FIRST_RETRY
        client.subscribe([(self._root + "receipt", 1), (self._root + "command", 1)])
        self.ready = True
        body = orjson.dumps({"online": True, "ts": int(time.time() * 1000), "firmware": "sim-1"})
        client.publish(self._root + "status", body, qos=1, retain=True)
        if self._on_ready is not None:
            self._on_ready()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, _reason: object, _properties: object
    ) -> None:
        self.ready = False

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        receipt = read_receipt(bytes(message.payload)) if message.topic.endswith("/receipt") else None
        if receipt is not None and self._on_receipt is not None:
            self._on_receipt(receipt)


class Driver:
    """Moves the bytes of any number of live devices, in the thread that calls `step`."""

    def __init__(self, devices: Iterable[LiveDevice]) -> None:
        self._devices = list(devices)
        self._keep_next = 0.0
        self._bell, self._rope = socket.socketpair()
        self._bell.settimeout(0)
        self._rope.settimeout(0)

    def step(self, seconds: float) -> None:
        """Wait at most so long for something to move, and move it."""
        now = time.monotonic()
        if now >= self._keep_next:  # a hundred devices need not be looked at for each byte of one
            self._keep_next = now + KEEP_EVERY
            for device in self._devices:
                device.keep(now)
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        by_number: dict[int, LiveDevice] = {}
        for device in self._devices:
            cable = device.socket()
            if cable is not None:
                by_number[cable.fileno()] = device
                poll.register(cable, select.POLLIN | (select.POLLOUT if device.wants_write() else 0))
        for number, what in poll.poll(max(0.0, min(seconds, self._keep_next - now)) * 1000):
            device_of = by_number.get(number)
            if device_of is None:
                self._hear_bell()
                continue
            if what & ~select.POLLOUT:
                device_of.read()
            if what & select.POLLOUT and device_of.socket() is not None:
                device_of.write()

    def wake(self) -> None:
        """End a `step` of another thread's early: there is something to send."""
        with contextlib.suppress(BlockingIOError):  # full: it has been rung often enough
            self._rope.send(b"!")

    def close(self) -> None:
        """Say goodbye for all devices."""
        for device in self._devices:
            device.leave()
        self._bell.close()
        self._rope.close()

    def _hear_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
