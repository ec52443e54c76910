"""Devices' clocks: reading what they say, and telling what can't be true. Pure; who calls knows the arrival time."""

import re
from datetime import UTC, datetime, timedelta

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)  # before this no such device existed: its clock was never set
AHEAD = timedelta(days=1)  # a clock further ahead of the arrival is wrong

_FRACTION = re.compile(r"(\.\d{6})\d+")  # more digits than a microsecond's


def from_milliseconds(milliseconds: float) -> datetime | None:
    """The time of an epoch in milliseconds; None where it is none that a calendar has."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000.0, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def from_seconds(seconds: float) -> datetime | None:
    """The time of an epoch in seconds; None where it is none that a calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def from_text(text: str) -> datetime | None:
    """The time of an RFC 3339 text; None when it can't be read, or has no zone and so could be any of many times."""
    try:
        read = datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
    except ValueError:
        return None
    return utc(read) if read.tzinfo is not None else None


def utc(time: datetime) -> datetime | None:
    """An aware time as UTC; None where the calendar ends between the two."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return None


def fault(ts: datetime | None, received_at: datetime) -> str | None:
    """What is unlikely about a device's time, given when its message arrived; None when nothing is."""
    if ts is None:
        return None
    if ts < EARLIEST or ts > received_at + AHEAD:
        return f"ts implausible: {ts.isoformat().replace('+00:00', 'Z')}"
    return None
