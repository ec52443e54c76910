"""Root causes: one outage, one incident, of the narrowest cause that explains it. Decided without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import outages
from alerts.outages import Telling
from alerts.rules_figures import Supervision
from alerts.supervision import Places, Watched
from store.records import Incident

RULES = Supervision()
NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
PLACES = Places(
    {"s1": "止火街"}, {("s1", "a"): ("东格", "all"), ("s1", "b"): ("西格", "all"), ("s1", "all"): ("全村", None)}
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def device(name: str, **changed: Any) -> Watched:
    fields: dict[str, Any] = {
        "site": "s1", "device": name, "kind": "camera", "name": name.upper(), "grid": None, "address": None, "lat": None,
        "lon": None, "expect": None, "via": None, "prefix": None, "registered": True, "state": "online",
        "state_since": ago(9999), "last_seen": ago(5), "silent_since": None, "silence_told": False,
    }  # fmt: skip
    return Watched(**(fields | changed))


def silent(name: str, since: float = 40, **changed: Any) -> Watched:
    """Silent, found so many seconds ago; it said its last word 90 s before that."""
    return device(name, state="offline", silent_since=ago(since), **({"last_seen": ago(since + 90)} | changed))


def told(devices: list[Watched], still_open: tuple[str, ...] = (), rules: Supervision = RULES) -> dict[str, str]:
    """By the key of each incident the devices that are told now, and in brackets those that it lists besides."""
    found = outages.to_tell(devices, PLACES, still_open, rules, NOW)
    by_key: dict[str, str] = {}
    for one in found:
        key = one.cause.join_key if one.cause else f"offline:{one.devices[0].device}"
        new = {each.device for each in one.devices}
        by_key[key] = " ".join(name if name in new else f"({name})" for name in one.parts)
    return by_key


GATEWAY = [device("gw", kind="gateway")]


def hanging(count: int, *, of: int, via: str | None = "gw", grid: str | None = None, **changed: Any) -> list[Watched]:
    """`of` cameras of a gateway or grid, of which the first `count` are silent."""
    prefix = grid or via or "c"
    return [
        silent(f"{prefix}{number}", via=via, grid=grid, **changed)
        if number < count
        else device(f"{prefix}{number}", via=via, grid=grid)
        for number in range(of)
    ]


OTHERS = [device(f"o{number}") for number in range(20)]


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([silent("c1"), *OTHERS], {"offline:c1": "c1"}),
        ([silent("c1"), silent("c2"), *OTHERS], {"offline:c1": "c1", "offline:c2": "c2"}),
        ([silent("c1")], {"offline:c1": "c1"}),
        ([*GATEWAY, *hanging(2, of=4), *OTHERS], {"offline:gw0": "gw0", "offline:gw1": "gw1"}),
        ([*GATEWAY, *hanging(3, of=4), *OTHERS], {"outage:gateway:gw": "gw0 gw1 gw2"}),
        ([*GATEWAY, *hanging(1, of=1), *OTHERS], {"offline:gw0": "gw0"}),
        ([silent("gw", kind="gateway"), *hanging(1, of=9), *OTHERS], {"outage:gateway:gw": "gw gw0"}),
        (
            [device("gw", kind="gateway", state="offline"), *hanging(1, of=9), *OTHERS],
            {"outage:gateway:gw": "(gw) gw0"},
        ),
        ([silent("gw", kind="gateway"), *OTHERS], {"offline:gw": "gw"}),
        (hanging(3, of=4, via="unseen") + OTHERS, {"outage:gateway:unseen": "unseen0 unseen1 unseen2"}),
        (hanging(3, of=4, via=None, grid="a") + OTHERS, {"outage:grid:a": "a0 a1 a2"}),
        (hanging(2, of=4, via=None, grid="a") + OTHERS, {"offline:a0": "a0", "offline:a1": "a1"}),
        (
            hanging(3, of=4, via=None, grid="a") + hanging(3, of=4, via=None, grid="b") + OTHERS,
            {"outage:grid:all": "a0 a1 a2 b0 b1 b2"},
        ),
        (hanging(3, of=4, via="gw", grid="a") + OTHERS, {"outage:gateway:gw": "a0 a1 a2"}),
        (
            hanging(3, of=3, via="gw", grid="a") + hanging(1, of=2, via=None, grid="b") + OTHERS,
            {"outage:grid:all": "a0 a1 a2 b0"},
        ),
        (
            [*hanging(3, of=3, via="gw"), silent("c1"), *OTHERS],
            {"outage:gateway:gw": "gw0 gw1 gw2", "offline:c1": "c1"},
        ),
        (
            [silent(f"c{number}") for number in range(3)] + OTHERS[:2],
            {"outage": "c0 c1 c2"},
        ),
        ([silent(f"c{number}") for number in range(5)] + OTHERS, {"outage": "c0 c1 c2 c3 c4"}),
        ([silent(f"c{number}") for number in range(4)] + OTHERS, {f"offline:c{n}": f"c{n}" for n in range(4)}),
    ],
    ids=[
        "one", "two", "all there is, but one", "half of a gateway", "most of a gateway", "a gateway's only one",
        "a silent gateway", "a gateway by its own word", "a gateway alone", "a gateway never seen", "most of a grid",
        "half of a grid", "two grids of one", "gateway before grid", "what no gateway explains", "a gateway and a stranger",
        "most of a site", "five of a site", "four of a site",
    ],
)  # fmt: skip
def test_the_narrowest_cause_that_explains_them(devices: list[Watched], expected: dict[str, str]) -> None:
    assert told(devices) == expected


def test_what_has_not_settled_is_told_only_with_what_has() -> None:
    assert told([silent("c1", 31), *OTHERS]) == {}
    young = [silent(f"a{number}", 2, grid="a") for number in range(3)]
    assert told([*young, *OTHERS]) == {}
    assert told([silent("a9", 33, grid="a"), *young, *OTHERS]) == {"outage:grid:a": "a9 a0 a1 a2"}
    assert told([silent("c9", 33), *young, *OTHERS]) == {"offline:c9": "c9", "outage:grid:a": "a0 a1 a2"}
    few = [silent(f"c{number}", 2) for number in range(4)]
    assert told([silent("c9", 33), *few, *OTHERS]) == {"outage": "c9 c0 c1 c2 c3"}
    assert told([silent("c9", 33), *few[:3], *OTHERS]) == {"offline:c9": "c9"}


def test_what_died_at_another_time_is_another_matter() -> None:
    long_gone = [silent(f"a{number}", 90_000, grid="a", silence_told=True) for number in range(3)]
    assert told([*long_gone, silent("a9", grid="a"), *OTHERS]) == {"offline:a9": "a9"}
    just_before = [silent(f"a{number}", 130, grid="a", silence_told=True) for number in range(3)]
    assert told([*just_before, silent("a9", grid="a"), *OTHERS]) == {"outage:grid:a": "(a0) (a1) (a2) a9"}


def test_buttons_and_cameras_of_one_power_cut_are_together() -> None:
    buttons = [silent(f"b{n}", 120, grid="a", kind="button", last_seen=ago(210), silence_told=True) for n in range(2)]
    cameras = [silent(f"c{n}", 33, grid="a", last_seen=ago(213 + n)) for n in range(2)]
    assert told([*buttons, *cameras, device("d", grid="a"), *OTHERS]) == {"outage:grid:a": "c1 c0 (b0) (b1)"}


def test_one_that_sleeps_may_have_died_with_the_others() -> None:
    sleeper = silent("s", 40, grid="a", expect=43_200.0, last_seen=ago(64_840))
    assert told([sleeper, silent("a1", grid="a"), *OTHERS]) == {"offline:s": "s", "offline:a1": "a1"}
    sleeper = silent("s", 40, grid="a", expect=43_200.0, last_seen=ago(43_300))
    assert told([sleeper, silent("a1", grid="a"), *OTHERS]) == {"outage:grid:a": "s a1"}


def test_what_falls_silent_under_an_open_outage_joins_it() -> None:
    late = silent("a9", grid="a")
    assert told([late, device("a1", grid="a"), *OTHERS], ("outage:grid:a",)) == {"outage:grid:a": "a9"}
    assert told([late, device("a1", grid="a"), *OTHERS], ("outage",)) == {"outage": "a9"}
    assert told([late, device("a1", grid="a"), *OTHERS], ("outage", "outage:grid:all")) == {"outage:grid:all": "a9"}
    assert told([late, device("b1", grid="b"), *OTHERS], ("outage:grid:b",)) == {"offline:a9": "a9"}
    # a cause inside of one that is open is part of that
    assert told([*hanging(3, of=3, grid="a"), *OTHERS], ("outage",)) == {"outage": "a0 a1 a2"}
    # a wider one than what is open takes its place
    grid = hanging(2, of=2, via="gw", grid="a", silence_told=True)
    assert told([*grid, late, *OTHERS], ("outage:gateway:gw",)) == {"outage:grid:a": "(a0) (a1) a9"}


def test_a_share_of_ones_own() -> None:
    quarter = Supervision(outage_share=0.25)
    assert told([*hanging(2, of=8), *OTHERS], rules=quarter) == {"offline:gw0": "gw0", "offline:gw1": "gw1"}
    assert told([*hanging(3, of=8), *OTHERS], rules=quarter) == {"outage:gateway:gw": "gw0 gw1 gw2"}


def titles(devices: list[Watched]) -> list[str]:
    known = {one.device: one for one in devices}
    found = outages.to_tell(devices, PLACES, (), RULES, NOW)
    opened = [outages.opening_of(one, known, NOW) for one in found]
    assert all((one.kind, one.priority, one.site) == ("offline", "low", "s1") for one in opened)
    return [one.title for one in opened]


def test_titles_name_the_cause() -> None:
    assert titles([silent("c1", address="3号院"), *OTHERS]) == ["离线 · 3号院"]
    assert titles([silent("c1"), *OTHERS]) == ["离线 · C1"]
    assert titles([*GATEWAY, *hanging(3, of=3), *OTHERS]) == ["断线 · 网关 GW · 3台设备同时离线"]
    assert titles([*hanging(2, of=2, via="x"), *OTHERS]) == ["断线 · 网关 x · 2台设备同时离线"]
    assert titles([*hanging(2, of=2, via=None, grid="a"), *OTHERS]) == ["断线 · 东格 · 2台设备同时离线"]
    assert titles([*hanging(5, of=5, via=None), *OTHERS]) == ["断线 · 止火街 · 5台设备同时离线"]


def test_an_outage_stands_where_its_gateway_is() -> None:
    gateway = device("gw", kind="gateway", lat=30.0, lon=103.0, address="机房", grid="b")
    known = {one.device: one for one in [gateway, *hanging(3, of=3), *OTHERS]}
    [telling] = outages.to_tell(list(known.values()), PLACES, (), RULES, NOW)
    opening = outages.opening_of(telling, known, NOW, drill=True)
    assert (opening.lat, opening.lon, opening.address, opening.grid) == (30.0, 103.0, "机房", "b")
    assert (opening.device, opening.devices, opening.drill) == (None, ("gw0", "gw1", "gw2"), True)


def test_names_of_many_are_cut() -> None:
    many = [device(f"c{number}") for number in range(25)]
    assert outages.names_of(many[:2]) == "C0、C1"
    assert outages.names_of(many).endswith("C19 等25台")


def incident(number: int, key: str, *devices: str, **changed: Any) -> Incident:
    fields: dict[str, Any] = {
        "id": number, "site": "s1", "join_key": key, "grid": None, "kind": "offline", "priority": "low", "title": "t",
        "device": None, "lat": None, "lon": None, "address": None, "opened_at": NOW, "updated_at": NOW, "last_event_at": NOW,
        "devices": devices,
    }  # fmt: skip
    return Incident(**(fields | changed))


AWAY = {("s1", name) for name in ("a", "b", "c", "d")}


@pytest.mark.parametrize(
    ("incidents", "expected"),
    [
        ([incident(1, "offline:a", "a"), incident(2, "outage:grid:g", "a", "b")], [(1, 2)]),
        ([incident(1, "offline:c", "c"), incident(2, "outage:grid:g", "a", "b")], []),
        ([incident(1, "offline:a", "a", owner="li"), incident(2, "outage:grid:g", "a", "b")], []),
        ([incident(1, "offline:a", "a", site="s2"), incident(2, "outage:grid:g", "a", "b")], []),
        ([incident(1, "outage:gateway:g", "a", "b"), incident(2, "outage:grid:g", "a", "b", owner="li")], [(1, 2)]),
        ([incident(1, "outage:gateway:g", "a", "x"), incident(2, "outage", "a", "b")], [(1, 2)]),
        ([incident(1, "outage:gateway:g", "x"), incident(2, "outage", "a", "b")], []),
        ([incident(1, "outage", "a", "b"), incident(2, "outage:grid:g", "a", "b", "c")], []),
        ([incident(1, "outage:grid:g", "a", "b"), incident(2, "outage:grid:h", "a", "b")], []),
        ([incident(1, "outage:grid:g", "a", "b"), incident(2, "outage:grid:h", "a", "b", "c")], [(1, 2)]),
        (
            [incident(1, "offline:a", "a"), incident(2, "outage:grid:g", "a", "b"), incident(3, "outage", "a", "b", "c")],
            [(1, 3), (2, 3)],
        ),
    ],
    ids=[
        "one", "not of it", "owned", "another site's", "a gateway in a grid", "one of it is back", "all of it is back",
        "never the wider one", "of two alike neither", "a grid in a grid", "the widest of several",
    ],
)  # fmt: skip
def test_what_goes_into_a_wider_outage(incidents: list[Incident], expected: list[tuple[int, int]]) -> None:
    assert [(narrow.id, wide.id) for narrow, wide in outages.taken_over(incidents, AWAY)] == expected


_some_device = st.builds(
    lambda number, grid, via, state, told_before, since: (silent if state else device)(
        f"d{number}",
        **({"since": since, "silence_told": told_before} if state else {}),
        grid=grid,
        via=via,
    ),
    st.integers(0, 30), st.sampled_from([None, "a", "b", "all"]), st.sampled_from([None, "gw", "gx"]), st.booleans(),
    st.booleans(), st.integers(0, 200),
)  # fmt: skip


@given(st.lists(_some_device, unique_by=lambda one: one.device), st.sets(st.sampled_from(["outage", "outage:grid:a"])))
def test_each_device_is_told_once_and_nothing_that_is_due_is_left_out(
    devices: list[Watched], still_open: set[str]
) -> None:
    found: list[Telling] = outages.to_tell(devices, PLACES, still_open, RULES, NOW)
    names = [one.device for telling in found for one in telling.devices]
    assert len(names) == len(set(names))
    due = {one.device for one in devices if one.silent_since and not one.silence_told and one.silent_since <= ago(32)}
    assert due <= set(names)
    for telling in found:
        assert telling.devices
        assert {one.device for one in telling.devices} <= set(telling.parts)
        assert telling.cause is None or set(telling.parts) <= telling.cause.members
    assert len({telling.cause.join_key for telling in found if telling.cause}) <= len(found)
