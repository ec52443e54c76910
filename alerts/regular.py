"""Buttons that fire by themselves, told by when they fire and by what became of it. Pure.

A button that presses itself (a timer, a hot socket, a load at a fixed hour) does so at the same time of day. Times of day lie
on a circle: 23:55 and 00:05 are ten minutes apart, and their mean is midnight, so they are taken as angles and their mean
direction and its length are worked out (K. V. Mardia and P. E. Jupp, "Directional Statistics", Wiley, 2000, chapter 2).
That the days agree by chance must be unlikely: of n presses at any time of day, k others lie within the window around one
with the probability of a binomial tail, and there are n to begin from (the union bound of a scan statistic).

Nobody is blamed and nothing is kept quiet: what is found is a proposal that somebody look at the button.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import comb
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

Reason = Literal["regular-hours", "low-battery"]
REASONS: tuple[Reason, ...] = ("regular-hours", "low-battery")

LOOKED_BACK = timedelta(days=30)
WITHIN = 10.0  # minutes around a time of day
LEAST_DAYS = 3
CHANCE = 0.01  # more likely than this by chance: no proposal
LOW_BATTERY = 20.0  # percent
LEAST_EMPTY = 2  # presses that came to nothing, of a button whose battery is low
DAY = 24 * 60.0  # minutes

Minutes = NDArray[np.float64]


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A press and what became of it; `outcome` is None while nobody has settled its incident."""

    at: datetime
    cancelled: bool = False
    outcome: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it came to nothing: taken back by its resident, or found false or a test."""
        return self.cancelled or self.outcome in {"false", "test"}


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody look at a button, why, and the figures it rests on."""

    reason: Reason
    figures: dict[str, Any]


def share(presses: Sequence[Press]) -> dict[str, Any]:
    """How many presses of a button came to nothing, of those of which it is known; no share where none is known."""
    empty = sum(one.empty for one in presses)
    settled = sum(one.empty or one.outcome is not None for one in presses)
    return {
        "presses": len(presses),
        "cancelled": sum(one.cancelled for one in presses),
        "false": sum(not one.cancelled and one.outcome == "false" for one in presses),
        "test": sum(not one.cancelled and one.outcome == "test" for one in presses),
        "real": sum(not one.cancelled and one.outcome == "real" for one in presses),
        "share": round(empty / settled, 3) if settled else None,
    }


def proposals(presses: Sequence[Press], battery: float | None, zone: ZoneInfo) -> list[Proposal]:
    """What to propose for a button, given its presses since it was last looked at."""
    ordered = sorted(presses, key=lambda one: one.at)
    found = []
    if times := regular_times(ordered, zone):
        found.append(Proposal(reason="regular-hours", figures={"times": times, **share(ordered)}))
    empty = sum(one.empty for one in ordered)
    if battery is not None and battery <= LOW_BATTERY and empty >= LEAST_EMPTY and _mostly_empty(ordered):
        found.append(Proposal(reason="low-battery", figures={"battery": battery, **share(ordered)}))
    return found


def _mostly_empty(presses: Sequence[Press]) -> bool:
    return sum(one.empty for one in presses) * 2 > len(presses)


def regular_times(presses: Sequence[Press], zone: ZoneInfo) -> list[dict[str, Any]]:
    """Times of day at which a button fires on several days and mostly for nothing, the most regular first."""
    found: list[dict[str, Any]] = []
    left = list(presses)
    while (cluster := _most_regular(left, zone)) is not None:
        inside, time = cluster
        if time["chance"] <= CHANCE and _mostly_empty([left[one] for one in inside]):
            found.append(time)
        left = [one for number, one in enumerate(left) if number not in inside]
    return found


def _most_regular(presses: Sequence[Press], zone: ZoneInfo) -> tuple[set[int], dict[str, Any]] | None:
    """The presses around the time of day that most days share, and that time; None when too few days do."""
    if len(presses) < LEAST_DAYS:
        return None
    minutes = _local_minutes(presses, zone)
    near = np.abs(_apart(minutes[None, :], minutes[:, None])) <= WITHIN
    # by the middle of the window, not by midnight: 23:58 and 00:02 of one night are one day
    days = np.floor((minutes[None, :] - minutes[:, None] + DAY / 2) / DAY)
    counts = [len(set(days[one][near[one]])) for one in range(len(presses))]
    best = int(np.argmax(counts))  # the earliest of equal ones
    if counts[best] < LEAST_DAYS:
        return None
    inside = set(np.flatnonzero(near[best]).tolist())
    mean, length = mean_time(minutes[near[best]])
    empty = sum(presses[one].empty for one in inside)
    time = {
        "time": f"{int(mean) // 60:02d}:{int(mean) % 60:02d}",
        "days": counts[best],
        "presses": len(inside),
        "empty": empty,
        "alike": round(length, 4),
        "chance": round(by_chance(len(presses), counts[best]), 6),
    }
    return inside, time


def _local_minutes(presses: Sequence[Press], zone: ZoneInfo) -> Minutes:
    """Minutes by the site's clock since a fixed day."""
    local = [one.at.astimezone(zone).replace(tzinfo=None) for one in presses]
    return np.array([(one - datetime(2020, 1, 1)).total_seconds() / 60 for one in local])  # noqa: DTZ001 - a wall clock


def _apart(one: Minutes, other: Minutes) -> Minutes:
    """Minutes from one time of day to another, the short way round, -720 … 720."""
    return (one - other + DAY / 2) % DAY - DAY / 2


def mean_time(minutes: Minutes) -> tuple[float, float]:
    """The mean time of day, in whole minutes after midnight, and how alike they are: 1 all the same, 0 all over the day."""
    angles = minutes / DAY * 2 * np.pi
    mean = np.exp(1j * angles).mean()
    return float(np.round(np.angle(mean) / (2 * np.pi) * DAY)) % DAY, float(np.abs(mean))


def by_chance(presses: int, days: int) -> float:
    """How likely presses at any time of day have so many days within one window, at most."""
    near = 2 * WITHIN / DAY
    others = presses - 1
    at_least = sum(comb(others, k) * near**k * (1 - near) ** (others - k) for k in range(days - 1, presses))
    return min(1.0, presses * at_least)
