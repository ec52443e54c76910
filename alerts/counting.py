"""Counting: a site's month, times to answer, shares, and whether the load is one that people can carry. Pure.

Loads are judged by EEMUA 191 and ISA-18.2 / IEC 62682: one alarm in ten minutes for one operator is manageable, more than
ten in ten minutes are a flood and should be less than a hundredth of all windows; about 150 a day are acceptable, 300 the
most.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from alerts.openings import CHINA

WINDOW = timedelta(minutes=10)
FLOOD_SHARE = 0.01  # of all windows: from here on floods are the rule
HEAVY_DAY, HEAVIEST_DAY = 150, 300
_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")

Verdict = Literal["manageable", "demanding", "overloaded"]


class Month(msgspec.Struct, frozen=True):
    """A month of a site, in its own time zone: from `begins` (UTC) up to, not including, `ends`; `days` are its dates."""

    text: str
    zone: str
    begins: datetime
    ends: datetime
    days: tuple[str, ...]

    def until(self, now: datetime) -> datetime:
        """How far the month can be counted at `now`."""
        return min(self.ends, max(now, self.begins))


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What came to somebody in a month: `windows` and `days` are all that have passed, `over_N` those with more than N."""

    incidents: int
    windows: int
    days: int
    windows_over_10: int
    days_over_150: int
    days_over_300: int


def zone_of(name: str) -> ZoneInfo:
    """A site's time zone; one that nobody knows is taken as China's, as where incidents open."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(CHINA)


def month_of(text: str, zone_name: str) -> Month:
    """The month that is written as 2026-11.

    Raises ValueError when it is no month; the message says how to write one.
    """
    said = _MONTH.fullmatch(text)
    if said is None:
        raise ValueError(f"{text!r} is not a month: write it like 2026-11")
    zone = zone_of(zone_name)
    year, number = int(said[1]), int(said[2])
    first = date(year, number, 1)
    after = date(year + number // 12, number % 12 + 1, 1)
    days = tuple((first + timedelta(days=day)).isoformat() for day in range((after - first).days))
    return Month(text, zone.key, _midnight(first, zone), _midnight(after, zone), days)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest of these values (ascending) that at least this share of them does not exceed; None of nothing.

    By nearest rank, so that it is the time of some incident, not one between two.
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def share_of(part: int, whole: int) -> float | None:
    """A share of 0 to 1; None of nothing."""
    return round(part / whole, 4) if whole else None


def windows_in(begins: datetime, until: datetime) -> int:
    """How many windows of ten minutes have begun in a time."""
    return max(0, math.ceil((until - begins) / WINDOW))


def days_in(month: Month, until: datetime) -> int:
    """How many days of a month have begun."""
    last = (until - timedelta(microseconds=1)).astimezone(ZoneInfo(month.zone)).date().isoformat()
    return sum(day <= last for day in month.days)


def verdict(load: Load) -> Verdict:
    """Whether somebody could carry this load."""
    floods = load.windows_over_10 / load.windows if load.windows else 0.0
    if load.days_over_300 or floods >= FLOOD_SHARE:
        return "overloaded"
    if load.days_over_150 or load.incidents > load.windows:
        return "demanding"
    return "manageable"
