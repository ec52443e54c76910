"""Real servers for tests: a TimescaleDB and a Mosquitto of the tests' own, in temporary folders, on free ports."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devices import broker
from skynet.local import mosquitto, ports, postgres
from skynet.local.mosquitto import Mosquitto
from skynet.local.postgres import Postgres
from skynet.local.processes import as_user, dies_with_parent, service_user
from skynet.local.programs import server_programs


@dataclass
class Broker:
    """A running Mosquitto: how our own users reach it."""

    host: str
    port: int
    password: str
    process: "subprocess.Popen[bytes]"
    start_again: Callable[[], "subprocess.Popen[bytes]"]

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    def kill(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it on the same port and files."""
        self.process = self.start_again()
        mosquitto.wait_for(self.host, self.port, self.password)


def _start(command: list[str], folder: Path, log: Path, death: signal.Signals) -> "subprocess.Popen[bytes]":
    owner = service_user()
    with log.open("ab") as sink:
        return subprocess.Popen(
            as_user(command, owner, folder / "x", death),
            stdout=sink,
            stderr=sink,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            preexec_fn=None if owner else dies_with_parent(death),  # noqa: PLW1509
        )


@contextmanager
def running_database(folder: Path) -> Iterator[tuple[Postgres, int]]:
    """A TimescaleDB below `folder`, ended with SIGINT (fast shutdown)."""
    cluster = Postgres(server_programs(), folder)
    cluster.prepare(lambda _: None)
    port = ports.free()
    process = _start(cluster.command(port), folder, folder.with_suffix(".log"), signal.SIGINT)
    try:
        postgres.wait_for(cluster.url(port, "postgres"))
        yield cluster, port
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


@contextmanager
def running_broker(folder: Path, logins: list[broker.Login] | None = None) -> Iterator[Broker]:
    """A Mosquitto below `folder` that knows our own users and `logins`."""
    server = Mosquitto(server_programs(), folder)
    port = ports.free()
    server.prepare(port, logins or [], lambda _: None)

    def start() -> "subprocess.Popen[bytes]":
        return _start(server.command(), folder, folder.with_suffix(".log"), signal.SIGTERM)

    running = Broker("127.0.0.1", port, server.password, start(), start)
    try:
        mosquitto.wait_for(running.host, port, server.password)
        yield running
    finally:
        running.process.terminate()
        running.process.wait(10)
