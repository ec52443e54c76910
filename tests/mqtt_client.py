"""A device of any maker: an MQTT client that remembers what it was sent."""

import threading
from typing import Any

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from servers import Broker


class Client:
    """An MQTT client with a device's own credentials that remembers the receipts it got."""

    def __init__(self, broker: Broker, user: str, password: str, topics: tuple[str, ...] = ()) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id=user)
        self.client.username_pw_set(user, password)
        self.client.on_message = lambda _c, _d, m: self.received.append((m.topic, orjson.loads(m.payload)))
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()
        if topics:
            while not self.client.is_connected():
                ready.wait(0.01)
            self.client.subscribe([(topic, 1) for topic in topics])
            assert ready.wait(5)

    def send(self, topic: str, payload: Any, *, qos: int = 1, retain: bool = False) -> None:
        body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
        self.client.publish(topic, body, qos=qos, retain=retain).wait_for_publish(5)

    def stages(self, alarm_id: str) -> list[str]:
        return [said["stage"] for _, said in self.received if said["id"] == alarm_id]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
