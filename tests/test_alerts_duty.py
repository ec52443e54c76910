"""Who is on duty: shifts over midnight and by days of the week, the nearest grid, people in no shift."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import duty
from alerts.duty import Roster
from devices.registry import way_up
from store.duty import Post, Shift

CHINA = ZoneInfo("Asia/Shanghai")  # no summer time since 1991
MONDAY = datetime(2026, 11, 23, tzinfo=CHINA)
PARENTS = {"town": None, "village": "town", "group": "village", "other": "town"}

TIMES = st.integers(0, 24 * 60 - 1)


def shift(hours: str, days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7), *members: str, name: str = "a") -> Shift:
    return Shift(site="s1", shift=name, hours=hours, days=days, members=members)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@given(
    start=TIMES, end=TIMES, days=st.sets(st.integers(1, 7), min_size=1), second=st.integers(0, 14 * 86_400 - 1),
    zone=st.sampled_from(["Asia/Shanghai", "UTC", "Asia/Kolkata"]),
)  # fmt: skip
def test_a_shift_runs_from_each_beginning_for_its_length(
    start: int, end: int, days: set[int], second: int, zone: str
) -> None:
    """Beside a model that has no notion of midnight: intervals from each day that the shift begins on."""
    midnight = datetime(2026, 11, 23, tzinfo=ZoneInfo(zone))
    at = midnight + timedelta(seconds=second)
    length = timedelta(minutes=(end - start) % (24 * 60) or 24 * 60)
    begins = [
        midnight + timedelta(days=day, minutes=start)
        for day in range(-2, 16)
        if (midnight + timedelta(days=day)).isoweekday() in days
    ]
    expected = any(begin <= at < begin + length for begin in begins)
    one = shift(f"{clock(start)}-{clock(end)}", tuple(sorted(days)))
    assert duty.runs(one, at) is expected
    assert duty.on_shift("a", [shift(one.hours, one.days, "a")], at.astimezone(UTC).astimezone(at.tzinfo)) is expected


@pytest.mark.parametrize(
    ("hours", "days", "hour", "works"),
    [
        ("22:00-06:00", (5,), 4 * 24 + 21, False),  # hours since Monday 00:00: Friday 21:00
        ("22:00-06:00", (5,), 4 * 24 + 22, True),
        ("22:00-06:00", (5,), 5 * 24 + 5, True),  # Saturday morning is Friday's shift
        ("22:00-06:00", (5,), 5 * 24 + 6, False),
        ("22:00-06:00", (5,), 4 * 24 + 5, False),  # Friday morning is Thursday's
        ("22:00-06:00", (7,), 5, True),  # Sunday's, on Monday
        ("08:00-08:00", (1,), 8, True),
        ("08:00-08:00", (1,), 31, True),
        ("08:00-08:00", (1,), 32, False),
    ],
)
def test_over_midnight_and_the_week(hours: str, days: tuple[int, ...], hour: int, works: bool) -> None:
    assert duty.runs(shift(hours, days), MONDAY + timedelta(hours=hour)) is works


def roster(*shifts: Shift) -> Roster:
    places = (("g", "grid", "group"), ("v", "grid", "village"), ("t", "grid", "town"), ("o", "grid", "other"),
              ("c", "community", None), ("d", "district", None))  # fmt: skip
    posts = [Post(site="s1", name=name, tier=tier, grid=grid) for name, tier, grid in places]  # type: ignore[arg-type]
    return Roster(posts=posts, shifts=shifts, parents=PARENTS, zone=CHINA)


def test_the_nearest_grid_where_somebody_is_on_duty() -> None:
    now = MONDAY + timedelta(hours=12)
    night = shift("22:00-06:00", (1, 2, 3, 4, 5, 6, 7), "g", "v")
    assert roster().on_duty("grid", "group", now) == ("g",)
    assert roster().on_duty("grid", "other", now) == ("o",)
    assert roster(night).on_duty("grid", "group", now) == ("t",)
    assert roster(night).on_duty("grid", "group", now + timedelta(hours=12)) == ("g",)
    assert roster().on_duty("grid", None, now) == ()
    assert roster().on_duty("grid", "unknown", now) == ()
    assert roster().on_duty("community", None, now) == ("c",)
    assert roster().on_duty("district", "group", now) == ("d",)
    assert roster(shift("22:00-06:00", (1,), "c")).on_duty("community", None, now) == ()


def test_who_has_several_shifts_works_in_each_and_who_has_none_always() -> None:
    early, late = shift("06:00-14:00", (1,), "g", name="early"), shift("14:00-22:00", (1,), "g", name="late")
    for hour, works in ((5, False), (6, True), (13, True), (14, True), (21, True), (22, False)):
        assert roster(early, late).works("g", MONDAY + timedelta(hours=hour)) is works
        assert roster(early, late).works("v", MONDAY + timedelta(hours=hour))


def test_how_far_somebody_is() -> None:
    found = roster()
    assert [found.steps_away(name, "group") for name in "gvtocd"] == [0, 1, 2, None, 3, 4]
    assert [found.steps_away(name, None) for name in "gc"] == [None, 0]
    assert found.steps_away("nobody", "group") is None


def test_a_ring_of_parents_ends() -> None:
    assert way_up("a", {"a": "b", "b": "a"}.get) == ("a", "b")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", (1, 2, 3, 4, 5)),
        ("sat,sun", (6, 7)),
        ("1-3, 7", (1, 2, 3, 7)),
        ("sat-mon", (1, 6, 7)),
        ("WED", (3,)),
    ],
)
def test_days_are_read_as_people_write_them(text: str, days: tuple[int, ...]) -> None:
    assert duty.read_days(text) == days


@pytest.mark.parametrize("text", ["", "8", "mon-", "someday", "1--3"])
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="no day of the week"):
        duty.read_days(text)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (shift("8-16"), "22:00-06:00"),
        (shift("24:00-06:00"), "22:00-06:00"),
        (shift("08:00-16:00", ()), "days"),
        (shift("08:00-16:00", (0,)), "days"),
        (shift("08:00-16:00", name="a b"), "name"),
        (shift("08:00-16:00", name=""), "name"),
    ],
)
def test_what_is_no_shift_is_said(one: Shift, words: str) -> None:
    assert words in (duty.shift_fault(one) or "")
    assert duty.shift_fault(shift("08:00-16:00", name="夜班")) is None


def test_a_zone_that_nobody_knows_is_chinas() -> None:
    assert [duty.zone_of(name).key for name in ("Europe/Berlin", "Nowhere/Land", "..", None)] == [
        "Europe/Berlin", "Asia/Shanghai", "Asia/Shanghai", "Asia/Shanghai",
    ]  # fmt: skip
