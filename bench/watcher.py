"""Presses and watches: publishes presses and notes when each has reached every one of its websocket clients.

A process of its own (`python -m bench.watcher`, told by standard input), so that nothing else of the bench stands between
the wire and the clock. Presser and clients share one clock and one event loop; the clients only look for the button's name
in each frame. Prints "ready" once all clients are in, and at the end one line of JSON.
"""

import asyncio
import re
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import orjson
import uvloop

from bench.load import connect_packet, press_payload, publish_packet

_BUTTON = re.compile(rb"b-(\d{4})")
PATIENCE = 30.0  # seconds for what was pressed to arrive


@dataclass
class Tally:
    """When each press was published, and how many clients have seen it, the last of them when."""

    clients: int
    pressed: dict[int, float] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)  # seconds from the press to the last client, one for each press
    ready: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def has(self, clients: int) -> bool:
        """Whether so many clients are in."""
        return self.ready >= clients

    def press(self, number: int) -> None:
        """It is published now."""
        self.left[number] = self.clients
        self.pressed[number] = time.monotonic()

    def seen(self, number: int) -> None:
        """One client has it."""
        self.left[number] -= 1
        if self.left[number] == 0:
            self.took.append(time.monotonic() - self.pressed[number])
            self.changed.set()


class Client(asyncio.Protocol):
    """A websocket client that only counts."""

    def __init__(self, tally: Tally, request: bytes, *, greeted: bool) -> None:
        self._tally = tally
        self._request = request
        self._greeted = greeted
        self._open = False
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the websocket."""
        self._transport = cast("asyncio.WriteTransport", transport)
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """A console that is cut off would only make the figures better."""
        if self._tally.left and any(self._tally.left.values()):
            print(f"a client lost its connection: {exc}", file=sys.stderr)

    def data_received(self, data: bytes) -> None:
        """Take frames apart; what is not whole waits."""
        data = self._rest + data
        if not self._open:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head[:20]:
                raise ConnectionRefusedError(head[:200])
            self._open = True
            if not self._greeted:
                self._enter()
        at = 0
        while (frame := _frame(data, at)) is not None:
            kind, start, at = frame
            if kind == 0x89:
                self._transport.write(b"\x8a%c\0\0\0\0%b" % (0x80 | (at - start), data[start:at]))  # masked by zeros
            elif kind == 0x88:
                print(f"a client was closed: {data[start:at]!r}", file=sys.stderr)
            elif self._greeted and data.startswith(b'{"type":"snapshot"', start):
                self._enter()
            elif match := _BUTTON.search(data, start, at):
                self._pressed(data, start, int(match[1]))
        self._rest = data[at:]

    def _pressed(self, data: bytes, start: int, number: int) -> None:
        if not self._greeted or data.startswith(b'{"type":"change"', start):
            self._tally.seen(number)

    def _enter(self) -> None:
        self._tally.ready += 1
        self._tally.changed.set()


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """First byte, start and end of the payload of the frame at `at`, if it is whole."""
    if len(data) < at + 2:
        return None
    length, start = data[at + 1], at + 2
    if length == 126:
        if len(data) < at + 4:
            return None
        length, start = struct.unpack_from("!H", data, at + 2)[0], at + 4
    elif length == 127:
        if len(data) < at + 10:
            return None
        length, start = struct.unpack_from("!Q", data, at + 2)[0], at + 10
    return None if len(data) < start + length else (data[at], start, start + length)


async def _until(tally: Tally, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            tally.changed.clear()
            await tally.changed.wait()


async def _connect(given: dict[str, Any], tally: Tally) -> None:
    """Open every client, some at a time, and wait until each is in."""
    request = (
        f"GET {given['path']} HTTP/1.1\r\nHost: 127.0.0.1:{given['web_port']}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n"
        + "".join(f"{line}\r\n" for line in given["headers"]) + "\r\n"
    ).encode()  # fmt: skip
    loop = asyncio.get_running_loop()
    for opened in range(1, tally.clients + 1):
        await loop.create_connection(
            lambda: Client(tally, request, greeted=given["greets"]), "127.0.0.1", given["web_port"]
        )
        if opened % 50 == 0 or opened == tally.clients:
            await _until(tally, partial(tally.has, opened))


async def _press(given: dict[str, Any], tally: Tally) -> None:
    """Publish the paced presses, wait for them, then the burst: all at once, as fast as the system can."""
    publisher = given["publisher"]
    reader, writer = await asyncio.open_connection(publisher["host"], publisher["port"])
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writer.write(connect_packet(publisher["user"], publisher["password"]))
    if (await reader.readexactly(4))[3] != 0:
        raise ConnectionRefusedError("the broker refused the presser")
    drain = asyncio.create_task(_read_all(reader))
    start = time.monotonic()
    for number in range(given["paced"]):
        await asyncio.sleep(max(0.0, start + number / given["rate"] - time.monotonic()))
        tally.press(number)
        writer.write(_packet(publisher["site"], number))
    await _until(tally, lambda: len(tally.took) == given["paced"])
    paced, tally.took = tally.took, []
    began = time.monotonic()
    for number in range(given["paced"], given["paced"] + given["burst"]):
        tally.press(number)
        writer.write(_packet(publisher["site"], number))
    await _until(tally, lambda: len(tally.took) == given["burst"])
    print(orjson.dumps({"paced": paced, "burst_seconds": time.monotonic() - began}).decode(), flush=True)
    drain.cancel()
    writer.close()


def _packet(site: str, number: int) -> bytes:
    name = f"b-{number:04d}"
    return publish_packet(f"skynet/v1/{site}/{name}/alarm", press_payload(name), number + 1)


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def _watch(given: dict[str, Any]) -> None:
    tally = Tally(given["clients"])
    await _connect(given, tally)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)  # "go"
    await _press(given, tally)


if __name__ == "__main__":
    uvloop.run(_watch(orjson.loads(sys.stdin.readline())))
