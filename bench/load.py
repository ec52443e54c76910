"""Load without a library in the way: a publisher that writes ready-made MQTT 3.1.1 packets.

Everything shares two cores with what is measured, so the generator must be as cheap as it can be. As a process of its own
(`python -m bench.load`, told by standard input) it publishes camera events; one in INTRUSION_EVERY is of a kind that the
rules make an incident of, so that they have something to do.
"""

import asyncio
import struct
import sys
import time
from dataclasses import dataclass, field

import orjson
import uvloop

INTRUSION_EVERY = 1000
CAMERAS = 33


def camera_of(number: int) -> str:
    """Which camera says the event of this number."""
    return f"cam-{number % CAMERAS + 1:02d}"


def _string(text: bytes) -> bytes:
    return struct.pack("!H", len(text)) + text


def _packet(kind: int, body: bytes) -> bytes:
    length, left = bytearray(), len(body)
    while True:
        byte, left = left % 128, left // 128
        length.append(byte | (0x80 if left else 0))
        if not left:
            return bytes([kind]) + bytes(length) + body


def connect_packet(user: str, password: str) -> bytes:
    """CONNECT with a clean session and a long keep-alive; the client id is the user name, as the broker makes it anyway."""
    flags = 0b1100_0010
    return _packet(
        0x10,
        _string(b"MQTT") + bytes([4, flags]) + struct.pack("!H", 600)
        + _string(user.encode()) + _string(user.encode()) + _string(password.encode()),
    )  # fmt: skip


def publish_packet(topic: str, payload: bytes, mid: int) -> bytes:
    """PUBLISH at QoS 1."""
    return _packet(0x32, _string(topic.encode()) + struct.pack("!H", mid) + payload)


@dataclass
class Publisher:
    """Publishes events of CAMERAS cameras at a rate (or, with rate None, as fast as the broker acknowledges)."""

    host: str
    port: int
    user: str
    password: str
    site: str
    window: int = 1000  # unacknowledged at once
    prefix: str = "e"  # of event ids, to keep runs apart
    sent: int = 0
    acknowledged: int = 0
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, seconds: float, rate: float | None, count: int | None = None) -> None:
        """Publish for so long, or so many, then wait until everything is acknowledged by the broker."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        writer.write(connect_packet(self.user, self.password))
        answer = await reader.readexactly(4)
        if answer[3] != 0:
            raise ConnectionRefusedError(f"the broker refused the bench's publisher (code {answer[3]})")
        acks = asyncio.create_task(self._count_acks(reader))
        start = time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds and (count is None or self.sent < count):
            room = self.window - (self.sent - self.acknowledged)
            room = room if count is None else min(room, count - self.sent)
            wanted = room if rate is None else min(room, int(rate * elapsed) - self.sent)
            if wanted > 0:
                writer.write(b"".join([self._next() for _ in range(min(wanted, 200))]))
                await writer.drain()
            if rate is None and room <= 0:
                self._room.clear()
                await asyncio.wait_for(self._room.wait(), 60)
            else:
                await asyncio.sleep(0 if rate is None else 0.002)
        while self.acknowledged < self.sent:
            self._room.clear()
            await asyncio.wait_for(self._room.wait(), 60)
        acks.cancel()
        writer.close()

    def _next(self) -> bytes:
        self.sent += 1
        number = self.sent
        kind = b"person" if number % INTRUSION_EVERY else b"intrusion"
        payload = (
            b'{"id":"%s-%d","ts":%d,"kind":"%s","phase":"instant","confidence":0.87,"track":"t%d",'
            b'"attrs":{"box":[412,233,96,240],"zone":"gate","speed":1.2,"model":"det-7","frame":%d,'
            b'"night":true,"weather":"rain","pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}}'
            % (self.prefix.encode(), number, int(time.time() * 1000), kind, number % 97, number)
        )
        topic = f"skynet/v1/{self.site}/{camera_of(number)}/event"
        return publish_packet(topic, payload, number % 65535 + 1)

    async def _count_acks(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(65536):
            rest += data
            self.acknowledged += len(rest) // 4
            rest = rest[len(rest) - len(rest) % 4 :]
            self._room.set()


def press_payload(press_id: str) -> bytes:
    """A press, as a button says it."""
    return orjson.dumps({"id": press_id, "ts": int(time.time() * 1000), "action": "press"})


def main() -> None:
    """Publish as told by one line of JSON on standard input (it holds a password); print when the first event went out."""
    given = orjson.loads(sys.stdin.readline())
    seconds, rate, count = given.pop("seconds"), given.pop("rate"), given.pop("count", None)
    publisher = Publisher(**given)
    print(time.monotonic(), flush=True)
    uvloop.run(publisher.run(seconds, rate, count))


if __name__ == "__main__":
    main()
