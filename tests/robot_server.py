"""A chat service of the tests' own: it takes messages, and throttles, errs, hangs, breaks off and lies when told to."""

import io
import json
import socket
import socketserver
import struct
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """How one request is answered. `how`: answer, hang (until the server ends), reset."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    how: str = "answer"


OK = Reply(body={"errcode": 0, "errmsg": "ok", "code": 0, "StatusCode": 0})
HANG, RESET = Reply(how="hang"), Reply(how="reset")


def code(number: int, text: str = "no") -> Reply:
    """A lie: 200, and a refusal in the body, in the words of each service."""
    return Reply(body={"errcode": number, "errmsg": text, "code": number, "msg": text})


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        """The words of a message, of whichever service."""
        body = self.body
        return str(body["text"]["content"] if "text" in body else body["content"]["text"])


class RobotServer:
    """`replies[key]` are given in turn to the robot of this key, then `default`; `received` is all that came."""

    def __init__(self) -> None:
        self.replies: dict[str, deque[Reply]] = {}
        self.default = OK
        self.received: list[Received] = []
        self.arrived = threading.Condition()
        self.ending = threading.Event()
        self.hold: threading.Event | None = None  # while it is not set, no answer is given
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wecom(self, key: str = "wecom-key", **more: str) -> str:
        return f"wecomrobot://{key}?endpoint={self.url}&rto=0.5" + "".join(f"&{a}={b}" for a, b in more.items())

    def dingtalk(self, token: str = "dingtoken", secret: str = "") -> str:
        return f"dingrobot://{secret + '@' if secret else ''}{token}?endpoint={self.url}&rto=0.5"

    def feishu(self, token: str = "feishu-token", secret: str = "") -> str:
        return f"feishurobot://{secret + '@' if secret else ''}{token}?endpoint={self.url}&rto=0.5"

    def answers(self, key: str, *replies: Reply) -> None:
        """What the robot of this key answers next; the last one is answered from then on."""
        self.replies[key] = deque(replies)

    def of(self, key: str) -> list[Received]:
        return [one for one in self.received if _key(one) == key]

    def texts(self, key: str = "wecom-key") -> list[str]:
        return [one.text for one in self.of(key)]

    def wait_for(self, count: int, within: float = 15.0) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.received) >= count, within), self.received

    def reply_to(self, one: Received) -> Reply:
        with self.arrived:
            self.received.append(one)
            self.arrived.notify_all()
            waiting = self.replies.get(_key(one))
            if not waiting:
                return self.default
            return waiting.popleft() if len(waiting) > 1 else waiting[0]


def _key(one: Received) -> str:
    return one.query.get("key") or one.query.get("access_token") or one.path.rstrip("/").rpartition("/")[2]


@contextmanager
def running_mailbox() -> Iterator[tuple[int, list[bytes]]]:
    """An SMTP server that takes every mail: its port, and the mails as they came."""
    mails: list[bytes] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 tests\r\n")
            while line := self.rfile.readline():
                verb = line.split()[0].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    mails.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server.server_address[1], mails
        server.shutdown()


@contextmanager
def running_robots() -> Iterator[RobotServer]:
    """A server on a free port, until the block ends."""
    robots = RobotServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._answer(robots.reply_to(Received(parts.path, query, headers, raw)))

        def _answer(self, reply: Reply) -> None:
            if robots.hold is not None:
                robots.hold.wait(20)
            if reply.how == "hang":
                robots.ending.wait(30)
                self.close_connection = True
                return
            if reply.how == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                self.rfile, self.wfile = io.BytesIO(), io.BytesIO()
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    robots.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield robots
    finally:
        robots.ending.set()
        if robots.hold is not None:
            robots.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
