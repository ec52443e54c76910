"""Counting: months in a site's own zone, percentiles, verdicts; and who had an incident, by tables of cases."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.counting import Load, Month, days_in, month_of, percentile, share_of, verdict, windows_in
from alerts.responsibility import Move, Stint, stints

T0 = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)


def test_a_month_begins_and_ends_at_the_sites_own_midnight() -> None:
    month = month_of("2026-12", "Asia/Shanghai")
    assert (month.begins, month.ends) == (
        datetime(2026, 11, 30, 16, tzinfo=UTC),
        datetime(2026, 12, 31, 16, tzinfo=UTC),
    )
    assert (month.days[0], month.days[-1], len(month.days)) == ("2026-12-01", "2026-12-31", 31)
    berlin = month_of("2026-10", "Europe/Berlin")  # its clocks go back in this month
    assert berlin.ends - berlin.begins == timedelta(days=31, hours=1)
    assert month_of("2024-02", "no such zone").zone == "Asia/Shanghai"
    assert len(month_of("2024-02", "UTC").days) == 29


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-1", "202611", "1999-12", "2026-11 ", "２０２６-11", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 2026-11"):
        month_of(text, "UTC")


@pytest.mark.parametrize(
    ("until", "windows", "days"),
    [
        ("2026-11-01T00:00:00", 0, 0),
        ("2026-11-01T00:00:01", 1, 1),
        ("2026-11-01T00:10:00", 1, 1),
        ("2026-11-02T00:00:00", 144, 1),
        ("2026-12-01T00:00:00", 4320, 30),
    ],
)
def test_what_has_passed_of_a_month(until: str, windows: int, days: int) -> None:
    month: Month = month_of("2026-11", "UTC")
    at = datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert (windows_in(month.begins, at), days_in(month, at)) == (windows, days)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.9, 7),
        ([1, 2], 0.5, 1),
        ([1, 2, 3], 0.5, 2),
        (list(range(1, 11)), 0.9, 9),
        ([1, 2], 1, 2),
    ],
)
def test_percentiles_are_by_nearest_rank(values: list[float], share: float, expected: float | None) -> None:
    assert percentile(values, share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1).map(sorted), st.sampled_from([0.5, 0.9]))
def test_a_percentile_is_one_of_the_values_that_this_share_does_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


def test_a_share_of_nothing_is_none() -> None:
    assert (share_of(0, 0), share_of(1, 3), share_of(3, 3)) == (None, 0.3333, 1.0)


def load(**more: int) -> Load:
    return Load(**({"incidents": 100, "windows": 4320, "days": 30, "windows_over_10": 0, "days_over_150": 0,
                    "days_over_300": 0} | more))  # fmt: skip


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        (load(), "manageable"),
        (load(windows=0, days=0, incidents=0), "manageable"),
        (load(windows_over_10=43), "manageable"),  # just below a hundredth of the windows
        (load(windows_over_10=44), "overloaded"),
        (load(incidents=4320), "manageable"),  # one in ten minutes
        (load(incidents=4321), "demanding"),
        (load(days_over_150=1), "demanding"),
        (load(days_over_150=1, days_over_300=1), "overloaded"),
    ],
)
def test_a_load_is_judged_by_eemua_191(judged: Load, expected: str) -> None:
    assert verdict(judged) == expected


def move(second: int, actor: str, verb: str, state: str, **more: Any) -> Move:
    due = more.pop("due", None)
    deadline = None if due is None else T0 + timedelta(seconds=due)
    at = T0 + timedelta(seconds=second)
    return Move(at=at, actor=actor, verb=verb, state=state, tier=more.pop("tier", "grid"), deadline=deadline, **more)  # type: ignore[arg-type]


OPEN = move(0, "device:b1", "open", "open", due=30)
TAKEN = move(20, "li", "acknowledge", "acknowledged", owner="li", due=620)
SENT = move(50, "li", "dispatch", "dispatched", owner="li", dispatched_to="wang", due=650)
UP = move(30, "system", "escalate", "open", tier="community", due=60)

CASES: list[tuple[str, list[Move], list[tuple[Any, ...]]]] = [
    ("it waits", [OPEN], [("tier", "grid", 0, None, None, None)]),
    (
        "taken in time, sent, there, done",
        [
            OPEN, TAKEN, SENT,
            move(300, "wang", "arrive", "dispatched", owner="li", dispatched_to="wang", due=900),
            move(400, "li", "resolve", "resolved", owner="li", dispatched_to="wang"),
            move(500, "system", "close", "closed", owner="li", dispatched_to="wang"),
        ],
        [
            ("tier", "grid", 0, 400, "resolve", True),
            ("owner", "li", 20, 400, "resolve", True),
            ("sent", "wang", 50, 400, "resolve", True),
        ],
    ),
    (
        "nobody took it in time: it goes up, and is taken there",
        [OPEN, UP, move(70, "cora", "acknowledge", "acknowledged", owner="cora", tier="community", due=670)],
        [
            ("tier", "grid", 0, 30, "escalate", False),
            ("tier", "community", 30, None, None, False),  # after 60 s
            ("owner", "cora", 70, None, None, None),
        ],
    ),
    (
        "the claim lapses, and it goes up though it had been taken in time",
        [
            OPEN, TAKEN,
            move(620, "system", "release", "open", due=630),
            move(630, "system", "escalate", "open", tier="community", due=660),
        ],
        [
            ("tier", "grid", 0, 630, "escalate", False),
            ("owner", "li", 20, 620, "release", False),
            ("tier", "community", 630, None, None, None),
        ],
    ),
    (
        "handed over: each has his time; the lease runs on with each step",
        [
            OPEN, TAKEN,
            move(600, "li", "note", "acknowledged", owner="li", due=1200),
            move(1100, "cora", "assign", "acknowledged", owner="wang", due=1700),
            move(1800, "wang", "resolve", "resolved", owner="wang"),
        ],
        [
            ("tier", "grid", 0, 1800, "resolve", True),
            ("owner", "li", 20, 1100, "assign", True),
            ("owner", "wang", 1100, 1800, "resolve", False),
        ],
    ),
    (
        "who was sent never came, and it goes back",
        [OPEN, TAKEN, SENT, move(650, "system", "release", "open", dispatched_to="wang", due=660)],
        [
            ("tier", "grid", 0, None, None, True),
            ("owner", "li", 20, 650, "release", False),
            ("sent", "wang", 50, 650, "release", False),
        ],
    ),
    (
        "reopened: a new time begins",
        [OPEN, TAKEN, move(25, "li", "resolve", "resolved", owner="li"), move(90, "li", "reopen", "open", due=120)],
        [
            ("tier", "grid", 0, 25, "resolve", True),
            ("owner", "li", 20, 25, "resolve", True),
            ("tier", "grid", 90, None, None, None),
        ],
    ),
    (
        "what has no deadline keeps none",
        [move(0, "system", "open", "open"), move(5, "system", "resolve", "resolved")],
        [("tier", "grid", 0, 5, "resolve", None)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("moves", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_who_had_it(moves: list[Move], expected: list[tuple[Any, ...]]) -> None:
    def row(one: Stint) -> tuple[Any, ...]:
        ends = None if one.ends is None else (one.ends - T0).total_seconds()
        return one.role, one.who, (one.begins - T0).total_seconds(), ends, one.ended_by, one.kept

    assert [row(one) for one in stints(moves)] == expected
