"""One word to the broker and gone again: log in, say at most one thing, see that it was taken, leave.

Written by hand (MQTT 5): a client with its thread and its loop is more than two packets there and two back. Version 5,
since its acknowledgement says whether the broker took a message at all, and whether anybody listens for it.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

WITHIN = 1.5  # seconds for each answer
TRIES = 3  # a log-in of ours elsewhere under the same name ends this one

NOBODY = "nobody has subscribed to it at the broker"
"""What `say` gives when the broker takes a message and has nobody to hand it to."""

_CONNACK, _PUBACK = 0x20, 0x40
_NO_SUBSCRIBERS = 0x10
_REASONS = {
    0x84: "protocol version",
    0x85: "client id",
    0x86: "user name or password",
    0x87: "not authorised",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
}


class _Kicked(Exception):
    """The broker closed the connection in the middle."""


def log_in(host: str, port: int, user: str, password: str) -> str | None:
    """Log in and leave; what is wrong, or None.

    Raises OSError when the broker can't be reached or does not answer.
    """
    return _tried(host, port, user, password, None)


def say(host: str, port: int, user: str, password: str, topic: str, payload: bytes) -> str | None:
    """Publish one message at QoS 1; why the broker did not take it, or None when it did and somebody listens.

    Raises OSError when the broker can't be reached or does not answer.
    """
    body = _field(topic.encode()) + b"\x00\x01" + b"\x00" + payload
    return _tried(host, port, user, password, b"\x32" + _length(len(body)) + body)


def _tried(host: str, port: int, user: str, password: str, message: bytes | None) -> str | None:
    for _ in range(TRIES):
        try:
            return _once(host, port, user, password, message)
        except _Kicked:
            continue
    return "the broker closed the connection, or something else listens there"


def _once(host: str, port: int, user: str, password: str, message: bytes | None) -> str | None:
    name, secret = user.encode(), password.encode()
    body = b"\x00\x04MQTT\x05\xc2\x00\x05" + b"\x00" + _field(name) + _field(name) + _field(secret)
    with _connected(host, port) as link:
        link.sendall(b"\x10" + _length(len(body)) + body)
        kind, answer = _packet(link)
        if kind != _CONNACK or len(answer) < 2:
            return "something else than an MQTT broker answers there"
        if answer[1]:
            return f"the broker refused our log-in: {_REASONS.get(answer[1], hex(answer[1]))}"
        if message is not None:
            link.sendall(message)
            kind, answer = _packet(link)
            reason = answer[2] if kind == _PUBACK and len(answer) > 2 else 0
            if kind != _PUBACK:
                return "the broker did not acknowledge it"
            if reason == _NO_SUBSCRIBERS:
                return NOBODY
            if reason >= 0x80:
                return f"the broker did not take it: {_REASONS.get(reason, hex(reason))}"
        link.sendall(b"\xe0\x00")
    return None


@contextmanager
def _connected(host: str, port: int) -> Iterator[socket.socket]:
    with socket.create_connection((host, port), timeout=WITHIN) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            yield link
        except (ConnectionResetError, BrokenPipeError) as exc:
            raise _Kicked from exc


def _packet(link: socket.socket) -> tuple[int, bytes]:
    """The next packet: its type, and what is in it."""
    kind = _some(link, 1)[0]
    length, shift = 0, 0
    while shift <= 21:
        digit = _some(link, 1)[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if digit < 0x80:
            return kind & 0xF0, _some(link, length)
    raise _Kicked


def _some(link: socket.socket, number: int) -> bytes:
    found = b""
    while len(found) < number:
        more = link.recv(number - len(found))
        if not more:
            raise _Kicked
        found += more
    return found


def _field(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)
