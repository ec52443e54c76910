"""When a device's silence counts, how long it settles, and when it is over. Pure: `now` and what the tables say come in.

A device is offline once it was silent for its deadline; the quiet incident waits a little longer (`settle`), since devices
that fall silent together become due spread over one reporting interval, and shall be one outage, not many incidents. What
they have in common is found in alerts/outages.py.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from alerts.rules_figures import Supervision
from alerts.windows import Windows, in_force
from devices.registry import NO_EXPECTATION, way_up
from store.records import Incident, Purpose

STALE_BEAT = timedelta(seconds=10)
"""Without a beat for so long nobody takes messages in: silence is ours then."""

LATENESS = 2.0
"""Seconds by which signs of life are written, and silence is found, later than for another device of the same outage."""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was seen alive at least once, as supervision needs it."""

    site: str
    device: str
    kind: str
    name: str
    grid: str | None
    address: str | None
    lat: float | None
    lon: float | None
    expect: float | None
    via: str | None
    prefix: str | None
    registered: bool
    state: str
    state_since: datetime
    last_seen: datetime
    silent_since: datetime | None
    silence_told: bool
    battery: float | None = None
    battery_told: bool = False
    clock_skew: float | None = None
    clock_told: bool = False


class Places(msgspec.Struct, frozen=True):
    """What sites and grids are called, and in which grid each grid lies."""

    sites: Mapping[str, str]
    grids: Mapping[tuple[str, str], tuple[str, str | None]]  # (site, grid): name, parent

    def chain(self, site: str, grid: str | None) -> tuple[str, ...]:
        """A grid and those that it lies in, the nearest first."""
        return way_up(grid, lambda one: self.grids.get((site, one), ("", None))[1])


class Listening(msgspec.Struct, frozen=True):
    """Whether messages are being taken in, and since when without a break."""

    ready_since: datetime | None
    beat_at: datetime | None

    def since(self, now: datetime) -> datetime | None:
        """Since when silence means something; None while nobody listens."""
        if self.ready_since is None or self.beat_at is None or now - self.beat_at > STALE_BEAT:
            return None
        return self.ready_since


def expectation(device: Watched, rules: Supervision) -> float | None:
    """Seconds between two signs of life; None where nothing is promised.

    What speaks through another maker's system promised nothing of ours: its devices may sleep for a day (Zigbee2MQTT
    itself waits 25 h), and the system tells of its own end.
    """
    if device.expect is not None:
        return device.expect
    if device.prefix is not None:
        return None
    return NO_EXPECTATION if device.via is not None else rules.expected_every


def deadline(device: Watched, rules: Supervision) -> timedelta | None:
    """How long it may be silent; None: for ever. An expectation of its own gets half as much again, so that one late word
    is no alarm.
    """
    if device.expect is None and device.via is None and device.prefix is None:
        return timedelta(seconds=rules.camera_silence if device.kind == "camera" else rules.button_silence)
    expected = expectation(device, rules)
    return None if expected is None else timedelta(seconds=expected * 1.5)


def settling(device: Watched, rules: Supervision) -> timedelta:
    """How long its incident waits for others that fell silent with it: one reporting interval, at most `settle`."""
    return timedelta(seconds=min(expectation(device, rules) or rules.settle, rules.settle) + LATENESS)


def silent(
    devices: Iterable[Watched], rules: Supervision, listening_since: datetime, start_grace: timedelta, now: datetime
) -> list[Watched]:
    """Devices whose silence has lasted for their deadline and was not found before, offline by their own word or not.

    The silence before we listened is not theirs: after a start each has its deadline anew, and those with a short one at
    least `start_grace` (but no more than twice their deadline).
    """
    found = []
    for device in devices:
        allowed = deadline(device, rules)
        if device.silent_since is not None or allowed is None:
            continue
        if device.last_seen < listening_since:
            allowed = max(allowed, min(start_grace, allowed * 2))
        if now - max(device.last_seen, listening_since) >= allowed:
            found.append(device)
    return found


def waiting(devices: Iterable[Watched]) -> list[Watched]:
    """Silent devices that no incident tells of yet. Of a device that nobody registered nothing is told: nobody waits for it."""
    return [one for one in devices if one.registered and one.silent_since is not None and not one.silence_told]


def settled(device: Watched, rules: Supervision, now: datetime) -> bool:
    """Whether a silent device has waited long enough for others."""
    return device.silent_since is not None and now - device.silent_since >= settling(device, rules)


def in_window(device: Watched, purpose: Purpose, windows: Windows, places: Places, now: datetime) -> bool:
    """Whether a window of this purpose holds for a device, or for the gateway that it speaks through."""
    grids = places.chain(device.site, device.grid)
    names = (device.device,) if device.via is None else (device.device, device.via)
    return any(in_force(windows, purpose, device.site, grids, name, now) for name in names)


def is_back(device: Watched | None, rules: Supervision, now: datetime) -> bool:
    """Whether a device has been online for long enough that its silence counts as over; one that was removed is."""
    if device is None:
        return True
    held = timedelta(seconds=min(expectation(device, rules) or rules.settle, rules.settle))
    return device.state == "online" and now - device.state_since >= held


def recovered(
    incidents: Iterable[Incident], devices: Mapping[tuple[str, str], Watched], rules: Supervision, now: datetime
) -> list[Incident]:
    """Open incidents of silence whose cause is over: each of their devices has been back for a while."""
    over = []
    for incident in incidents:
        parts = incident.devices or tuple(name for site, name in devices if site == incident.site)
        if all(is_back(devices.get((incident.site, part)), rules, now) for part in parts):
            over.append(incident)
    return over


def of_device(device: Watched, now: datetime, *, kind: str, key: str, title: str, drill: bool = False) -> Incident:
    """A quiet incident of one device, where it stands."""
    return Incident(
        site=device.site,
        join_key=key,
        grid=device.grid,
        kind=kind,
        priority="low",
        title=title,
        device=device.device,
        lat=device.lat,
        lon=device.lon,
        address=device.address,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
        devices=(device.device,),
        drill=drill,
    )
