"""`python -m bench`: measure ours beside the floor, in turn on the same servers, and write the table.

Both are run for each figure right after one another, round by round, since a shared machine is not the same from one minute
to the next. Times of all rounds are pooled; of rates the median counts.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

from bench import answering, fanout, latency, report, ruling, servers, storing, systems
from bench.report import Row, percentile
from bench.servers import ROOT, Servers
from bench.systems import SYSTEMS, System
from skynet.logs import setup

PAGE = ROOT / "docs" / "performance.md"
PARTS = ("storing", "ruling", "answering", "latency", "fanout")
LATENCY_AIM, STORING_AIM = 2.0, 0.75

T = TypeVar("T")


class Bench:
    """One run: how much of everything, and the rows found so far."""

    def __init__(self, running: Servers, *, rounds: int, presses: int, events: int) -> None:
        self._servers = running
        self._rounds = rounds
        self._presses = presses
        self._events = events
        self._stored: float | None = None  # events a second, as measured in this run

    def storing(self) -> list[Row]:
        """Camera events stored a second."""
        found = self._in_turn("storing", partial(storing.measure, self._servers, self._events), self._rounds + 1)
        ours, floor = (statistics.median(found[system]) for system in SYSTEMS)
        self._stored = ours
        what = f"camera events durably stored ({self._events:,} at once)"
        return [Row(what, "/s", ours, floor, STORING_AIM, more_is_better=True)]

    def ruling(self) -> list[Row]:
        """What the rules cost ingest."""
        stored = self._stored or storing.measure(self._servers, self._events, "ours")
        ruled, bare = ruling.measure(self._servers, max(self._events // ruling.BATCH, 20))
        cost = 1000 * (statistics.median(ruled) - statistics.median(bare))
        allowed = 1000 * ruling.SHARE * ruling.BATCH / stored
        what = "the rules' cost for 1,000 camera events, one of them an incident's (beside a tenth of ingest's time)"
        return [Row(what, "ms", cost, allowed, 1.0)]

    def answering(self) -> list[Row]:
        """A person's step under load."""
        found = self._in_turn("a step", partial(answering.measure, self._servers, self._presses))
        ours, floor = list(chain(*found["ours"])), list(chain(*found["floor"]))
        what = f"a person's step, {answering.OPEN:,} incidents open, {answering.OFFICERS} officers listening"
        rows = [
            Row(f"{what}: {name} of {len(ours)}", "ms", percentile(ours, share), percentile(floor, share))
            for name, share in (("p50", 0.5), ("p99", 0.99))
        ]
        limit = answering.LIMIT_MS
        return [*rows, Row(f"the same p99, beside its limit of {limit:g} ms", "ms", percentile(ours, 0.99), limit, 1.0)]

    def latency(self) -> list[Row]:
        """Press to websocket client, under each load."""
        rows = []
        for load in latency.LOADS:
            found = self._in_turn(f"press, {load}", partial(latency.measure, self._servers, load, self._presses))
            ours, floor = list(chain(*found["ours"])), list(chain(*found["floor"]))
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
                what = f"press → websocket client, {load}: {name} of {len(ours)}"
                aim = None if name == "max" else LATENCY_AIM
                rows.append(Row(what, "ms", percentile(ours, share), percentile(floor, share), aim))
        return rows

    def fanout(self) -> list[Row]:
        """One change to 1, 100 and 1,000 clients."""
        rows = []
        for clients in fanout.CASES:
            found = self._in_turn(f"fan-out to {clients}", partial(fanout.measure, self._servers, clients))
            ours, floor = (list(chain(*[one.milliseconds for one in found[system]])) for system in SYSTEMS)
            for name, share in (("p50", 0.5), ("p99", 0.99)):
                what = f"press → the last of {clients:,} websocket clients: {name} of {len(ours)}"
                rows.append(Row(what, "ms", percentile(ours, share), percentile(floor, share), LATENCY_AIM))
            rate, bare = (statistics.median(one.deliveries for one in found[system]) for system in SYSTEMS)
            what = f"changes delivered to {clients:,} clients, pressed at once"
            rows.append(Row(what, "/s", rate, bare, more_is_better=True))
        return rows

    def _in_turn(self, what: str, measure: Callable[[System], T], rounds: int | None = None) -> dict[System, list[T]]:
        """Ours and the floor by turns, as many rounds as wanted; the order changes from round to round."""
        found: dict[System, list[T]] = defaultdict(list)
        rounds = rounds or self._rounds
        for number in range(1, rounds + 1):
            for system in SYSTEMS if number % 2 else SYSTEMS[::-1]:
                began = time.monotonic()
                found[system].append(measure(system))
                say(f"{what}: {system}, round {number} of {rounds}, {time.monotonic() - began:.1f} s")
        return found


def say(text: str) -> None:
    """Progress, beside the result on standard output."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure ours beside a hand-written floor.")
    parser.add_argument("--quick", action="store_true", help="one short round, for a look; writes no page")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again; writes no page")
    parser.add_argument(
        "--rounds", type=int, default=2, help="how often each is measured (default 2; storing once more)"
    )
    given = parser.parse_args()
    setup("warning")
    began, load_before = time.monotonic(), os.getloadavg()[0]
    rounds, presses, events = (1, 100, 20_000) if given.quick else (given.rounds, 300, 60_000)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="skynet-bench-") as folder:
        Path(folder).chmod(0o755)  # the servers run as another user when we are root
        with servers.running(Path(folder)) as running:
            systems.make_templates(running)
            bench = Bench(running, rounds=rounds, presses=presses, events=events)
            for part in PARTS:
                if part in (given.only or PARTS):
                    found = getattr(bench, part)()
                    say("\n".join(row.line() for row in found))
                    rows += found
            remarks = [
                (
                    f"{rounds} rounds, ours and the floor by turns; load average at the end {os.getloadavg()[0]:.2f};"
                    " the load is the same sequence in every run, without chance"
                ),
            ]
            lines = [
                *report.circumstances(running, load_before, time.monotonic() - began, remarks),
                "",
                *report.table(rows),
            ]
    print("\n".join(lines))
    if not given.quick and not given.only:
        report.write(PAGE, lines)


if __name__ == "__main__":
    main()
