"""The two that are compared, each with a fresh database: ours as its three processes, and the hand-written floor."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import psycopg

from bench import floor
from bench.load import CAMERAS, camera_of
from bench.servers import SITE, Servers, end, python
from devices.registry import Device, Site
from skynet.local import ports
from skynet.local.processes import dies_with_parent
from store import housekeeping, people, registry
from store.connect import connect
from store.migrate import migrate

System = Literal["ours", "floor"]
SYSTEMS: tuple[System, ...] = ("ours", "floor")


@dataclass(frozen=True)
class Running:
    """A system at work: where its feed is, who may see it, and what it has stored."""

    web_port: int
    path: str
    headers: tuple[str, ...]
    greets: bool  # whether it sends a snapshot before the changes
    database: str
    events_table: str

    def stored(self, event_id: str, device: str) -> bool:
        """Whether this event is stored and committed."""
        with psycopg.connect(self.database) as conn:
            return conn.execute(
                f"SELECT 1 FROM {self._keys} WHERE device = %s AND id = %s", (device, event_id)
            ).fetchone() is not None  # fmt: skip

    @property
    def _keys(self) -> str:
        return "event_keys" if self.events_table == "events" else self.events_table

    def count(self) -> int:
        """How many events are stored."""
        with psycopg.connect(self.database) as conn:
            row = conn.execute(f"SELECT count(*) FROM {self.events_table} WHERE device <> ''").fetchone()
            assert row is not None
            return int(row[0])


def make_templates(servers: Servers) -> None:
    """A migrated database with a site of CAMERAS cameras, and the floor's, both with their chunks made ahead."""
    with psycopg.connect(servers.database("postgres"), autocommit=True) as conn:
        for name in SYSTEMS:
            conn.execute(f"CREATE DATABASE template_{name}")
    migrate(servers.database("template_ours"))
    with connect(servers.database("template_ours"), part="bench", role=None) as conn:
        _add_site(conn)
        housekeeping.make_chunks_ahead(conn, datetime.now(UTC))
    with psycopg.connect(servers.database("template_floor"), autocommit=True) as conn:
        conn.execute("CREATE EXTENSION timescaledb")
        conn.execute(floor.SCHEMA)
    with psycopg.connect(servers.database("postgres"), autocommit=True) as conn:
        for name in SYSTEMS:
            # closed to everybody: TimescaleDB's own workers would come back to it and keep it from being copied
            conn.execute(f"ALTER DATABASE template_{name} WITH ALLOW_CONNECTIONS false")
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (f"template_{name}",)
            )


def _add_site(conn: psycopg.Connection) -> None:
    lat, lon = 29.6, 103.2
    registry.add_site(conn, Site(site=SITE, name="bench", lat=lat, lon=lon))
    corners = [[lon - 0.1, lat - 0.1], [lon + 0.1, lat - 0.1], [lon + 0.1, lat + 0.1], [lon - 0.1, lat + 0.1]]
    area: dict[str, Any] = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    conn.execute(
        "INSERT INTO grids (site, grid, name, geometry) VALUES (%s, 'all', 'all', %s)",
        (SITE, psycopg.types.json.Jsonb(area)),
    )
    for number in range(CAMERAS):
        name = camera_of(number)
        camera = Device(
            site=SITE,
            device=name,
            kind="camera",
            name=name,
            grid="all",
            lat=lat + number % 6 * 0.0008,
            lon=lon + number // 6 * 0.0008,
            bearing=float(number * 40 % 360),
            fov=90.0,
            range=150.0,
        )
        registry.add_device(conn, camera)
    conn.commit()


def add_buttons(database: str, count: int) -> None:
    """Buttons b-0000, b-0001, ... of the site; each press of the bench is another button's, so each opens an incident."""
    with psycopg.connect(database) as conn:
        conn.execute(
            "INSERT INTO devices (site, device, kind, name, grid, lat, lon, address)"
            " SELECT %s, 'b-' || lpad(n::text, 4, '0'), 'button', 'b', 'all', 29.6 + n %% 40 * 0.0001,"
            " 103.2 + n / 40 * 0.0002, n || '号' FROM generate_series(0, %s - 1) AS n",
            (SITE, count),
        )
        conn.execute("UPDATE registry_version SET version = version + 1")


@contextmanager
def running(servers: Servers, system: System, buttons: int = 0) -> Iterator[Running]:
    """The system with a fresh database, ready for messages and consoles."""
    with servers.copy_of(f"template_{system}") as database:
        if system == "floor":
            with _floor(servers, database) as target:
                yield target
        else:
            add_buttons(database, buttons)
            with _ours(servers, database) as target:
                yield target


@contextmanager
def _floor(servers: Servers, database: str) -> Iterator[Running]:
    port = ports.free()
    told = {
        "database": database, "host": "127.0.0.1", "port": servers.mqtt_port, "password": servers.password,
        "web_port": port,
    }  # fmt: skip
    log = servers.folder / "floor.log"
    with (
        python("bench.floor", "ingest", told=told, log=log) as ingest,
        python("bench.floor", "web", told=told, log=log),
    ):
        assert ingest.stdout is not None
        for _ in ("alarms", "events"):
            ingest.stdout.readline()  # "subscribed"
        wait_until(lambda: not ports.is_free(port, "127.0.0.1"), "the floor's web server")
        yield Running(port, "/", (), greets=False, database=database, events_table="floor_events")


@contextmanager
def _ours(servers: Servers, database: str) -> Iterator[Running]:
    port = ports.free()
    given = {
        "DATABASE_URL": database, "MQTT_URL": f"mqtt://127.0.0.1:{servers.mqtt_port}",
        "MQTT_PASSWORD": servers.password, "WEB_PORT": str(port), "DATA_DIR": str(servers.folder),
        "LOG_LEVEL": "warning", "START_GRACE": "3600",
    }  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SKYNET_")}
    environment |= {f"SKYNET_{name}": value for name, value in given.items()}
    began = datetime.now(UTC)
    with ExitStack() as stack:
        for part in ("ingest", "alerts", "web"):
            stack.callback(end, _start_part(part, environment, servers.folder / "ours.log"))
        wait_until(lambda: _ready(port, database, began), "our system")
        with connect(database, part="bench") as conn:
            people.add_user(conn, "bench", "officer", [SITE], None)
            token = people.open_session(conn, "bench", timedelta(hours=1))
        headers = (f"Cookie: skynet_session={token}", f"Origin: http://127.0.0.1:{port}")
        yield Running(port, "/api/v1/live", headers, greets=True, database=database, events_table="events")


def _start_part(part: str, environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, str(Path(sys.executable).with_name("skynet")), part],
            env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )  # fmt: skip


def _ready(port: int, database: str, began: datetime) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            if answer.status != 200:
                return False
    except (OSError, urllib.error.URLError):
        return False
    with psycopg.connect(database) as conn:
        rows = conn.execute("SELECT part FROM parts WHERE ready_since >= %s", (began,)).fetchall()
    return {"ingest", "alerts"} <= {part for (part,) in rows}


def wait_until(condition: Callable[[], bool], what: str, within: float = 60.0, every: float = 0.02) -> None:
    """Wait for a condition. Raises TimeoutError."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come about within {within:.0f} s")
        time.sleep(every)


def pause(seconds: float) -> None:
    """Let a load run for a while; nothing is decided by it."""
    time.sleep(seconds)
