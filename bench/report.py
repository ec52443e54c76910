"""The table that goes to docs/performance.md: what was measured, beside its floor, on which machine and when."""

import os
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
import psycopg

from bench.servers import Servers

BEGIN, END = "<!-- measured by make bench: begin -->", "<!-- measured by make bench: end -->"
_LIBRARIES = ("paho-mqtt", "psycopg", "msgspec", "uvicorn", "websockets", "uvloop")
_FSYNCS = 300


@dataclass(frozen=True)
class Row:
    """One figure, ours beside the floor. `aim` bounds ours/floor: at most so for times, at least so for rates."""

    what: str
    unit: str
    ours: float
    floor: float
    aim: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        """Ours as a multiple of the floor."""
        return self.ours / self.floor

    @property
    def met(self) -> bool | None:
        """Whether the aim was met; None without one."""
        if self.aim is None:
            return None
        return self.ratio >= self.aim if self.more_is_better else self.ratio <= self.aim

    def line(self) -> str:
        """As a line of the table."""
        aim = "" if self.aim is None else f"{'≥' if self.more_is_better else '≤'} {self.aim:g}"
        met = {None: "", True: "met", False: "**not met**"}[self.met]
        figures = f"{_figure(self.ours)} | {_figure(self.floor)} | {self.unit} | {self.ratio:.2f}"
        return f"| {self.what} | {figures} | {aim} | {met} |"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def fdatasync_ms(folder: Path) -> tuple[float, float]:
    """p50 and p99 of writing 8 KiB and fdatasync, in milliseconds: what this disk asks for any durable commit."""
    took = []
    path = folder / "fdatasync"
    with path.open("wb", buffering=0) as file:
        for _ in range(_FSYNCS):
            file.seek(0)
            began = time.perf_counter()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    path.unlink()
    return statistics.median(took), percentile(took, 0.99)


def circumstances(servers: Servers, load_before: float, seconds: float, remarks: Sequence[str]) -> list[str]:
    """When and on what it was measured."""
    with psycopg.connect(servers.database("postgres")) as conn:
        row = conn.execute("SELECT current_setting('server_version')").fetchone()
        extension = conn.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
    assert row is not None
    assert extension is not None
    p50, p99 = fdatasync_ms(servers.folder)
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return [
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.0f} s in all",
        (
            f"- {_processor()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GB,"
            f" {platform.system()} {platform.release()}"
        ),
        (
            f"- Python {platform.python_version()}, PostgreSQL {row[0].split()[0]} with TimescaleDB {extension[0]},"
            f" Mosquitto; {libraries}"
        ),
        f"- fdatasync of 8 KiB: p50 {p50:.2f} ms, p99 {p99:.2f} ms; load average before the start {load_before:.2f}",
        *[f"- {remark}" for remark in remarks],
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def table(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown."""
    head = ["| | ours | floor | | ours / floor | aim | |", "| --- | ---: | ---: | --- | ---: | --- | --- |"]
    return head + [row.line() for row in rows]


def write(path: Path, lines: Sequence[str]) -> None:
    """Put the lines between the marks of the page, whose other text stays.

    Raises ValueError when the page has no marks.
    """
    text = path.read_text("utf-8")
    head, begun, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not begun or not ended:
        raise ValueError(f"{path} lacks the lines {BEGIN} and {END}: put them where the table belongs")
    path.write_text("\n".join([head + BEGIN, "", *lines, "", END + tail]), "utf-8")
