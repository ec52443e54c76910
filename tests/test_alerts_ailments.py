"""Batteries and clocks: told at a limit, over beyond another. Decided without a database."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alerts import ailments
from alerts.ailments import Ailment, Found
from alerts.rules import RulesError, parse
from alerts.rules_figures import Supervision
from alerts.supervision import Watched

RULES = Supervision()
NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def device(**changed: Any) -> Watched:
    fields: dict[str, Any] = {
        "site": "s1", "device": "b1", "kind": "button", "name": "一号", "grid": "a", "address": None, "lat": 1.0, "lon": 2.0,
        "expect": None, "via": None, "prefix": None, "registered": True, "state": "online", "state_since": NOW,
        "last_seen": NOW, "silent_since": None, "silence_told": False,
    }  # fmt: skip
    return Watched(**(fields | changed))


@pytest.mark.parametrize(
    ("changed", "ailment", "told", "over"),
    [
        ({"battery": 19.9}, "battery", True, False),
        ({"battery": 20.0}, "battery", False, False),
        ({"battery": 30.0}, "battery", False, False),
        ({"battery": 30.1}, "battery", False, True),
        ({"battery": None}, "battery", False, True),
        ({"clock_skew": 300.0}, "clock", False, False),
        ({"clock_skew": 300.1}, "clock", True, False),
        ({"clock_skew": -300.1}, "clock", True, False),
        ({"clock_skew": -150.0}, "clock", False, False),
        ({"clock_skew": 149.9}, "clock", False, True),
        ({"clock_skew": None}, "clock", False, True),
        ({"battery": 1.0, "battery_told": True}, "battery", False, False),
        ({"battery": 1.0, "registered": False}, "battery", False, False),
    ],
)
def test_limits(changed: dict[str, Any], ailment: Ailment, *, told: bool, over: bool) -> None:
    one = device(**changed)
    assert ailments.to_tell([one], RULES) == ([Found(ailment, one)] if told else [])
    assert ailments.well(one, ailment, RULES) == over


def test_a_removed_device_ails_no_more() -> None:
    assert ailments.well(None, "battery", RULES)
    assert ailments.well(None, "clock", RULES)


def test_what_is_well_again_is_news_the_next_time() -> None:
    well = device(battery=80.0, battery_told=True, clock_skew=400.0, clock_told=True)
    assert ailments.to_forget([well, device(battery=80.0)], RULES) == [Found("battery", well)]


@pytest.mark.parametrize(
    ("changed", "ailment", "title"),
    [
        ({"battery": 14.6}, "battery", "电量低 · 一号 · 15%"),
        ({"battery": 14.6, "address": "3号院"}, "battery", "电量低 · 3号院 · 15%"),
        ({"clock_skew": 400.0}, "clock", "时钟不准 · 一号 · 快7分钟"),
        ({"clock_skew": -7300.0}, "clock", "时钟不准 · 一号 · 慢2小时"),
        ({"clock_skew": -10_000_000.0}, "clock", "时钟不准 · 一号 · 慢116天"),
    ],
)
def test_the_incident_says_what_it_rests_on(changed: dict[str, Any], ailment: Ailment, title: str) -> None:
    opening = ailments.opening_of(Found(ailment, device(**changed)), NOW)
    assert (opening.title, opening.kind, opening.priority) == (title, "fault", "low")
    assert (opening.join_key, opening.device, opening.devices, opening.grid) == (f"{ailment}:b1", "b1", ("b1",), "a")


def test_a_warning_must_end_above_where_it_begins() -> None:
    with pytest.raises(RulesError, match="battery_ok is below battery_low"):
        parse("[supervision]\nbattery_low = 40")
