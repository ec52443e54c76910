"""Buttons that fire by themselves: times of day on a circle, what is mostly nothing, and what chance may do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alerts import regular
from alerts.regular import Press, proposals, regular_times, share

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 1, tzinfo=ZONE).astimezone(UTC)


def press(day: int, time: str, what: str | None = "cancelled") -> Press:
    hours, minutes = time.split(":")
    at = START + timedelta(days=day, hours=int(hours), minutes=int(minutes))
    return Press(at=at, cancelled=what == "cancelled", outcome=None if what == "cancelled" else what)


def reasons(presses: list[Press], battery: float | None = None) -> list[str]:
    return [one.reason for one in proposals(presses, battery, ZONE)]


@pytest.mark.parametrize(
    ("presses", "times"),
    [
        ([press(1, "07:55"), press(3, "08:03"), press(9, "07:58", "false")], ["07:59"]),
        ([press(1, "07:55"), press(3, "08:03")], []),  # two days
        ([press(1, "07:55"), press(1, "07:58"), press(1, "08:03")], []),  # one day
        ([press(1, "07:40"), press(3, "08:03"), press(9, "07:58")], []),  # too far apart
        ([press(1, "23:58"), press(3, "00:03"), press(9, "00:02", "test")], ["00:01"]),  # over midnight
        ([press(1, "23:58"), press(2, "00:03"), press(9, "00:02")], []),  # of which two are one night
        ([press(1, "08:00", "real"), press(2, "08:00", "real"), press(3, "08:00")], []),  # mostly real
        ([press(1, "08:00"), press(2, "08:00"), press(3, "08:00", None)], ["08:00"]),  # one not settled yet
        ([press(1, "08:00"), press(2, "08:00", None), press(3, "08:00", None)], []),
        (
            [press(day, time) for day in range(5) for time in ("08:00", "20:00")],
            ["08:00", "20:00"],
        ),
        ([press(day, "08:00") for day in range(6)] + [press(2, "13:17", "real")], ["08:00"]),
    ],
)
def test_regular_times(presses: list[Press], times: list[str]) -> None:
    assert [one["time"] for one in regular_times(presses, ZONE)] == times
    assert ("regular-hours" in reasons(presses)) == bool(times)


def test_one_who_presses_often_is_not_regular_by_chance() -> None:
    rng = np.random.default_rng(11)
    presses = [press(int(rng.integers(30)), f"{int(m) // 60}:{int(m) % 60}") for m in rng.integers(0, 1440, 60)]
    assert regular_times(sorted(presses, key=lambda one: one.at), ZONE) == []


@pytest.mark.parametrize(
    ("battery", "presses", "low"),
    [
        (15.0, [press(1, "03:10"), press(5, "14:30", "false")], True),
        (20.0, [press(1, "03:10"), press(5, "14:30", "false")], True),
        (21.0, [press(1, "03:10"), press(5, "14:30", "false")], False),
        (None, [press(1, "03:10"), press(5, "14:30", "false")], False),
        (15.0, [press(1, "03:10")], False),
        (15.0, [press(1, "03:10"), press(2, "4:10"), press(5, "14:30", "real"), press(6, "9:00", "real")], False),
        (15.0, [], False),
    ],
)
def test_a_low_battery_and_false_presses(battery: float | None, presses: list[Press], low: bool) -> None:
    assert reasons(presses, battery) == (["low-battery"] if low else [])


def test_the_share_counts_what_is_known() -> None:
    assert share([]) == {"presses": 0, "cancelled": 0, "false": 0, "test": 0, "real": 0, "share": None}
    presses = [press(1, "8:00"), press(2, "9:00", "false"), press(3, "9:00", "real"), press(4, "9:00", None)]
    assert share(presses) == {"presses": 4, "cancelled": 1, "false": 1, "test": 0, "real": 1, "share": 0.667}
    assert share([press(1, "8:00", None)])["share"] is None


moments = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 1439)), max_size=20)


@given(moments, st.integers(0, 1439), st.integers(0, 20))
def test_neither_the_hour_nor_the_day_matters(found: list[tuple[int, int]], later: int, days: int) -> None:
    def at(more: timedelta) -> list[dict[str, object]]:
        ordered = sorted(
            (Press(at=START + timedelta(days=day, minutes=minute) + more, cancelled=True) for day, minute in found),
            key=lambda one: one.at,
        )
        return [{k: v for k, v in one.items() if k != "time"} for one in regular_times(ordered, ZONE)]

    as_it_is = at(timedelta())
    assert at(timedelta()) == as_it_is
    assert at(timedelta(days=days)) == as_it_is
    assert [one["days"] for one in at(timedelta(minutes=later))] == [one["days"] for one in as_it_is]


@given(st.integers(0, 1439), st.lists(st.floats(-5, 5), min_size=1, max_size=9))
def test_the_mean_time_of_day_lies_among_them(middle: int, around: list[float]) -> None:
    mean, length = regular.mean_time(np.array([middle + one for one in around]))
    assert abs((mean - middle + 720) % 1440 - 720) <= 5.5
    assert 0.999 < length <= 1 + 1e-9


@given(moments)
def test_what_is_mostly_real_is_never_proposed(found: list[tuple[int, int]]) -> None:
    assume(found)
    presses = [Press(at=START + timedelta(days=day, minutes=minute), outcome="real") for day, minute in found]
    assert proposals(presses, 3.0, ZONE) == []


def test_by_chance() -> None:
    assert regular.by_chance(3, 3) == pytest.approx(3 * (20 / 1440) ** 2)
    assert regular.by_chance(60, 3) == 1.0
    assert regular.by_chance(30, 30) < 1e-40
