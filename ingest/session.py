"""One MQTT session of ours: paho in a thread we own, messages handed over raw, acknowledged by hand after the commit.

What paho would do wrong by default, measured: it acknowledges before the work is done (all that is queued is lost on a
crash), an exception in a callback kills its thread while `is_connected()` stays true, and a late acknowledgement after a
reconnect may confirm another message. So callbacks only queue, and each message carries the generation of its connection.
"""

import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from queue import SimpleQueue

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from ingest.incoming import Incoming
from ingest.wire import WireClient

log = structlog.get_logger(__name__)

KEEPALIVE = 15  # seconds
NO_SUBSCRIBERS = 0x10  # MQTT 5: taken, and nobody to hand it to


class Session:
    """A persistent session at the broker, under a user of its own (its client id is its user name).

    One that only `tells` speaks MQTT 5, whose acknowledgement says whether anybody listens to what it publishes.
    """

    def __init__(self, host: str, port: int, user: str, password: str, *, tells: bool = False) -> None:
        self.user = user
        self.inbox: SimpleQueue[Incoming | None] = SimpleQueue()
        self.connected = threading.Event()
        self._host, self._port = host, port
        self._generation = 0
        self._wanted: frozenset[str] = frozenset()
        self._granted: frozenset[str] = frozenset()
        self._pending: dict[int, frozenset[str]] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"mqtt {user}", daemon=True)
        self._unheard: set[int] = set()
        self._client = self._make_client(user, password, tells=tells)

    def _make_client(self, user: str, password: str, *, tells: bool) -> WireClient:
        client = WireClient(
            CallbackAPIVersion.VERSION2,
            client_id=user,
            clean_session=None if tells else False,
            protocol=mqtt.MQTTv5 if tells else mqtt.MQTTv311,
            manual_ack=True,
        )
        if tells:
            client.on_publish = self._on_publish
        client.username_pw_set(user, password)
        client.reconnect_delay_set(1, 2)
        client.max_inflight_messages_set(2000)
        client.max_queued_messages_set(0)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def start(self) -> None:
        """Connect, and keep connecting; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the broker; what was not acknowledged will be delivered again. Wakes the reader of `inbox` with None."""
        self._stopping = True
        self._client.disconnect()
        self._thread.join(5)
        self.inbox.put(None)

    def subscribe(self, topics: Iterable[str]) -> None:
        """Have just these topics subscribed, now and after every reconnect."""
        with self._lock:
            gone, self._wanted = self._wanted - frozenset(topics), frozenset(topics)
            fresh = self._wanted - self._granted
            if self.connected.is_set():
                if gone:
                    self._client.unsubscribe(sorted(gone))
                    self._granted -= gone
                self._ask_for(fresh)

    @property
    def subscribed(self) -> bool:
        """Whether the broker has granted all that is wanted, on the connection of now."""
        return self.connected.is_set() and self._granted >= self._wanted

    def acknowledge(self, messages: Iterable[Incoming]) -> None:
        """Tell the broker that these are safe; those of an earlier connection are left to be delivered again."""
        now = self._generation
        self._client.acknowledge([message.mid for message in messages if message.qos and message.generation == now])

    def publish(self, topic: str, payload: bytes) -> mqtt.MQTTMessageInfo:
        """Send at QoS 1."""
        return self._client.publish(topic, payload, qos=1)

    def heard(self, message: mqtt.MQTTMessageInfo) -> bool:
        """Of a session that tells: whether somebody had subscribed to a message that the broker has acknowledged."""
        unheard = message.mid in self._unheard
        self._unheard.discard(message.mid)
        return not unheard

    def _on_publish(
        self, _client: mqtt.Client, _data: object, mid: int, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.value == NO_SUBSCRIBERS:
            self._unheard.add(mid)

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._client.connect(self._host, self._port, KEEPALIVE)
                self._client.loop_forever(retry_first_connection=False)
            except OSError as exc:
                log.warning("broker not reachable", user=self.user, error=str(exc))
            except Exception:
                log.exception("the MQTT thread failed and starts again", user=self.user)
            self.connected.clear()
            if not self._stopping:
                threading.Event().wait(0.5)

    def _ask_for(self, topics: frozenset[str]) -> None:
        if topics:
            _, mid = self._client.subscribe([(topic, 1) for topic in sorted(topics)])
            if mid is not None:
                self._pending[mid] = topics

    def _on_connect(
        self, _client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            log.error("the broker refused us; check SKYNET_MQTT_PASSWORD", user=self.user, reason=str(reason))
            return
        with self._lock:
            self._generation += 1
            self._granted = frozenset()
            self._pending.clear()
            self._unheard.clear()
            self.connected.set()
            self._ask_for(self._wanted)
        log.info("connected to the broker", user=self.user, session_present=flags.session_present)

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self.connected.clear()
        self._generation += 1
        if not self._stopping:
            log.warning("lost the broker", user=self.user, reason=str(reason))

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, mid: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        with self._lock:
            topics = self._pending.pop(mid, frozenset())
            if any(reason.is_failure for reason in reasons):
                log.error("the broker refused a subscription; check its roles", user=self.user, topics=sorted(topics))
                return
            self._granted |= topics

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = bytes(message._topic).decode("utf-8", "backslashreplace")  # noqa: SLF001 - no other way to the bytes
        self.inbox.put(
            Incoming(
                topic,
                bytes(message.payload),
                message.retain,
                datetime.now(UTC),
                message.qos,
                message.mid,
                self._generation,
            )
        )
