"""`python -m bench.habits`: the habits of 1,000 cameras from 8 weeks, all at once, beside one after the other in plain Python.

It needs no server, and writes no page: one line of the table that docs/performance.md has.
"""

import math
import statistics
import time
from collections.abc import Callable

import numpy as np

from alerts import habits
from alerts.habits import NEIGHBOURS, WEEK, Floats, Numbers
from bench.report import Row

CAMERAS, WEEKS, ROUNDS = 1000, 8, 5
PLAINLY = 5  # so many cameras are worked out one after the other; the figure is for all


def main() -> None:
    rng = np.random.default_rng(1)
    series = rng.poisson(rng.gamma(2.0, 5.0, (CAMERAS, 1)), (CAMERAS, WEEK * (WEEKS + 1))).astype(np.float64)
    at = np.arange(WEEK * WEEKS, WEEK * (WEEKS + 1))
    ours = min(_milliseconds(lambda: habits.habits(series, at, WEEKS)) for _ in range(ROUNDS))
    plain = min(_milliseconds(lambda: _one_by_one(series[:PLAINLY], at)) for _ in range(2)) * CAMERAS / PLAINLY
    what = f"habits of {CAMERAS:,} cameras, {WEEK} hours of the week from {WEEKS} weeks"
    print(Row(what, "ms", ours, plain, 0.1).line())


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _one_by_one(series: Floats, at: Numbers) -> list[tuple[float, float]]:
    found = []
    for line in series.tolist():
        for hour in at.tolist():
            past = [hour - WEEK * week + near for week in range(1, WEEKS + 1) for near in NEIGHBOURS.tolist()]
            moved = [2 * math.sqrt(line[one] + 0.375) for one in past if 0 <= one < len(line)]
            middle = statistics.median(moved)
            found.append((middle, max(1.0, 1.4826 * statistics.median([abs(one - middle) for one in moved]))))
    return found


if __name__ == "__main__":
    main()
