"""The floor: the same job, hand-written with nothing in it that could be left out. Not safe, not checked, only fast.

`ingest`: stock paho, manual acknowledgement; alarms are one INSERT with a NOTIFY a batch, camera events one COPY a batch
into a keyed hypertable. `web`: LISTEN, read by cursor, `websockets.broadcast`. No rules, no roles, no rejects, no receipts
but the bare `stored`. What the system adds over this is what its guarantees cost.
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import msgspec
import orjson
import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.server import ServerConnection, broadcast, serve

SCHEMA = """
CREATE TABLE floor_alarms (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, device text, id text, body text,
                           UNIQUE (device, id));
CREATE TABLE floor_events (received_at timestamptz NOT NULL DEFAULT clock_timestamp(), device text, id text, kind text,
                           payload jsonb, UNIQUE (device, id, received_at));
SELECT create_hypertable('floor_events', by_range('received_at', INTERVAL '1 day'));
INSERT INTO floor_events (received_at, device, id) VALUES (clock_timestamp(), '', '');
"""


class _Event(msgspec.Struct, gc=False):
    id: str
    ts: int
    kind: str
    phase: str


_decode = msgspec.json.Decoder(_Event).decode


def _session(
    host: str,
    port: int,
    user: str,
    password: str,
    topic: str,
    work: Callable[[mqtt.Client, list[mqtt.MQTTMessage]], None],
) -> threading.Thread:
    inbox: SimpleQueue[mqtt.MQTTMessage] = SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=user, clean_session=True, manual_ack=True)
    client.username_pw_set(user, password)
    client.on_message = lambda _client, _data, message: inbox.put(message)
    client.on_connect = lambda client, *_: client.subscribe(topic, 1) and None
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.connect(host, port)

    def drain() -> None:
        while True:
            batch = [inbox.get()]
            while len(batch) < 1000 and not inbox.empty():
                batch.append(inbox.get())
            work(client, batch)
            for message in batch:
                client.ack(message.mid, message.qos)

    threading.Thread(target=drain, daemon=True).start()
    thread = threading.Thread(target=client.loop_forever, daemon=True)
    thread.start()
    return thread


def ingest(database: str, host: str, port: int, password: str) -> None:
    """Take alarms and events in until killed."""
    sys.setswitchinterval(0.0005)
    alarms, events = psycopg.connect(database), psycopg.connect(database)

    def store_alarms(client: mqtt.Client, batch: list[mqtt.MQTTMessage]) -> None:
        for message in batch:
            device, body = message.topic.split("/")[3], message.payload.decode()
            alarms.execute(
                "INSERT INTO floor_alarms (device, id, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                (device, orjson.loads(body)["id"], body),
            )
        alarms.execute("NOTIFY floor")
        alarms.commit()
        for message in batch:
            client.publish(message.topic.replace("/alarm", "/receipt"), b'{"stage":"stored"}', qos=1)

    def store_events(_client: mqtt.Client, batch: list[mqtt.MQTTMessage]) -> None:
        lines = []
        for message in batch:
            said = _decode(message.payload)
            lines.append(f"{message.topic.split('/')[3]}\t{said.id}\t{said.kind}\t{message.payload.decode()}\n")
        with events.cursor().copy("COPY floor_events (device, id, kind, payload) FROM STDIN") as copy:
            copy.write("".join(lines))
        events.commit()

    _session(host, port, "skynet-alarms", password, "skynet/v1/+/+/alarm", store_alarms)
    _session(host, port, "skynet-events", password, "skynet/v1/+/+/event", store_events).join()


def web(database: str, port: int) -> None:
    """Serve the feed of alarms to every websocket until killed."""
    asyncio.run(_web(database, port))


async def _web(database: str, port: int) -> None:
    clients: set[ServerConnection] = set()

    async def join(client: ServerConnection) -> None:
        clients.add(client)
        try:
            await client.wait_closed()
        finally:
            clients.discard(client)

    loop = asyncio.get_running_loop()

    def listen() -> None:
        last = 0
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("LISTEN floor")
            while True:
                for _ in conn.notifies(timeout=1, stop_after=1):
                    pass
                rows: list[tuple[Any, ...]] = conn.execute(
                    "SELECT n, body FROM floor_alarms WHERE n > %s ORDER BY n", (last,)
                ).fetchall()
                for n, body in rows:
                    last = n
                    loop.call_soon_threadsafe(broadcast, clients, body)

    threading.Thread(target=listen, daemon=True).start()
    async with serve(join, "127.0.0.1", port, compression=None):
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    given = orjson.loads(sys.stdin.readline())  # by standard input, since it holds passwords
    if sys.argv[1] == "ingest":
        ingest(given["database"], given["host"], given["port"], given["password"])
    else:
        web(given["database"], given["web_port"])
