"""Outages, maintenance, flapping devices, batteries and clocks, by a made-up clock at a real database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection
from test_alerts_service import NOW, Watch, take

from alerts.lifecycle import Step
from devices.registry import Device, Grid, Site
from devices.siteplan import SitePlan
from store import feed, windows
from store.connect import connect
from store.device_states import SignOfLife, note_life, note_offline
from store.records import Window
from store.registry import import_site, remove_device

SQUARE = {"type": "Polygon", "coordinates": [[[103.0, 30.0], [103.1, 30.0], [103.1, 30.1], [103.0, 30.0]]]}
BUTTONS = [f"b{number}" for number in range(2)]
CAMERAS = [f"c{number}" for number in range(4)]
HANGING = [f"g{number}" for number in range(3)]
OTHERS = [f"o{number}" for number in range(12)]
EVERYBODY = (*BUTTONS, *CAMERAS, "gw", *HANGING, *OTHERS)


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    """A site with a grid of buttons and cameras, a gateway with three cameras in it, and others."""
    with connect(database, part="test", autocommit=True) as conn:
        grid = Grid(site="s1", grid="east", name="东格", geometry=SQUARE)
        devices = [
            *[Device(site="s1", device=name, kind="button", name=name, grid="east") for name in BUTTONS],
            *[Device(site="s1", device=name, kind="camera", name=name, grid="east") for name in CAMERAS],
            Device(site="s1", device="gw", kind="gateway", name="机房"),
            *[
                Device(site="s1", device=name, kind="camera", name=name, via="gw", native=name, expect=120.0)
                for name in HANGING
            ],
            *[Device(site="s1", device=name, kind="button", name=name) for name in OTHERS],
        ]
        import_site(conn, SitePlan(Site(site="s1", name="止火街"), (grid,), tuple(devices)))
        conn.execute("INSERT INTO users (name, role) VALUES ('li', 'officer')")
        conn.execute("INSERT INTO user_sites VALUES ('li', 's1')")
        yield conn


@pytest.fixture
def watch(conn: Connection, database: str) -> Watch:
    found = Watch(conn, database)
    found.listen()
    found.speak(*EVERYBODY)
    return found


def but(*silent: str) -> tuple[str, ...]:
    return tuple(name for name in EVERYBODY if name not in silent)


def incidents(watch: Watch) -> list[tuple[Any, ...]]:
    """(key, state, devices) in order of their opening."""
    return watch.conn.execute("SELECT join_key, state, devices FROM incidents ORDER BY id").fetchall()


def notes(watch: Watch) -> list[tuple[str, str | None]]:
    return watch.conn.execute("SELECT verb, note FROM changes ORDER BY site, seq").fetchall()


def test_a_gateway_and_its_devices_are_one_incident_that_heals(watch: Watch) -> None:
    watch.pass_time(120, speaking=but("gw", *HANGING))
    assert incidents(watch) == []
    watch.pass_time(10, speaking=but("gw", *HANGING))
    assert incidents(watch) == [("offline:gw", "open", ["gw"])]
    watch.pass_time(90, speaking=but("gw", *HANGING))
    [alone, outage] = incidents(watch)
    assert alone == ("offline:gw", "resolved", ["gw"])
    assert outage == ("outage:gateway:gw", "open", ["g0", "g1", "g2", "gw"])
    assert watch.one().title == "断线 · 网关 机房 · 4台设备同时离线"
    assert notes(watch)[1:] == [
        ("open", "g0、g1、g2"),
        ("resolve", f"并入警情 {watch.one().id}:{watch.one().title}"),
    ]
    watch.pass_time(60, speaking=but(*HANGING))
    assert incidents(watch)[-1][1] == "open"
    watch.pass_time(60, speaking=EVERYBODY)
    assert incidents(watch)[-1][1] == "resolved"
    assert watch.verbs() == ["open", "open", "resolve", "resolve"]


def test_waves_of_one_power_cut_end_as_one_outage(watch: Watch, database: str) -> None:
    """Buttons are missed after 90 s, cameras after 180 s; what somebody owns stays theirs."""
    gone = (*BUTTONS, *CAMERAS)
    watch.pass_time(140, speaking=but(*gone))
    assert incidents(watch) == [("offline:b0", "open", ["b0"]), ("offline:b1", "open", ["b1"])]
    take(database, watch.one().id, Step(verb="acknowledge", version=1), at=watch.now)
    watch.pass_time(80)  # and the others go, too
    assert [one for one in incidents(watch) if one[1] != "resolved"] == [
        ("offline:b1", "acknowledged", ["b1"]),
        ("outage:grid:east", "open", ["b0", "b1", *CAMERAS]),
    ]
    outage = watch.one()
    assert (outage.title, outage.grid) == ("断线 · 东格 · 6台设备同时离线", "east")
    watch.pass_time(140)
    still = [one for one in incidents(watch) if one[1] != "resolved"]
    assert [key for key, _, _ in still] == ["offline:b1", "outage"]
    assert set(watch.one().devices) == set(EVERYBODY)
    watch.pass_time(60, speaking=EVERYBODY)
    assert {(key, state) for key, state, _ in incidents(watch) if state != "resolved"} == {
        ("offline:b1", "acknowledged")
    }


def test_who_falls_silent_later_joins_and_who_is_back_is_waited_for(watch: Watch) -> None:
    watch.pass_time(230, speaking=but(*CAMERAS))
    assert incidents(watch) == [("outage:grid:east", "open", CAMERAS)]
    watch.pass_time(600, speaking=but(*CAMERAS))
    watch.pass_time(130, speaking=but("b0", *CAMERAS))
    assert incidents(watch) == [("outage:grid:east", "open", [*CAMERAS, "b0"])]
    assert watch.one().count == 2
    watch.pass_time(60, speaking=but("b0"))
    assert incidents(watch)[0][1] == "open"
    watch.pass_time(60, speaking=EVERYBODY)
    assert incidents(watch)[0][1] == "resolved"


def test_a_device_that_comes_and_goes_keeps_one_incident(watch: Watch) -> None:
    """Three minutes away, twenty seconds there, again and again: seen at once, and one incident through it all."""
    for _ in range(4):
        watch.pass_time(180, speaking=but("b0"))
        assert watch.states()["b0"] == "offline"
        watch.pass_time(20, speaking=EVERYBODY)
        assert watch.states()["b0"] == "online"
        note_offline(watch.conn, [("s1", "b0", watch.now + timedelta(seconds=1))])
    assert incidents(watch) == [("offline:b0", "open", ["b0"])]
    assert watch.verbs() == ["open", "repeat", "repeat", "repeat"]
    watch.pass_time(40, speaking=EVERYBODY)
    assert incidents(watch) == [("offline:b0", "resolved", ["b0"])]


def maintain(watch: Watch, seconds: int, **where: str) -> None:
    window = Window(
        id=0, site="s1", purpose="maintenance", grid=where.get("grid"), device=where.get("device"), starts_at=NOW,
        ends_at=feed.clock(watch.conn) + timedelta(days=1), reason="检修", made_by="li", made_at=NOW,
    )  # fmt: skip
    windows.add(watch.conn, window)
    watch.conn.execute("UPDATE windows SET ends_at = %s", (NOW + timedelta(seconds=seconds),))


def test_maintenance_opens_nothing_until_it_ends(watch: Watch) -> None:
    maintain(watch, 500, grid="east")
    watch.pass_time(490, speaking=but(*CAMERAS, "o0"))
    assert watch.states()["c0"] == "offline"
    assert incidents(watch) == [("offline:o0", "open", ["o0"])]
    watch.pass_time(20, speaking=but(*CAMERAS, "o0"))
    assert incidents(watch)[-1] == ("outage:grid:east", "open", CAMERAS)


def say(watch: Watch, device: str, **what: float) -> None:
    note_life(watch.conn, [SignOfLife("s1", device, watch.now, **what)])  # type: ignore[arg-type]


def test_a_low_battery_is_told_once_and_ends_when_it_is_charged(watch: Watch, database: str) -> None:
    say(watch, "b0", battery=19.0)
    watch.tick()
    watch.tick()
    [found] = incidents(watch)
    assert found == ("battery:b0", "open", ["b0"])
    one = watch.one()
    assert (one.title, one.kind, one.priority, one.grid) == ("电量低 · b0 · 19%", "fault", "low", "east")
    say(watch, "b0", battery=25.0)
    watch.tick()
    assert watch.verbs() == ["open"]
    say(watch, "b0", battery=90.0)
    watch.tick()
    watch.tick()
    assert watch.verbs() == ["open", "resolve"]
    # a person's end stays, until it was well again
    say(watch, "b0", battery=10.0)
    watch.tick()
    take(database, watch.one().id, Step(verb="resolve", version=1, outcome="false"))
    watch.tick()
    assert watch.verbs()[2:] == ["open", "resolve"]


def test_a_wrong_clock_is_told_once_and_of_an_owner_noted(watch: Watch, database: str) -> None:
    say(watch, "c0", clock_skew=-700.0)
    watch.tick()
    assert watch.one().title == "时钟不准 · c0 · 慢12分钟"
    take(database, watch.one().id, Step(verb="acknowledge", version=1), at=watch.now)
    say(watch, "c0", clock_skew=-200.0)
    watch.tick()
    assert watch.verbs() == ["open", "acknowledge"]
    say(watch, "c0", clock_skew=3.0)
    watch.tick()
    watch.tick()
    assert watch.verbs() == ["open", "acknowledge", "note"]
    say(watch, "c1", clock_skew=301.0)
    watch.tick()
    remove_device(watch.conn, "s1", "c1")
    watch.tick()
    assert incidents(watch)[-1] == ("clock:c1", "resolved", ["c1"])


def test_the_systems_own_site_is_watched_by_nobody(watch: Watch) -> None:
    note_life(watch.conn, [SignOfLife("skynet-self", "probe", watch.now, battery=1.0, clock_skew=9999.0)])
    watch.pass_time(200, speaking=EVERYBODY)
    assert incidents(watch) == []
    row = watch.conn.execute("SELECT state FROM device_states WHERE site = 'skynet-self'").fetchone()
    assert row == ("online",)


def test_an_outage_of_an_older_version_heals_when_nothing_of_the_site_is_away(watch: Watch) -> None:
    watch.pass_time(230, speaking=but(*CAMERAS))
    watch.conn.execute("UPDATE incidents SET devices = '{}'")
    watch.pass_time(10, speaking=but(*CAMERAS))
    assert watch.one().state == "open"
    watch.pass_time(60, speaking=EVERYBODY)
    assert watch.one().state == "resolved"
