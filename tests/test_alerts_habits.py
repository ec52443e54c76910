"""What is usual and what is not: tables of cases, and what holds whatever the counts."""

import math
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alerts import habits
from alerts.habits import ABOVE, MISSING, UNKNOWN, USUAL, WEEK, Counted, Habits, Item
from alerts.rules_figures import Unusual

RULES = Unusual()
ZONE = ZoneInfo("Asia/Shanghai")
NAN = math.nan
NEAR = (-1, 0, 1)


def counted(counts: habits.Floats, whole: NDArray[np.bool_] | None = None, first: int = 490_000) -> Counted:
    hours = np.arange(first, first + counts.shape[1])
    names = [("s1", f"c{number}") for number in range(len(counts))]
    return Counted(names, hours, counts, ~np.isnan(counts) if whole is None else whole)


def naive(series: Sequence[float], at: int, weeks: int) -> dict[str, float]:
    """One device, one hour, as one would write it down."""

    def get(column: int) -> float:
        return series[column] if 0 <= column < len(series) else NAN

    past = [at - WEEK * week for week in range(1, weeks + 1)]
    samples = sorted(x for one in past for near in NEAR if not math.isnan(x := get(one + near)))
    known = sum(not math.isnan(get(one)) for one in past)
    if not samples:
        return {"weeks": known}
    moved = [2 * math.sqrt(x + 0.375) for x in samples]
    middle = statistics.median(moved)
    spread = max(1.0, 1.4826 * statistics.median([abs(one - middle) for one in moved]))
    tenth = (len(samples) - 1) // 10
    return {"weeks": known, "middle": middle, "spread": spread, "low": samples[tenth], "high": samples[-1 - tenth]}


counts = st.one_of(st.integers(0, 60).map(float), st.just(NAN), st.just(0.0))


@st.composite
def histories(draw: st.DrawFn) -> habits.Floats:
    """Counts of some devices over some weeks: mostly made by a seed, so that they are long, with odd values here and there."""
    devices, weeks = draw(st.integers(1, 4)), draw(st.integers(0, 5))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    found = rng.poisson(draw(st.sampled_from([0.1, 3.0, 40.0])), (devices, weeks * WEEK + 3)).astype(float)
    found[rng.random(found.shape) < draw(st.sampled_from([0.0, 0.1, 0.9]))] = NAN
    for _ in range(draw(st.integers(0, 5))):
        found[draw(st.integers(0, devices - 1)), draw(st.integers(0, found.shape[1] - 1))] = draw(counts)
    return found


@given(histories(), st.integers(1, 6), st.data())
def test_all_at_once_is_what_one_by_one_would_be(series: habits.Floats, weeks: int, data: st.DataObject) -> None:
    at = np.array(data.draw(st.lists(st.integers(0, series.shape[1] + 5), min_size=1, max_size=4)))
    of = habits.habits(series, at, weeks)
    for row, line in enumerate(series.tolist()):
        for column, hour in enumerate(at.tolist()):
            for name, value in naive(line, hour, weeks).items():
                found = getattr(of, name)[row, column]
                assert found == pytest.approx(value, rel=1e-12), (name, row, hour)


@given(histories(), st.integers(0, 40), st.data())
def test_only_how_long_ago_counts(series: habits.Floats, more: int, data: st.DataObject) -> None:
    at = np.array([data.draw(st.integers(0, series.shape[1]))])
    shifted = np.concatenate([np.full((len(series), more), NAN), series], axis=1)
    one, other = habits.habits(series, at, 4), habits.habits(shifted, at + more, 4)
    for name in Habits.__struct_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    later = series.copy()
    later[:, int(at[0]) :] = 7.0  # what came later makes no difference
    for name in Habits.__struct_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(habits.habits(later, at, 4), name))


@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(2, 9), st.floats(2, 10))
def test_a_constant_habit_gives_no_item(count: int, least: int, weeks: int, above: float) -> None:
    rules = msgspec.structs.replace(RULES, above=above, least_usual=least)
    history = counted(np.full((2, weeks * WEEK + 5), float(count)))
    first = int(history.hours[0])
    assert list(habits.replay(history, ZONE, first + WEEK + 10, first + weeks * WEEK + 5, rules)) == []


@given(histories(), st.integers(0, 500), st.integers(0, 500))
def test_more_is_never_less_unusual(series: habits.Floats, one: int, more: int) -> None:
    of = habits.habits(series, np.array([series.shape[1]]), 4)
    rules = msgspec.structs.replace(RULES, least_weeks=1)
    few = habits.verdicts(of, np.full((len(series), 1), float(one)), rules)
    many = habits.verdicts(of, np.full((len(series), 1), float(one + more)), rules)
    assert np.all(many[few == ABOVE] == ABOVE)
    assert np.all(few[many == MISSING] == MISSING)


@given(histories(), st.data())
def test_the_same_again_and_in_any_order_of_devices(series: habits.Floats, data: st.DataObject) -> None:
    rules = msgspec.structs.replace(RULES, weeks=3, least_weeks=1, above=2.0, least_usual=1)
    history = counted(series)
    last = int(history.hours[-1]) + 1
    first = last - data.draw(st.integers(0, series.shape[1]))
    once = list(habits.replay(history, ZONE, first, last, rules)) if first < last else []
    assert once == (list(habits.replay(history, ZONE, first, last, rules)) if first < last else [])
    turned = Counted(history.devices[::-1], history.hours, history.counts[::-1], history.whole[::-1])
    again = list(habits.replay(turned, ZONE, first, last, rules)) if first < last else []
    assert sorted(once, key=str) == sorted(again, key=str)


def verdict(past: Sequence[float], count: float, rules: Unusual = RULES) -> int:
    """A count beside the same hour of the weeks before, the newest first, whose neighbours were as they."""
    series = np.full((1, len(past) * WEEK + 1), NAN)
    for week, value in enumerate(past, start=1):
        at = series.shape[1] - 1 - WEEK * week
        series[0, max(0, at - 1) : at + 2] = value
    of = habits.habits(series, np.array([series.shape[1] - 1]), rules.weeks)
    return int(habits.verdicts(of, np.array([[count]]), rules)[0, 0])


@pytest.mark.parametrize(
    ("past", "count", "is_it"),
    [
        ([20, 8, 35, 15, 22, 30], 412, ABOVE),
        ([20, 8, 35, 15, 22, 30], 36, USUAL),
        ([20, 8, 35, 15, 22, 30], 60, USUAL),
        ([20, 8, 35, 15, 22, 30], 0, USUAL),  # it was 8 once: too few to be sure of
        ([20, 18, 35, 15, 22, 30], 0, MISSING),
        ([20, 18, 35, 15, 22, 30], 1, USUAL),
        ([0, 0, 0, 0], 9, USUAL),
        ([0, 0, 0, 0], 10, ABOVE),
        ([0, 0, 0, 0], 0, USUAL),
        ([0, 0, 0, 0, 0, 0, 0, 900], 12, ABOVE),  # one odd week does not become the habit
        ([20, 20], 500, UNKNOWN),  # too few weeks
        ([20, 20, NAN, NAN], 0, UNKNOWN),
        ([20, 20, NAN, 20], 0, MISSING),
        ([20, 20, 20], NAN, UNKNOWN),
        ([9, 9, 9, 9], 0, USUAL),  # below `least_usual`
    ],
)
def test_cases(past: list[float], count: float, is_it: int) -> None:
    assert verdict(past, count) == is_it


def test_the_neighbouring_hours_count_as_well() -> None:
    """A market that begins at seven: at six there was never anything, and half an hour early is no news."""
    series = np.zeros((1, 4 * WEEK + 24))
    series[0, 7::24] = 90
    six = np.array([4 * WEEK + 6])
    of = habits.habits(series, six, 4)
    assert habits.verdicts(of, np.array([[60.0]]), RULES)[0, 0] == USUAL
    five = habits.habits(series, six - 1, 4)
    assert habits.verdicts(five, np.array([[60.0]]), RULES)[0, 0] == ABOVE


def run(*columns: tuple[int, int], before: int = 0, silent_hours: int = 2) -> list[tuple[int, int]]:
    """What began and what was shown after it, hour by hour, of (verdict, seen)."""
    shown = np.array([before], dtype=np.int8)
    told = []
    for last in range(silent_hours, len(columns) + 1):
        window = np.array([[one for one, _ in columns[last - silent_hours : last]]], dtype=np.int8)
        began, over = habits.step(shown, window, np.array([float(columns[last - 1][1])]))
        shown = habits.after_step(shown, began, over)
        told.append((int(began[0]), int(shown[0])))
    return told


U, N, A, M = UNKNOWN, USUAL, ABOVE, MISSING


@pytest.mark.parametrize(
    ("columns", "before", "told"),
    [
        ([(N, 5), (A, 50), (A, 60), (N, 5)], 0, [(A, A), (0, A), (0, 0)]),  # begins once, whoever resolves it meanwhile
        ([(N, 5), (A, 50), (U, 0), (A, 60)], 0, [(A, A), (0, A), (0, A)]),
        ([(N, 5), (M, 0), (M, 0), (M, 0), (N, 3)], 0, [(0, 0), (M, M), (0, M), (0, 0)]),
        ([(M, 0), (U, 0), (M, 0)], 0, [(0, 0), (0, 0)]),  # offline in between: no silence
        ([(M, 0), (M, 0), (N, 0), (N, 2)], 0, [(M, M), (0, M), (0, 0)]),  # a quiet night proves nothing
        ([(M, 0), (M, 0), (U, 3)], 0, [(M, M), (0, 0)]),  # it sees something again, though not for a whole hour
        ([(M, 0), (M, 0), (A, 90), (N, 9)], 0, [(M, M), (A, A), (0, 0)]),
        ([(N, 5), (A, 50), (M, 0), (M, 0)], 0, [(A, A), (0, 0), (M, M)]),
    ],
)
def test_what_begins_and_what_is_over(columns: list[tuple[int, int]], before: int, told: list[tuple[int, int]]) -> None:
    assert run(*columns, before=before) == told


def test_a_figure_is_told_in_the_sites_own_time() -> None:
    at = datetime(2026, 11, 20, 15, tzinfo=UTC)
    item = Item(site="s1", device="c1", hour=at, what="above", hours=1, count=412, low=8, high=35, weeks=6)
    assert item.figure(ZONE) == "23时 412次,往常同一时段 8–35 次(6周)"
    silent = msgspec.structs.replace(item, what="silent", hours=2, count=0, low=20, high=20)
    assert silent.figure(ZONE) == "22时至23时 0次,往常同一时段 20 次(6周)"


def test_a_replay_finds_a_busy_hour_and_a_silence_and_only_what_was_whole() -> None:
    rng = np.random.default_rng(7)
    history = rng.poisson(25, (5, 6 * WEEK)).astype(float)
    whole = np.ones(history.shape, dtype=bool)
    busy, quiet = 5 * WEEK + 20, 5 * WEEK + 60
    history[1, busy] = 412
    history[2, quiet : quiet + 4] = 0
    history[3, quiet : quiet + 4], whole[3, quiet : quiet + 4] = 0, False  # offline
    history[4, busy], whole[4, busy] = 412, False  # what it sends after it was away
    of = counted(history, whole)
    first = int(of.hours[0])
    found = list(habits.replay(of, ZONE, first + 4 * WEEK, first + 6 * WEEK, RULES))
    assert [(item.device, item.what, habits.hour_number(item.hour) - first, item.count) for item in found] == [
        ("c1", "above", busy, 412),
        ("c2", "silent", quiet + 1, 0),
    ]
    assert found[0].weeks == 5
    assert found[0].low <= 25 <= found[0].high < 60
    # what began before it is not told again
    assert list(habits.replay(of, ZONE, first + quiet + 2, first + 6 * WEEK, RULES)) == []


def test_a_replay_needs_no_more_than_it_says() -> None:
    rules = msgspec.structs.replace(RULES, weeks=2, least_weeks=2, above=2.0)
    history = np.random.default_rng(3).poisson(4, (6, 9 * WEEK)).astype(float)
    of = counted(history)
    first, last = int(of.hours[0]) + 7 * WEEK, int(of.hours[-1]) + 1
    cut = habits.replay_from(first, rules) - int(of.hours[0])
    less = Counted(of.devices, of.hours[cut:], of.counts[:, cut:], of.whole[:, cut:])
    found = list(habits.replay(of, ZONE, first, last, rules))
    assert found
    assert found == list(habits.replay(less, ZONE, first, last, rules))


def test_what_is_asked_for_is_enough_for_every_zone() -> None:
    """The engine's few hours give what the whole history gives, also where the clocks were put back in between."""
    history = np.random.default_rng(5).poisson(9, (3, 6 * WEEK)).astype(float)
    for zone in (ZONE, ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")):
        first = habits.hour_number(datetime(2026, 9, 28, tzinfo=UTC))
        of = counted(history, first=first)
        for hour in range(first + 5 * WEEK, first + 5 * WEEK + 60, 7):
            asked = [one for one in habits.known_before(hour, RULES) if one >= first]
            at = np.array(asked) - first
            few = Counted(of.devices, of.hours[at], of.counts[:, at], of.whole[:, at])
            chosen = np.array([hour - 1, hour])
            one, other = (habits.compare(which, zone, chosen, RULES) for which in (of, few))
            np.testing.assert_array_equal(one.habits.middle, other.habits.middle)
            np.testing.assert_array_equal(one.habits.weeks, other.habits.weeks)
            np.testing.assert_array_equal(one.verdicts, other.verdicts)
