"""When a device's silence counts, and what must be answered because of it. Pure: `now` and what the tables say come in.

A device is offline once it was silent for its deadline; the quiet incident waits a little longer (`settle`), since devices
that fall silent together become due spread over one reporting interval, and shall be one outage, not many incidents.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.rules import Supervision
from devices.registry import NO_EXPECTATION
from store.records import Incident

STALE_BEAT = timedelta(seconds=10)
"""Without a beat for so long nobody takes messages in: silence is ours then."""

OUTAGE = "outage"
LATENESS = 2.0
"""Seconds by which signs of life are written, and silence is found, later than for another device of the same outage."""
NAMED = 20  # so many devices of an outage are named in its timeline


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


def to_tell(devices: Iterable[Watched], rules: Supervision, now: datetime) -> dict[str, list[Watched]]:
    """By site, the silent devices whose settling is over, and with them those that will fall due in the same outage.

    Of a device that nobody registered nothing is told: nobody waits for it.
    """
    waiting: dict[str, list[Watched]] = {}
    for device in devices:
        if device.registered and device.silent_since is not None and not device.silence_told:
            waiting.setdefault(device.site, []).append(device)
    due: dict[str, list[Watched]] = {}
    for site, silent_ones in waiting.items():
        settled = [d for d in silent_ones if d.silent_since and now - d.silent_since >= settling(d, rules)]
        if settled:
            due[site] = silent_ones if len(silent_ones) >= rules.outage_at_least else settled
    return due


def openings(devices: Sequence[Watched], rules: Supervision, now: datetime, *, outage_open: bool) -> list[Incident]:
    """The incidents for devices of one site told together: one for an outage, else one each."""
    if not devices:
        return []
    if outage_open or len(devices) >= rules.outage_at_least:
        return [_opening(devices[0].site, OUTAGE, outage_title(len(devices)), now, None)]
    return [
        _opening(one.site, f"offline:{one.device}", f"离线 · {one.address or one.name}", now, one) for one in devices
    ]


def outage_title(devices: int) -> str:
    """What an outage of so many devices is called."""
    return f"断线 · {devices}台设备同时离线"


def names_of(devices: Sequence[Watched]) -> str:
    """The devices that an entry of the timeline tells of."""
    names = [device.name for device in devices[:NAMED]]
    return "、".join(names) + (f" 等{len(devices)}台" if len(devices) > NAMED else "")


def _opening(site: str, key: str, title: str, now: datetime, device: Watched | None) -> Incident:
    return Incident(
        site=site,
        join_key=key,
        grid=device.grid if device else None,
        kind="offline",
        priority="low",
        title=title,
        device=device.device if device else None,
        lat=device.lat if device else None,
        lon=device.lon if device else None,
        address=device.address if device else None,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
    )


def recovered(
    incidents: Iterable[Incident], states: Mapping[tuple[str, str], str], offline: Mapping[str, int]
) -> list[Incident]:
    """Open offline incidents whose cause is over: their device is online again or, of an outage, no told one is offline.

    `offline` counts the devices of each site that are offline now.
    """
    over = []
    for incident in incidents:
        if incident.device is None:
            if offline.get(incident.site, 0) == 0:
                over.append(incident)
        elif states.get((incident.site, incident.device), "online") == "online":
            over.append(incident)
    return over
