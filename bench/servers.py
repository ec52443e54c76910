"""Servers of the bench's own, in a temporary folder on free ports: the TimescaleDB and Mosquitto that the product brings."""

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from devices.broker import Login, hashed
from skynet.local import mosquitto, ports, postgres
from skynet.local.mosquitto import Mosquitto
from skynet.local.postgres import Postgres
from skynet.local.processes import as_user, dies_with_parent, service_user
from skynet.local.programs import say, server_programs

SITE = "bench"
ROOT = Path(__file__).parents[1]
# who publishes: each a user of its own, since a second connection of one user ends the first
PUBLISHERS = ("loader", "presser")


@dataclass
class Servers:
    """How the running servers are reached."""

    cluster: Postgres
    db_port: int
    mqtt_port: int
    password: str
    folder: Path
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def database(self, name: str) -> str:
        """The URL of one database of the cluster."""
        return self.cluster.url(self.db_port, name)

    def publisher(self, name: str) -> dict[str, Any]:
        """What one of PUBLISHERS needs to connect and publish."""
        return {
            "host": "127.0.0.1", "port": self.mqtt_port, "user": f"{SITE}.{name}", "password": self.password, "site": SITE,
        }  # fmt: skip

    @contextmanager
    def copy_of(self, template: str) -> Iterator[str]:
        """The URL of a fresh copy of a template database, dropped at the end."""
        name = f"bench_{next(self._numbers)}"
        with psycopg.connect(self.database("postgres"), autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.database(name)
        with psycopg.connect(self.database("postgres"), autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def start_server(command: list[str], folder: Path, log: Path, death: signal.Signals) -> "subprocess.Popen[bytes]":
    """Start a server as the user it may run as; it dies with us."""
    owner = service_user()
    with log.open("ab") as sink:
        return subprocess.Popen(
            as_user(command, owner, folder / "x", death),
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd="/", start_new_session=True,
            preexec_fn=None if owner else dies_with_parent(death),  # noqa: PLW1509
        )  # fmt: skip


def end(process: "subprocess.Popen[Any]", number: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """End one process of ours by its pid."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def python(
    module: str, *arguments: str, told: Mapping[str, Any], log: Path | None = None
) -> "Iterator[subprocess.Popen[str]]":
    """A Python process of the bench, told by standard input what it must know; ended at the end."""
    with (log or Path(os.devnull)).open("a") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink, text=True,
            preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509
        )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(told) + "\n")
    process.stdin.flush()
    try:
        yield process
    finally:
        end(process)


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    """A TimescaleDB and a Mosquitto below `folder`."""
    programs = server_programs(say)
    cluster, broker = Postgres(programs, folder / "postgres"), Mosquitto(programs, folder / "mosquitto")
    cluster.prepare(say)
    db_port, mqtt_port = ports.free(), ports.free()
    # as a gateway whose prefix is the site's own topics: it may speak for all of its devices
    logins = [Login(SITE, name, hashed(broker.password), f"skynet/v1/{SITE}") for name in PUBLISHERS]
    broker.prepare(mqtt_port, logins, say)
    log = folder / "servers.log"
    database = start_server(cluster.command(db_port), cluster.folder, log, signal.SIGINT)
    try:
        mqtt = start_server(broker.command(), broker.folder, log, signal.SIGTERM)
        try:
            postgres.wait_for(cluster.url(db_port, "postgres"))
            mosquitto.wait_for("127.0.0.1", mqtt_port, broker.password)
            yield Servers(cluster, db_port, mqtt_port, broker.password, folder)
        finally:
            end(mqtt)
    finally:
        end(database, signal.SIGINT, 30.0)
