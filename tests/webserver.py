"""A web server of a test's own, on a free port in a thread, and clients that speak as browsers and programs do."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
from pydantic import SecretStr
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as websocket

from devices.registry import Device, Site
from skynet.settings import Settings
from store import feed, incidents, people, registry
from store.connect import connect
from store.records import CameraView, Change, Incident
from web.passwords import hash_password
from web.server import make_server

PASSWORD = "correct horse"
_HASH = hash_password(PASSWORD)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Web:
    """A running web server: `url` is the console's, `database` what it works on."""

    url: str
    database: str
    port: int

    @contextmanager
    def client(self, name: str | None = None, **more: Any) -> Iterator[httpx.Client]:
        """A browser of somebody, logged in; nobody's without a name."""
        headers = {"Origin": self.url}
        with httpx.Client(base_url=self.url, headers=headers, timeout=20, trust_env=False, **more) as client:
            if name is not None:
                answer = client.post("/api/v1/session", json={"name": name, "password": PASSWORD})
                assert answer.status_code == 200, answer.text
            yield client

    @contextmanager
    def live(self, client: httpx.Client | None, query: str = "", **more: Any) -> Iterator["Feed"]:
        """The live feed of a logged-in client."""
        headers = {} if client is None else {"Cookie": f"skynet_session={client.cookies['skynet_session']}"}
        options = {"origin": self.url, "proxy": None, "compression": None, "max_size": None} | more
        url = f"ws://127.0.0.1:{self.port}/api/v1/live{query}"
        with websocket(url, additional_headers=headers, **options) as link:
            yield Feed(link)


class Feed:
    """One websocket, read frame by frame."""

    def __init__(self, link: ClientConnection) -> None:
        self.link = link

    def next(self, kind: str | None = None, within: float = 15.0) -> dict[str, Any]:
        """The next frame, or the next of a kind."""
        deadline = time.monotonic() + within
        while True:
            frame: dict[str, Any] = orjson.loads(self.link.recv(timeout=max(0.0, deadline - time.monotonic())))
            if kind is None or frame["type"] == kind:
                return frame

    def changes(self, until: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
        """All changes until each site has reached its number."""
        seen: dict[str, list[dict[str, Any]]] = {site: [] for site in until}
        while any(not seen[site] or seen[site][-1]["seq"] < seq for site, seq in until.items()):
            frame = self.next("change")
            seen.setdefault(frame["site"], []).append(frame)
        return seen


@contextmanager
def running_web(database: str, **settings: Any) -> Iterator[Web]:
    """A web server on a free port."""
    port = free_port()
    server = make_server(Settings(database_url=SecretStr(database), web_port=port, **settings))
    thread = threading.Thread(target=server.run, name="web under test", daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the web server did not start"
        assert time.monotonic() < deadline, "the web server did not start"
        time.sleep(0.01)
    try:
        yield Web(f"http://127.0.0.1:{port}", database, port)
    finally:
        server.should_exit = True
        thread.join(20)


def add_people(database: str) -> None:
    """Two sites with a button and a camera each; an officer of each, one of both, and an admin."""
    with connect(database, part="test") as conn:
        for site in ("s1", "s2"):
            registry.add_site(conn, Site(site=site, name=site))
            for device, kind in (("b1", "button"), ("c1", "camera")):
                registry.add_device(conn, Device(site=site, device=device, kind=kind, name=device))  # type: ignore[arg-type]
        people.add_user(conn, "anna", "officer", ["s1"], _HASH)
        people.add_user(conn, "bert", "officer", ["s2"], _HASH)
        people.add_user(conn, "cora", "lead", ["s1", "s2"], _HASH)
        people.add_user(conn, "dora", "admin", [], _HASH)


def open_incident(database: str, site: str, *, key: str | None = "press:b1", grid: str | None = None) -> int:
    """Open (or join) a press's incident as ingest does; its id."""
    now = datetime.now(UTC)
    opening = Incident(
        site=site, join_key=key, grid=grid, kind="press", priority="critical", title="一键报警", device="b1", lat=1.0,
        lon=2.0, address="一号院", opened_at=now, updated_at=now, last_event_at=now, cameras=(CameraView("c1", 0.5),),
    )  # fmt: skip
    with connect(database, part="test") as conn:
        joined = incidents.open_or_join(conn, opening)
        verb = "open" if joined.opened else "repeat"
        feed.append(conn, [Change(incident=joined.incident, actor="device:b1", verb=verb)])
    return joined.incident.id
