"""What messages say of their devices: that they live, that they are proven, how their battery and their clock are."""

from datetime import UTC, datetime, timedelta

import pytest

from devices.messages import Alarm, Event, Status, Telemetry
from devices.registry import Registry
from ingest.life import SignsOfLife, note_signs
from ingest.sorting import Sorted
from store.device_states import SignOfLife
from store.events import Arrived

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def noted(life: SignsOfLife, batch: Sorted) -> dict[str, SignOfLife]:
    note_signs(batch, life, Registry())
    return {one.device: one for one in life.take()}


def seen(seconds: float) -> Sorted:
    event = Event("s1", "c1", f"e{seconds}", "person", "instant", None, None, None, None)
    return Sorted(events=[Arrived(event, later(seconds))])


def test_an_event_proves_a_camera_now_and_then_however_much_it_says_besides() -> None:
    life = SignsOfLife()
    assert noted(life, Sorted(telemetry=[(Telemetry("s1", "c1", None, None, {}), later(0))]))["c1"].proven_at is None
    assert noted(life, seen(1))["c1"].proven_at == later(1)
    assert noted(life, seen(2)) == {}
    assert noted(life, seen(10))["c1"] == SignOfLife("s1", "c1", later(10))
    assert noted(life, seen(61))["c1"].proven_at == later(61)


@pytest.mark.parametrize("ts", [later(400), later(-400), None])
def test_clocks_are_read_from_status_and_telemetry(ts: datetime | None) -> None:
    skew = None if ts is None else (ts - NOW).total_seconds()
    told = noted(SignsOfLife(), Sorted(statuses=[(Status("s1", "c1", online=True, ts=ts), NOW)]))
    assert told["c1"].clock_skew == skew
    told = noted(SignsOfLife(), Sorted(telemetry=[(Telemetry("s1", "c1", ts, 50.0, {}), NOW)]))
    assert (told["c1"].clock_skew, told["c1"].battery) == (skew, 50.0)


def test_what_may_have_waited_on_a_disk_or_is_a_will_says_nothing_of_a_clock() -> None:
    old = later(-4000)
    batch = Sorted(
        alarms=[(Alarm("s1", "b1", "p1", "press", old), NOW)],
        events=[Arrived(Event("s1", "c1", "e1", "person", "instant", None, None, old, None), NOW)],
        statuses=[(Status("s1", "c2", online=False, ts=old), NOW)],
    )
    told = noted(SignsOfLife(), batch)
    assert {name: one.clock_skew for name, one in told.items()} == {"b1": None, "c1": None}


def test_the_newest_skew_is_kept_beside_what_else_is_said() -> None:
    life = SignsOfLife()
    life.told(SignOfLife("s1", "b1", NOW, battery=20.0, clock_skew=5.0))
    life.told(SignOfLife("s1", "b1", later(1), clock_skew=-7.0))
    life.told(SignOfLife("s1", "b1", later(2), proven_at=later(2)))
    assert life.take() == [SignOfLife("s1", "b1", later(2), later(2), 20.0, None, -7.0)]
