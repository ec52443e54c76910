"""The same feed and the same clock give the same incidents, byte for byte: simulated days of zhihuo, replayed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from replaying import Replay, simulated

from devices import siteplan
from devices.scenarios import Scenario

BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # 18:00 there: an evening first, then a night
HOUR = 3600.0
ZHIHUO = siteplan.sample("zhihuo")
LIFE = Scenario(
    name="life", activity=0.05, presses_per_hour=1.5, tests_per_hour=0.2, notable_per_hour=4.0, offline_per_hour=0.4,
    telemetry_every=0,
)  # fmt: skip
WEEK = Scenario(
    name="week", activity=0.01, presses_per_hour=0.3, tests_per_hour=0.1, notable_per_hour=1.0, offline_per_hour=0.15,
    telemetry_every=0,
)  # fmt: skip

Databases = Callable[[], str]


def replayed(
    url: str, seconds: float, *, seed: int = 7, by_incident: bool = False, scenario: Scenario = LIFE, **how: Any
) -> bytes:
    replay = Replay(url, ZHIHUO, BEGIN, seed=seed, **how)
    try:
        replay.run(simulated(ZHIHUO.devices, scenario, seed, BEGIN, seconds), seconds)
        return replay.dump(by_incident=by_incident)
    finally:
        replay.close()


def same(one: bytes, other: bytes) -> bool:
    """Whether they are the same; prints the first lines that are not, since a diff of a megabyte tells nobody anything."""
    for number, (left, right) in enumerate(zip(one.splitlines(), other.splitlines(), strict=False), start=1):
        if left != right:
            print(number, left.decode(), right.decode(), sep="\n")
            break
    return one == other


def test_a_simulated_day_gives_the_same_incidents_twice(databases: Databases) -> None:
    first = replayed(databases(), 24 * HOUR)
    assert same(first, replayed(databases(), 24 * HOUR))
    lines = [orjson.loads(line) for line in first.splitlines()]
    verbs = {line["verb"] for line in lines if "change" in line}
    assert verbs >= {
        "open", "repeat", "cancel", "acknowledge", "assign", "dispatch", "arrive", "note", "release", "escalate", "shelve",
        "resolve", "reopen",
    }  # fmt: skip
    kinds = {line["kind"] for line in lines if "incident" in line}
    assert kinds >= {"press", "offline", "fall", "intrusion", "loitering"}


@pytest.fixture
def evening(databases: Databases) -> tuple[bytes, bytes]:
    """Some hours as one engine and whole batches make them: in the order of the feed, and by incident."""
    replay = Replay(databases(), ZHIHUO, BEGIN, seed=3)
    replay.run(simulated(ZHIHUO.devices, LIFE, 3, BEGIN, 5 * HOUR), 5 * HOUR)
    found = replay.dump(), replay.dump(by_incident=True)
    replay.close()
    return found


def test_other_engines_and_other_batches_change_nothing(databases: Databases, evening: tuple[bytes, bytes]) -> None:
    in_order, by_incident = evening
    assert same(in_order, replayed(databases(), 5 * HOUR, seed=3, engines=2))
    for how in ({"cut": "each"}, {"cut": "random", "engines": 3}, {"engines": 2, "at_once": True}):
        assert same(by_incident, replayed(databases(), 5 * HOUR, seed=3, by_incident=True, **how)), how


def test_another_seed_is_another_day(databases: Databases) -> None:
    assert replayed(databases(), HOUR, seed=1) != replayed(databases(), HOUR, seed=2)


@pytest.mark.week
@pytest.mark.timeout(1800)
def test_a_simulated_week_gives_the_same_incidents_twice_at_a_thousandfold(databases: Databases) -> None:
    week = 7 * 24 * HOUR
    started = time.monotonic()
    first = replayed(databases(), week, scenario=WEEK)
    print(f"a simulated week at {week / (time.monotonic() - started):,.0f} times the speed of life")
    assert same(first, replayed(databases(), week, scenario=WEEK))
    assert first.count(b'"incident":') > 100
