"""Chattering cameras, floods and windows, by tables and properties; and which cameras look at one place."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import fatigue
from alerts.rules_figures import Fatigue
from alerts.windows import holds, in_force
from devices.geometry import distance, moved
from devices.registry import Device
from devices.scenes import looks_at, scenes
from store.records import Window

NOW = datetime(2026, 11, 25, 1, 0, 0, tzinfo=UTC)
RULES = Fatigue()


def before(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=one) for one in seconds]


@pytest.mark.parametrize(
    ("raised", "quiet_for", "until"),
    [
        ((0,), None, None),
        ((0, 30), None, None),
        ((0, 30, 59), None, 600),
        ((0, 30, 60), None, None),  # the window is open at its far end
        ((0, 10, 20, 30), None, 600),
        ((0,), 5, 600),  # once it chatters, one more is enough to put the end off
        ((0,), -5, None),  # it was calm long enough
        ((0,), 900, 900),
    ],
)
def test_when_a_camera_chatters(raised: tuple[float, ...], quiet_for: float | None, until: float | None) -> None:
    quiet = None if quiet_for is None else NOW + timedelta(seconds=quiet_for)
    wanted = None if until is None else NOW + timedelta(seconds=until)
    assert fatigue.chatters_until(before(*raised), quiet, NOW, RULES) == wanted


@given(st.lists(st.integers(0, 3600), max_size=40))
def test_a_flood_has_hysteresis(ages: list[int]) -> None:
    opened = before(*ages)
    fresh = sum(age < 600 for age in ages)
    assert fatigue.flooded(opened, NOW, before=False, rules=RULES) == (fresh > 10)
    assert fatigue.flooded(opened, NOW, before=True, rules=RULES) == (fresh >= 5)


def window(**changed: object) -> Window:
    given_ = {"id": 1, "site": "s1", "purpose": "maintenance", "grid": None, "device": None, "starts_at": NOW,
              "ends_at": NOW + timedelta(hours=1), "reason": "r", "made_by": "li", "made_at": NOW}  # fmt: skip
    return Window(**(given_ | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "at", "held"),
    [
        ({}, 0, True),
        ({}, -1, False),
        ({}, 3600, False),
        ({"site": "s2"}, 0, False),
        ({"grid": "village"}, 0, True),
        ({"grid": "other"}, 0, False),
        ({"device": "c1"}, 0, True),
        ({"device": "c2"}, 0, False),
    ],
)
def test_where_and_when_a_window_holds(changed: dict[str, object], at: int, *, held: bool) -> None:
    moment = NOW + timedelta(seconds=at)
    assert holds(window(**changed), "s1", ("street", "village"), "c1", moment) == held
    assert not in_force((window(**changed),), "drill", "s1", ("street", "village"), "c1", moment)


def camera(name: str, north: float, east: float, bearing: float | None = None, reach: float = 40.0) -> Device:
    lat, lon = moved(29.9, 103.3, north, east)
    return Device(
        site="s1", device=name, kind="camera", name=name, lat=lat, lon=lon, bearing=bearing, fov=90.0, range=reach
    )


def test_cameras_that_look_at_one_place_share_its_name() -> None:
    placed = [
        camera("c1", 0, 0, 0.0),  # looks north, at a place 20 m ahead
        camera("c2", 40, 0, 180.0),  # stands opposite and looks at the same place
        camera("c3", 0, 0, 180.0, reach=200.0),  # on the same mast, and looks the other way
        Device(site="s1", device="c4", kind="camera", name="nobody knows where"),
    ]
    assert scenes(placed, 60.0) == {"c1": "c1", "c2": "c1", "c3": "c3", "c4": "c4"}
    assert set(scenes(placed, 0.0).values()) == {"c1", "c2", "c3", "c4"}


@given(
    places=st.lists(st.tuples(st.floats(-300, 300), st.floats(-300, 300)), max_size=25),
    within=st.sampled_from([20.0, 60.0, 200.0]),
    order=st.randoms(use_true_random=False),
)
def test_no_two_of_a_place_are_far_apart(places: list[tuple[float, float]], within: float, order: object) -> None:
    cameras = [camera(f"c{number:02}", *place) for number, place in enumerate(places)]
    named = scenes(cameras, within)
    assert named.keys() == {one.device for one in cameras}
    by_name = {one.device: one for one in cameras}
    for one, scene in named.items():
        for other, of_other in named.items():
            if scene == of_other:
                at, to = looks_at(by_name[one]), looks_at(by_name[other])
                assert at is not None
                assert to is not None
                assert distance(*at, *to) <= within + 1e-6
    order.shuffle(cameras)  # type: ignore[attr-defined]
    assert scenes(cameras, within) == named
