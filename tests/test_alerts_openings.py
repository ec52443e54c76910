"""What presses, events and cancels make, decided without a database."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import openings, stages
from alerts.rules import load_rules, parse
from devices.messages import Alarm, Event, Phase
from devices.registry import Device, Grid, Registry, Site
from store.records import Incident

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)  # 09:02 in China
RULES = load_rules()


def square(lat: float, lon: float, half: float) -> dict[str, object]:
    west, east, south, north = lon - half, lon + half, lat - half, lat + half
    return {
        "type": "Polygon",
        "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
    }


REGISTRY = Registry(
    1,
    [Site(site="s1", name="One"), Site(site="odd", name="Odd", timezone="Nowhere/At-all")],
    [
        Grid(site="s1", grid="village", name="展望村", geometry=square(29.9, 103.3, 0.01)),
        Grid(site="s1", grid="street", name="一组", parent="village", geometry=square(29.9, 103.3, 0.001)),
    ],
    [
        Device(site="s1", device="b1", kind="button", name="李家", address="3号院", lat=29.9, lon=103.3),
        Device(site="s1", device="b2", kind="button", name="王家"),
        Device(site="s1", device="c1", kind="camera", name="12号探头", lat=29.9001, lon=103.3, range=60.0),
        Device(site="s1", device="c2", kind="camera", name="far", lat=29.95, lon=103.3, range=60.0),
        Device(site="s1", device="stranger", kind="camera", name="x", registered=False),
        Device(site="odd", device="c1", kind="camera", name="c1"),
    ],
)


def alarm(device: str = "b1") -> Alarm:
    return Alarm("s1", device, "p1", "press", None)


def event(
    kind: str, *, device: str = "c1", site: str = "s1", phase: Phase = "start", track: str | None = None
) -> Event:
    return Event(site, device, "e1", kind, phase, track, None, None, None)


def press(device: str = "b1") -> Incident:
    return openings.for_press(alarm(device), REGISTRY.devices.get(("s1", device)), REGISTRY, RULES, NOW)


def test_a_press_says_where_and_who_sees_it() -> None:
    found = press()
    assert (found.kind, found.priority, found.state, found.join_key) == ("press", "critical", "open", "press:b1")
    assert (found.title, found.address, found.grid) == ("一键报警 · 3号院", "3号院", "street")
    assert [view.device for view in found.cameras] == ["c1"]
    assert found.deadline == NOW + timedelta(seconds=30)


@pytest.mark.parametrize(("device", "title"), [("b2", "一键报警 · 王家"), ("nobody", "一键报警 · nobody")])
def test_a_press_of_little_known_place_is_as_critical(device: str, title: str) -> None:
    found = press(device)
    assert (found.title, found.priority, found.grid, found.lat, found.cameras) == (title, "critical", None, None, ())
    assert found.deadline == NOW + timedelta(seconds=30)


def test_rules_can_not_weaken_a_press() -> None:
    rules = parse("[press]\nanswer_within = 10")
    found = openings.for_press(alarm(), REGISTRY.devices["s1", "b1"], REGISTRY, rules, NOW)
    assert (found.priority, found.deadline) == ("critical", NOW + timedelta(seconds=10))


@pytest.mark.parametrize(
    ("kind", "phase", "opens"),
    [
        ("intrusion", "start", True),
        ("intrusion", "instant", True),
        ("intrusion", "update", True),
        ("intrusion", "end", False),
        ("fire", "start", True),
        ("person", "start", False),
        ("vehicle", "start", False),
        ("motion", "instant", False),
        ("unheard-of", "start", False),
    ],
)
def test_which_events_open(kind: str, phase: Phase, *, opens: bool) -> None:
    assert (openings.for_event(event(kind, phase=phase), REGISTRY, RULES, NOW) is not None) == opens


def test_an_events_incident() -> None:
    found = openings.for_event(event("intrusion", track="t1"), REGISTRY, RULES, NOW)
    assert found is not None
    assert (found.join_key, found.kind, found.priority) == ("event:c1:intrusion", "intrusion", "medium")
    assert (found.title, found.grid, found.tracks) == ("入侵 · 12号探头", "street", ("c1/t1",))
    assert found.cameras[0].device == "c1"
    assert openings.join_after(found, RULES) == NOW - timedelta(seconds=600)


def test_a_rule_for_a_village_holds_in_its_street() -> None:
    rules = parse('[[incident]]\nkinds = ["crowd"]\npriority = "high"\ngrids = ["village"]')
    assert openings.for_event(event("crowd"), REGISTRY, rules, NOW) is not None
    assert openings.for_event(event("crowd", device="c2"), REGISTRY, rules, NOW) is None


@pytest.mark.parametrize("device", ["stranger", "nobody-at-all"])
def test_events_of_what_nobody_registered_open_nothing(device: str) -> None:
    assert openings.for_event(event("fire", device=device), REGISTRY, RULES, NOW) is None


def test_a_time_zone_nobody_knows_costs_no_incident() -> None:
    assert openings.for_event(event("intrusion", site="odd"), REGISTRY, RULES, NOW) is not None


def test_presses_join_whatever_their_age() -> None:
    assert openings.join_after(press(), RULES) is None


@pytest.mark.parametrize(
    ("seconds", "counts"), [(0, True), (14.999, True), (15, True), (15.001, False), (-15, True), (-15.1, False)]
)
def test_a_cancel_counts_within_15_seconds_either_way(seconds: float, *, counts: bool) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert openings.cancel_counts(NOW, at) == counts
    assert openings.cancelled_before(NOW, at) == (at if counts else None)


def test_a_press_without_a_cancel_is_not_cancelled() -> None:
    assert openings.cancelled_before(NOW, None) is None


LATER = NOW + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("state", "in_time", "standing", "verb", "marked"),
    [
        ("open", True, 0, "cancel", True),
        ("acknowledged", True, 0, "cancel", True),
        ("dispatched", True, 0, "cancel", True),
        ("open", True, 1, "note", False),
        ("open", False, 1, "note", False),
        ("resolved", True, 0, "note", False),
        ("closed", True, 0, "note", False),
    ],
)
def test_what_a_cancel_does(state: str, standing: int, verb: str, *, in_time: bool, marked: bool) -> None:
    before = msgspec.structs.replace(press(), id=7, state=state, version=3)
    change = openings.cancelled(before, "b1", in_time=in_time, standing=standing, at=LATER)
    assert (change.verb, change.actor) == (verb, "device:b1")
    assert change.incident.cancelled_at == (LATER if marked else None)
    assert (change.incident.state, change.incident.version) == (state, 3)
    assert (change.note is not None) == (verb == "note")


def test_opened_and_repeated_name_the_device() -> None:
    assert (openings.opened(press()).verb, openings.opened(press()).actor) == ("open", "device:b1")
    assert openings.repeated(press()).verb == "repeat"
    assert openings.repeated(msgspec.structs.replace(press(), device=None)).actor == "system"


@pytest.mark.parametrize(
    ("state", "cancelled", "stage"),
    [
        ("open", False, "stored"),
        ("open", True, "cancelled"),
        ("acknowledged", False, "acknowledged"),
        ("dispatched", False, "coming"),
        ("resolved", False, "closed"),
        ("resolved", True, "closed"),
        ("closed", False, "closed"),
    ],
)
def test_the_newest_stage(state: str, stage: str, *, cancelled: bool) -> None:
    assert stages.stage_of(msgspec.structs.replace(press(), state=state), NOW if cancelled else None) == stage


@pytest.mark.parametrize(
    ("verb", "state", "stage"),
    [
        ("acknowledge", "acknowledged", "acknowledged"),
        ("assign", "acknowledged", "acknowledged"),
        ("assign", "dispatched", None),
        ("dispatch", "dispatched", "coming"),
        ("resolve", "resolved", "closed"),
        ("cancel", "open", "cancelled"),
        *[
            (verb, "open", None)
            for verb in ("open", "repeat", "note", "arrive", "release", "escalate", "close", "reopen")
        ],
    ],
)
def test_the_stage_a_change_tells(verb: str, state: str, stage: str | None) -> None:
    assert stages.stage_told_by(verb, state) == stage


@given(st.text(max_size=30), st.sampled_from(["start", "update", "instant"]), st.datetimes(timezones=st.just(UTC)))
def test_any_kind_is_decided_without_a_fault(kind: str, phase: Phase, at: datetime) -> None:
    if timedelta(days=2) < at - datetime.min.replace(tzinfo=UTC) < timedelta(days=3_652_000):
        openings.for_event(event(kind, phase=phase), REGISTRY, RULES, at)
