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

import msgspec
import structlog

from skynet.local.logfiles import LogFile
from skynet.local.processes import Left, as_user, dies_with_parent, end_leftovers, service_user
from skynet.local.programs import Say

log = structlog.get_logger(__name__)

STEADY = 10.0  # seconds a process must run for its next death to count as the first
SLOWEST = 5.0  # seconds between two tries to start what keeps dying


def _nothing(_quick_deaths: int) -> None:
    """Nothing to prepare."""


@dataclass(frozen=True)
class Program:
    """One process to keep running.

    `as_service` runs it as the service user when we are root, who must reach the folder `reads`. `before` is done before
    each start and is told how often it died quickly just before. Of two stages the higher one is ended first; `patience`
    is how many seconds a stage has for ending by itself.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str]
    end: signal.Signals = signal.SIGTERM
    as_service: bool = False
    reads: Path = Path("/")
    before: Callable[[int], None] = field(default=_nothing)
    stage: int = 0
    patience: float = 4.0


@dataclass
class _Running:
    program: Program
    log: LogFile
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    deaths: int = 0
    again_at: float = 0.0


class Supervisor:
    """Starts programs in order and watches over them; `progress` is told what a person should see."""

    def __init__(self, folder: Path, progress: Say) -> None:
        self._records = folder / "run"
        self._logs = folder / "logs"
        self._say = progress
        self._running: dict[str, _Running] = {}
        for path in (self._records, self._logs):
            path.mkdir(parents=True, exist_ok=True)

    def end_leftovers(self) -> None:
        """End what an earlier run of this data directory left behind."""
        files = list(self._records.glob("*.pid"))
        records = []
        for file in files:
            try:
                records.append(msgspec.json.decode(file.read_bytes(), type=Left))
            except msgspec.MsgspecError:
                continue  # cut off in the middle of writing: the kernel's own signal has to do
        if count := end_leftovers(records):
            self._say(f"ended {count} processes that an earlier run had left")
        for file in files:
            file.unlink(missing_ok=True)

    def start(self, program: Program) -> None:
        """Start a program and keep it running from now on.

        Raises CantRun when it can't be run as its user.
        """
        self._running[program.name] = running = _Running(program, LogFile(self.log_of(program.name)))
        self._launch(running)

    def alive(self, name: str) -> bool:
        """Whether it runs now."""
        process = self._running[name].process
        return process is not None and process.poll() is None

    def log_of(self, name: str) -> Path:
        """Where it writes."""
        return self._logs / f"{name}.log"

    def watch(self) -> None:
        """One look: start again what has died, at once the first time, slower when it keeps dying; show its warnings."""
        now = time.monotonic()
        for running in self._running.values():
            if running.process is not None and (code := running.process.poll()) is not None:
                running.deaths = 0 if now - running.started > STEADY else running.deaths + 1
                pause = min(SLOWEST, 0.25 * 2.0 ** (running.deaths - 1)) if running.deaths else 0.0
                running.process, running.again_at = None, now + pause
                self._say(f"[{running.program.name}] died ({_how(code)}) and is started again")
            if running.process is None and now >= running.again_at:
                self._launch(running)
            for line in running.log.warnings(now):
                self._say(f"[{running.program.name}] {line}")

    def stop(self) -> None:
        """End everything, later stages first; what does not end by itself in time is killed."""
        stages: dict[int, list[_Running]] = {}
        for running in reversed(self._running.values()):
            stages.setdefault(running.program.stage, []).append(running)
        for stage in sorted(stages, reverse=True):
            self._end(stages[stage])
        self._running.clear()

    def _end(self, together: list[_Running]) -> None:
        for running in together:
            if running.process is not None and running.process.poll() is None:
                running.process.send_signal(running.program.end)
        deadline = time.monotonic() + max(running.program.patience for running in together)
        for running in together:
            if running.process is not None:
                try:
                    running.process.wait(max(0.0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    self._say(f"[{running.program.name}] does not end by itself and is killed")
                    running.process.kill()
                    running.process.wait()
            self._record(running.program.name).unlink(missing_ok=True)

    def _record(self, name: str) -> Path:
        return self._records / f"{name}.pid"

    def _launch(self, running: _Running) -> None:
        program = running.program
        program.before(running.deaths)
        owner = service_user() if program.as_service else None
        with self.log_of(program.name).open("ab") as sink:
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
        self._record(program.name).write_bytes(msgspec.json.encode(Left.of(process.pid, program.end)))


def _how(code: int) -> str:
    return f"exit {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
