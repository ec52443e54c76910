"""Who is on duty: those with a post at a place whose shift it is. Pure: posts, shifts, the tree of grids and `now` come in.

Somebody in no shift of the site is always on duty. A shift belongs to the day on which it begins: 22:00-06:00 on Fridays
ends on Saturday morning.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import msgspec

from devices.registry import way_up
from store.duty import Post, Shift
from store.records import Tier

CHINA = ZoneInfo("Asia/Shanghai")
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_SHIFT = re.compile(r"[^\s/]{1,48}")
_ABOVE_GRIDS = {"community": 0, "district": 1}


def zone_of(name: str | None) -> ZoneInfo:
    """A site's time zone; one that nobody knows is taken as China's."""
    try:
        return ZoneInfo(name or CHINA.key)
    except (KeyError, ValueError, OSError):  # unknown, not a name, a folder's name
        return CHINA


def shift_fault(shift: Shift) -> str | None:
    """Why this can't be a shift, or None."""
    if _SHIFT.fullmatch(shift.shift) is None:
        return f"{shift.shift!r} can't be a shift's name: 1 to 48 signs, no blanks, no '/'"
    if _HOURS.fullmatch(shift.hours) is None:
        return f'hours is {shift.hours!r}; write it as "22:00-06:00"'
    if not shift.days or any(day not in range(1, 8) for day in shift.days):
        return "days are numbers from 1 (Monday) to 7 (Sunday), at least one"
    return None


def read_days(text: str) -> tuple[int, ...]:
    """Days of the week from text: `mon-fri`, `sat,sun`, `1-5`, or any mixture.

    Raises ValueError, with what is expected.
    """
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        start, end = _day(first), _day(last if dash else first)
        found.update(range(start, end + 1) if start <= end else (*range(start, 8), *range(1, end + 1)))
    return tuple(sorted(found))


def _day(text: str) -> int:
    if text in DAY_NAMES:
        return DAY_NAMES.index(text) + 1
    if text in {"1", "2", "3", "4", "5", "6", "7"}:
        return int(text)
    raise ValueError(f"{text!r} is no day of the week: write mon-fri, or 1-5, or sat,sun")


def runs(shift: Shift, local: datetime) -> bool:
    """Whether a shift runs at this local time."""
    start, end = (time.fromisoformat(part) for part in shift.hours.split("-"))
    at, day = local.time(), local.isoweekday()
    if start < end:
        return day in shift.days and start <= at < end
    before = (day - 2) % 7 + 1
    return (day in shift.days and at >= start) or (before in shift.days and at < end)


def on_shift(name: str, shifts: Iterable[Shift], local: datetime) -> bool:
    """Whether a person works now; `shifts` are those of one site."""
    own = [shift for shift in shifts if name in shift.members]
    return not own or any(runs(shift, local) for shift in own)


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """One site's posts, shifts, grids and time zone."""

    posts: Sequence[Post]
    shifts: Sequence[Shift]
    parents: Mapping[str, str | None]
    zone: ZoneInfo

    def works(self, name: str, now: datetime) -> bool:
        """Whether a person works at this moment."""
        return on_shift(name, self.shifts, now.astimezone(self.zone))

    def on_duty(self, tier: Tier, grid: str | None, now: datetime) -> tuple[str, ...]:
        """Who is on duty for a tier, by name; at the tier of grids, at this grid or the nearest above it where somebody is.

        A place outside of every grid is nobody's at the tier of grids.
        """
        if tier != "grid":
            return self._working({post.name for post in self.posts if post.tier == tier}, now)
        for one in way_up(grid, self.parents.get):
            found = self._working({post.name for post in self.posts if post.tier == "grid" and post.grid == one}, now)
            if found:
                return found
        return ()

    def steps_away(self, name: str, grid: str | None) -> int | None:
        """How far a person's nearest post is from a grid, counted in steps up the tree; None: not on the way up.

        The community comes behind the topmost grid, the district behind the community.
        """
        way = way_up(grid, self.parents.get)
        far = [_steps(post, way) for post in self.posts if post.name == name]
        return min((one for one in far if one is not None), default=None)

    def _working(self, names: Iterable[str], now: datetime) -> tuple[str, ...]:
        return tuple(sorted(name for name in names if self.works(name, now)))


def _steps(post: Post, way: Sequence[str]) -> int | None:
    if post.tier != "grid":
        return len(way) + _ABOVE_GRIDS[post.tier]
    return way.index(post.grid) if post.grid in way else None
