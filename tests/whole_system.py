"""A whole system for tests: `skynet up` in a folder and on ports of its own, as its user would start it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

SKYNET = [sys.executable, str(Path(sys.executable).with_name("skynet"))]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SKYNET_")}


@dataclass
class WholeSystem:
    """A running `skynet up`."""

    data_dir: Path
    process: "subprocess.Popen[bytes]"
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return self.urls["web"]

    @property
    def mqtt(self) -> tuple[str, int]:
        host, port = self.urls["mqtt"].removeprefix("mqtt://").split(":")
        return host, int(port)

    def command(self, *words: str, given: str = "") -> Any:
        """Run `skynet WORDS --json` on this system; its JSON answer."""
        done = subprocess.run(
            [*SKYNET, *words, "--json"], input=given, capture_output=True, text=True, check=False, timeout=60,
            env=_environment() | {"SKYNET_DATA_DIR": str(self.data_dir)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def pid(self, part: str) -> int:
        return int(json.loads((self.data_dir / "run" / f"{part}.pid").read_text())["pid"])

    def kill(self, part: str) -> None:
        """kill -9, as a crash would, when it runs; the supervisor starts it again."""
        deadline = time.monotonic() + 30
        while not psutil.pid_exists(self.pid(part)):
            assert time.monotonic() < deadline, f"{part} was not started again"
            time.sleep(0.02)
        os.kill(self.pid(part), signal.SIGKILL)

    def log_in(self) -> httpx.Client:
        """A client with the admin's session, by a one-time link of its own."""
        client = httpx.Client(base_url=self.web, headers={"Origin": self.web}, timeout=10)
        answer = client.post(self.urls["login"])
        assert answer.status_code == 303, answer.text
        return client

    def password_client(self, name: str, password: str) -> httpx.Client:
        """A client logged in by name and password."""
        client = httpx.Client(base_url=self.web, headers={"Origin": self.web}, timeout=10)
        answer = client.post("/api/v1/session", json={"name": name, "password": password})
        assert answer.status_code in {200, 201, 204}, answer.text
        return client


@contextmanager
def running_system(
    data_dir: Path, *options: str, command: list[str] | None = None, environment: dict[str, str] | None = None
) -> Iterator[WholeSystem]:
    """Start a system, wait until it is ready, end it as Ctrl-C would, and see that no process is left."""
    ready = data_dir.with_suffix(".ready.json")
    ready.unlink(missing_ok=True)
    log = data_dir.with_suffix(".up.log")
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [
                *(command or [*SKYNET, "up"]), "--data-dir", str(data_dir), "--web-port", "0", "--mqtt-port", "0",
                "--db-port", "0", "--ready-file", str(ready), *options,
            ],
            stdout=sink, stderr=sink, stdin=subprocess.DEVNULL, env=_environment() | (environment or {}),
        )  # fmt: skip
    system = WholeSystem(data_dir, process)
    try:
        deadline = time.monotonic() + 120
        while not ready.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        system.urls = json.loads(ready.read_text())
        yield system
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGINT)
        try:
            process.wait(40)
        finally:
            _, alive = psutil.wait_procs(family, timeout=5)
            for one in alive:
                one.kill()
        assert not alive, f"left behind: {alive}"
        assert re.search(r"ended", log.read_text()), log.read_text()
