"""Keeps processes running: starts them, starts again what dies, ends them in reverse order. One thread, no magic.

What it started is on record in the run folder (pid and start time), so that the next start can end what a kill -9 of
this process left behind; the kernel ends most of it at once (PR_SET_PDEATHSIG).
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil
import structlog

from skynet.local.processes import as_user, dies_with_parent, end_leftover, service_user

log = structlog.get_logger(__name__)

STEADY = 10.0  # seconds a process must run for its next death to count as the first
SLOWEST = 5.0  # seconds between two tries to start what keeps dying
LARGEST_LOG = 20_000_000  # bytes


@dataclass(frozen=True)
class Program:
    """One process to keep running.

    `as_service` runs it as the service user when we are root; `ready` is asked before the next one is started; `before`
    is done before each start (a stale file taken away).
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    end: signal.Signals = signal.SIGTERM
    as_service: bool = False
    reads: Path = Path("/")
    before: Callable[[], None] = field(default=lambda: None)
    patience: float = 10.0


@dataclass
class _Running:
    program: Program
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    deaths: int = 0
    again_at: float = 0.0


class Supervisor:
    """Starts programs in order and watches over them."""

    def __init__(self, folder: Path) -> None:
        self._records = folder / "run"
        self._logs = folder / "logs"
        self._running: dict[str, _Running] = {}
        for path in (self._records, self._logs):
            path.mkdir(parents=True, exist_ok=True)

    def end_leftovers(self) -> None:
        """End what an earlier run of this data directory left; parts before the servers they use."""
        records = [(path, orjson.loads(path.read_bytes())) for path in self._records.glob("*.pid")]
        for path, record in sorted(records, key=lambda one: -one[1]["order"]):
            end_leftover(record["pid"], record["started"])
            path.unlink(missing_ok=True)

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        self._running[program.name] = running = _Running(program)
        self._launch(running)

    def alive(self, name: str) -> bool:
        """Whether it runs now."""
        process = self._running[name].process
        return process is not None and process.poll() is None

    def log_of(self, name: str) -> Path:
        """Where it writes."""
        return self._logs / f"{name}.log"

    def watch(self) -> None:
        """One look: start again what has died, at once the first time, slower when it keeps dying."""
        now = time.monotonic()
        for running in self._running.values():
            if running.process is not None and (code := running.process.poll()) is not None:
                running.deaths = 0 if now - running.started > STEADY else running.deaths + 1
                pause = min(SLOWEST, 0.25 * 2 ** (running.deaths - 1)) if running.deaths else 0.0
                running.process, running.again_at = None, now + pause
                log.warning("a part died and is started again", part=running.program.name, code=code, pause=pause)
            if running.process is None and now >= running.again_at:
                self._launch(running)

    def stop(self) -> None:
        """End everything, last started first, each asked first and killed when it takes too long."""
        for running in reversed(self._running.values()):
            process = running.process
            if process is None:
                continue
            if process.poll() is None:
                process.send_signal(running.program.end)
                try:
                    process.wait(running.program.patience)
                except subprocess.TimeoutExpired:
                    log.warning("a part did not end by itself and is killed", part=running.program.name)
                    process.kill()
                    process.wait()
            self._record(running.program.name).unlink(missing_ok=True)
        self._running.clear()

    def _record(self, name: str) -> Path:
        return self._records / f"{name}.pid"

    def _launch(self, running: _Running) -> None:
        program = running.program
        program.before()
        owner = service_user() if program.as_service else None
        log_file = self.log_of(program.name)
        if log_file.exists() and log_file.stat().st_size > LARGEST_LOG:
            log_file.replace(log_file.with_suffix(".log.1"))
        with log_file.open("ab") as sink:
            running.process = process = subprocess.Popen(
                as_user(program.command, owner, program.reads, program.end),
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C is for us: we end them in order
                cwd="/",
                preexec_fn=None if owner else dies_with_parent(program.end),  # noqa: PLW1509 - we have one thread
            )
        running.started = time.monotonic()
        order = list(self._running).index(program.name)
        record = {"pid": process.pid, "started": _created(process.pid), "order": order}
        self._record(program.name).write_bytes(orjson.dumps(record))


def _created(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0
