"""What is usual for a camera at an hour of the week, and what is far from it. Pure: counts of hours come in, for all devices.

Each hour is compared with the same hour of the week in the weeks before it, in the site's own time; its two neighbours are
pooled with it, so that few weeks suffice and a bus that comes late is no surprise. What is known of an hour t is thus
t - 168 k + {-1, 0, 1} for k = 1 … weeks: always earlier than t itself, so a replay sees what the engine saw.

- Counts x are taken as y = 2 √(x + 3/8), which gives Poisson counts a standard deviation of about 1 whatever their mean
  (F. J. Anscombe, "The transformation of Poisson, binomial and negative-binomial data", Biometrika 35, 1948, 246-254).
- The middle is the median, the spread the MAD times 1.4826, which a few odd weeks can't move; a count's distance is the
  modified z-score of B. Iglewicz and D. C. Hoaglin ("How to Detect and Handle Outliers", ASQC, 1993), (y - median) /
  (1.4826 MAD). They call 3.5 an outlier among a few values; a camera has 168 hours a week, so the rules ask for more.
- The spread is never less than 1: nobody is steadier than Poisson, and counts that are nearly always 0 have a MAD of 0.
- Above habit is also above the ninth tenth of what was there; silent is 0 where even the first tenth was many. With up to
  ten values these are the greatest and the least of them, so what is known little must be surpassed wholly.

All devices are worked out at once, as an array devices x hours asked x values (3 a week); nothing loops over devices.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.rules_figures import Unusual

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Verdicts = NDArray[np.int8]
What = Literal["above", "silent"]

WEEK = 168  # hours
HOUR = timedelta(hours=1)
NEIGHBOURS = np.array([-1, 0, 1])
CONSISTENT = 1.4826  # 1 / 0.6745: makes the MAD of a normal sample its standard deviation
LEAST_SPREAD = 1.0
SECONDS = 3600

UNKNOWN, USUAL, ABOVE, MISSING = 0, 1, 2, 3
"""What an hour is: nothing can be said, as ever, far above, or none where there were always many."""

NAMES: dict[int, What] = {ABOVE: "above", MISSING: "silent"}


class Counted(msgspec.Struct, frozen=True):
    """Hourly counts of the devices of one time zone: rows are devices, columns the `hours` (numbers since 1970, UTC, in
    order). `counts` is NaN where nothing is known; `whole` says where the device was there, online and heard for all of it.
    """

    devices: Sequence[tuple[str, str]]
    hours: Numbers
    counts: Floats
    whole: NDArray[np.bool_]


class Habits(msgspec.Struct, frozen=True):
    """What is usual, devices x hours asked: the middle and spread of transformed counts; the rest in counts and weeks."""

    middle: Floats
    spread: Floats
    low: Floats
    high: Floats
    weeks: Numbers


class Compared(msgspec.Struct, frozen=True):
    """Hours beside their habits, devices x hours: `seen` is the count whether or not the hour was whole, 0 where unknown."""

    verdicts: Verdicts
    seen: Floats
    habits: Habits


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown: a device, `hours` of it up to and with `hour`, how many events, and how many it usually has."""

    site: str
    device: str
    hour: datetime
    what: What
    hours: int
    count: int
    low: int
    high: int
    weeks: int

    def figure(self, zone: ZoneInfo) -> str:
        """The figure it rests on, for people, in the site's own time."""
        last = self.hour.astimezone(zone).hour
        first = (self.hour - HOUR * (self.hours - 1)).astimezone(zone).hour
        when = f"{last}时" if self.hours == 1 else f"{first}时至{last}时"
        usual = f"{self.low}–{self.high}" if self.low != self.high else f"{self.low}"
        return f"{when} {self.count}次,往常同一时段 {usual} 次({self.weeks}周)"


def hour_number(at: datetime) -> int:
    """The hour that a moment lies in, counted since 1970 in UTC."""
    return int(at.timestamp()) // SECONDS


def hour_begins(number: int) -> datetime:
    """When an hour begins."""
    return datetime.fromtimestamp(number * SECONDS, UTC)


def local_hours(hours: Numbers, zone: ZoneInfo) -> Numbers:
    """The same hours counted by the clocks of a zone: 168 apart is the same hour of the week there, summer time or not."""
    offsets = [hour_begins(int(hour)).astimezone(zone).utcoffset() or timedelta() for hour in hours]
    return hours + np.array([int(offset.total_seconds()) // SECONDS for offset in offsets], dtype=np.int64)


def known_before(hour: int, rules: Unusual) -> list[int]:
    """Every hour that may be asked for to compare `hour` and those of silence before it, in any zone."""
    run = [hour - back for back in range(rules.silent_hours)]
    past = {one - WEEK * week + near for one in run for week in range(1, rules.weeks + 1) for near in range(-2, 3)}
    return sorted(past | set(run))  # two hours either side: a zone may have put its clocks on or back between


def habits(series: Floats, at: Numbers, weeks: int) -> Habits:
    """The habits of all devices at the columns `at`; `series` is devices x hours by the local clock, NaN where unknown."""
    back = WEEK * np.arange(1, weeks + 1)
    columns = at[:, None, None] - back[None, :, None] + NEIGHBOURS[None, None, :]  # hours asked x weeks x neighbours
    padded = np.concatenate([series, np.full((len(series), 1), np.nan)], axis=1)  # the last column: nothing known
    columns = np.where((columns >= 0) & (columns < series.shape[1]), columns, series.shape[1])
    samples = np.take(padded, columns.reshape(len(at), -1), axis=1)  # devices x hours asked x values
    there = ~np.isnan(samples)
    known, own = there.sum(axis=-1), there[..., 1 :: len(NEIGHBOURS)].sum(axis=-1)
    samples.sort(axis=-1)  # what is not known stands last
    transformed = anscombe(samples)
    middle = _median(transformed, known)
    deviations = np.abs(transformed - middle[..., None])
    deviations.sort(axis=-1)
    spread = np.maximum(CONSISTENT * _median(deviations, known), LEAST_SPREAD)
    last = np.maximum(known - 1, 0)
    tenth = last // 10
    return Habits(
        middle=middle,
        spread=spread,
        low=_taken(samples, tenth),
        high=_taken(samples, last - tenth),
        weeks=own,
    )


def anscombe(counts: Floats) -> Floats:
    """Counts made comparable: a Poisson count's standard deviation becomes about 1."""
    transformed: Floats = 2.0 * np.sqrt(counts + 0.375)
    return transformed


def _median(ordered: Floats, known: Numbers) -> Floats:
    below, above = np.maximum(known - 1, 0) // 2, known // 2
    return (_taken(ordered, below) + _taken(ordered, np.minimum(above, ordered.shape[-1] - 1))) / 2


def _taken(ordered: Floats, position: Numbers) -> Floats:
    return np.take_along_axis(ordered, position[..., None], axis=-1)[..., 0]


def verdicts(of: Habits, counts: Floats, rules: Unusual) -> Verdicts:
    """What each count is, beside its habit; NaN is an hour of which nothing can be said."""
    enough = ~np.isnan(counts) & (of.weeks >= rules.least_weeks)
    distance = (anscombe(counts) - of.middle) / of.spread
    found = np.where(enough, USUAL, UNKNOWN).astype(np.int8)
    found[enough & (distance > rules.above) & (counts > of.high)] = ABOVE
    found[enough & (counts == 0) & (of.low >= rules.least_usual)] = MISSING
    return found


def compare(counted: Counted, zone: ZoneInfo, hours: Numbers, rules: Unusual) -> Compared:
    """These hours beside what is usual for them, of every device; `hours` must be among those counted."""
    local = local_hours(counted.hours, zone)
    first = int(local[0])
    series = np.full((len(counted.devices), int(local[-1]) - first + 1), np.nan)
    series[:, local - first] = np.where(counted.whole, counted.counts, np.nan)
    chosen = np.searchsorted(counted.hours, hours)
    of = habits(series, local[chosen] - first, rules.weeks)
    now = np.where(counted.whole[:, chosen], counted.counts[:, chosen], np.nan)
    return Compared(verdicts(of, now, rules), np.nan_to_num(counted.counts[:, chosen]), of)


def step(before: Verdicts, run: Verdicts, seen: Floats) -> tuple[Verdicts, NDArray[np.bool_]]:
    """What begins with an hour (0: nothing), and whether what was shown before is over, of each device.

    `run` are the verdicts of the last hours, as many as silence must last, this one at the end; `seen` is its count. Far
    above is over when an hour is not; silence when something is seen, for a quiet night proves nothing.
    """
    now = run[:, -1]
    began = np.zeros_like(before)
    began[np.all(run == MISSING, axis=1) & (before != MISSING)] = MISSING
    began[(now == ABOVE) & (before != ABOVE)] = ABOVE
    over = ((before == ABOVE) & ((now == USUAL) | (now == MISSING))) | ((before == MISSING) & (seen > 0))
    return began, over


def after_step(before: Verdicts, began: Verdicts, over: NDArray[np.bool_]) -> Verdicts:
    """What is shown of each device after a step."""
    return np.where(began != 0, began, np.where(over, 0, before)).astype(np.int8)


def item_of(
    counted: Counted, compared: Compared, device: int, column: int, hour: int, what: int, rules: Unusual
) -> Item:
    """The item that begins for a device with `hour`, which is this column of what was compared."""
    hours = rules.silent_hours if what == MISSING else 1
    span = slice(column - hours + 1, column + 1)
    of = compared.habits
    site, name = counted.devices[device]
    return Item(
        site=site,
        device=name,
        hour=hour_begins(hour),
        what=NAMES[what],
        hours=hours,
        count=int(compared.seen[device, span].sum()),
        low=int(of.low[device, span].min()),
        high=int(of.high[device, span].max()),
        weeks=int(of.weeks[device, span].min()),
    )


def replay(counted: Counted, zone: ZoneInfo, first: int, last: int, rules: Unusual) -> Iterator[Item]:
    """What would have begun in the hours from `first` to before `last`, hour by hour, as if it were then.

    `counted` has every hour from `replay_from(first)` on. The week before `first` is gone through as well, so that what went
    on already does not seem to begin.
    """
    run = rules.silent_hours - 1
    before = np.zeros(len(counted.devices), dtype=np.int8)
    for start in range(first - WEEK, last, WEEK):
        hours = np.arange(start - run, min(start + WEEK, last))
        compared = compare(counted, zone, hours, rules)
        for column in range(run, len(hours)):
            began, over = step(before, compared.verdicts[:, column - run : column + 1], compared.seen[:, column])
            before = after_step(before, began, over)
            if hours[column] < first:
                continue
            for device in np.flatnonzero(began):
                what = int(began[device])
                yield item_of(counted, compared, int(device), column, int(hours[column]), what, rules)


def replay_from(first: int, rules: Unusual) -> int:
    """The first hour that a replay from `first` on needs to know of."""
    return first - WEEK * (rules.weeks + 1) - rules.silent_hours - 2
