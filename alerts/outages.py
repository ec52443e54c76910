"""Root causes: what devices that fell silent together have in common, so that one outage is one incident. Pure.

A cause is a gateway with what speaks through it, a grid with the grids in it, or the site. It explains silent devices when
they are more than `outage_share` of what hangs on it; a gateway that is offline itself explains its devices without a count.
Of causes that explain as much the narrowest is taken. Devices fell silent together when there is a moment at which all of
them may have died: each between its last word and the one that was missed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from alerts.rules_figures import Supervision
from alerts.supervision import Places, Watched, expectation, of_device, settled, waiting
from store.records import Incident

Level = Literal["gateway", "grid", "site"]

OUTAGE = "outage"
NAMED = 20  # so many devices of an outage are named in its timeline
SMALLEST = 2  # one device alone is no outage
_RANKS: Mapping[str, int] = {"gateway": 1, "grid": 2, "site": 3}


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What silent devices may have in common; `members` are all devices that hang on it, `title` is what people call it."""

    site: str
    level: Level
    name: str
    title: str
    members: frozenset[str]

    @property
    def join_key(self) -> str:
        """What its incident joins by."""
        return OUTAGE if self.level == "site" else f"{OUTAGE}:{self.level}:{self.name}"

    @property
    def width(self) -> tuple[int, int]:
        """How wide it is: a gateway before a grid before the site, of two grids the smaller one first."""
        return (_RANKS[self.level], len(self.members))


class Telling(msgspec.Struct, frozen=True):
    """Silent devices to be told of together now; without a cause it is one device by itself.

    `parts` are all silent devices of it by name, those told before among them.
    """

    cause: Cause | None
    devices: tuple[Watched, ...]
    parts: tuple[str, ...]


def causes(devices: Collection[Watched], places: Places) -> list[Cause]:
    """Every cause that devices of one site may have in common, the narrowest first."""
    known = {one.device: one for one in devices}
    members: dict[tuple[Level, str], set[str]] = {}
    for one in devices:
        if one.via is not None:
            members.setdefault(("gateway", one.via), {one.via}).add(one.device)
        for grid in places.chain(one.site, one.grid):
            members.setdefault(("grid", grid), set()).add(one.device)
        members.setdefault(("site", one.site), set()).add(one.device)
    found = []
    for (level, name), of in members.items():
        site = next(iter(devices)).site
        if level == "gateway":
            title = f"网关 {known[name].name if name in known else name}"
        elif level == "grid":
            title = places.grids.get((site, name), (name, None))[0]
        else:
            title = places.sites.get(site, site)
        found.append(Cause(site=site, level=level, name=name, title=title, members=frozenset(of)))
    return sorted(found, key=lambda cause: (cause.width, cause.name))


def together(one: Watched, other: Watched, rules: Supervision) -> bool:
    """Whether two devices may have fallen silent at the same moment, or at most `outage_within` apart."""
    within = timedelta(seconds=rules.outage_within)
    return one.last_seen <= _missed(other, rules) + within and other.last_seen <= _missed(one, rules) + within


def _missed(device: Watched, rules: Supervision) -> datetime:
    """When its next word was expected."""
    return device.last_seen + timedelta(seconds=expectation(device, rules) or rules.settle)


def explained(cause: Cause, fallen: Collection[str], offline: Collection[str], rules: Supervision) -> frozenset[str]:
    """Those of the fallen devices that a cause explains, and a gateway that is offline itself; none, if it is not the cause."""
    under = cause.members & set(fallen)
    if cause.level == "gateway":
        hanging = cause.members - {cause.name}
        if cause.name in offline and under & hanging:
            return under | {cause.name}
        enough = len(under & hanging) > rules.outage_share * len(hanging)
    else:
        enough = len(under) > rules.outage_share * len(cause.members)
    return under if enough and len(under) >= SMALLEST else frozenset()


def to_tell(
    devices: Sequence[Watched], places: Places, still_open: Collection[str], rules: Supervision, now: datetime
) -> list[Telling]:
    """What is to be told of devices of one site once the settling of some is over; `still_open` are keys of its outages.

    Devices that will settle soon and share the cause are told with them. What falls under an outage that is open joins it.
    """
    untold = {one.device: one for one in waiting(devices)}
    due = [one for one in untold.values() if settled(one, rules, now)]
    if not due:
        return []
    known = {one.device: one for one in devices if one.registered}
    # in order of their silence
    order = sorted((one for one in known.values() if one.silent_since), key=lambda one: (one.last_seen, one.device))
    found: list[Telling] = []

    def tell(cause: Cause | None, parts: Collection[str]) -> None:
        names = [one.device for one in order if one.device in parts]
        names = [*sorted(set(parts) - set(names)), *names]
        found.append(Telling(cause, tuple(untold.pop(name) for name in names if name in untold), tuple(names)))

    possible = causes(list(known.values()), places)
    ongoing = [cause for cause in possible if cause.join_key in still_open]
    for anchor in due:
        if anchor.device in untold:
            fallen = [one.device for one in order if together(one, anchor, rules)]
            for cause, parts in _shared(possible, fallen, untold.keys(), known, rules):
                covering = [one for one in ongoing if parts <= one.members and one.width >= cause.width]
                tell(covering[0] if covering else cause, parts)
    for one in due:
        if one.device in untold and (covering := [cause for cause in ongoing if one.device in cause.members]):
            tell(covering[0], {one.device})
    if len(untold) >= rules.outage_at_least and any(one.device in untold for one in due):
        tell(possible[-1], frozenset(untold))
    for one in due:
        if one.device in untold:
            tell(None, {one.device})
    return found


def _shared(
    possible: Sequence[Cause],
    fallen: Sequence[str],
    untold: Collection[str],
    known: Mapping[str, Watched],
    rules: Supervision,
) -> list[tuple[Cause, frozenset[str]]]:
    """The causes that explain the fallen devices, that of most of them first, each device by one of them."""
    offline = {one.device for one in known.values() if one.state == "offline"}
    explaining = [(cause, explained(cause, fallen, offline, rules)) for cause in possible]
    left, untold = set(known), set(untold)
    found: list[tuple[Cause, frozenset[str]]] = []
    while True:
        best = max(
            ((cause, parts & left) for cause, parts in explaining if parts & left & untold),
            key=lambda one: len(one[1]),  # of as many the first, which is the narrowest
            default=None,
        )
        if best is None or len(best[1]) < SMALLEST:
            return found
        found.append(best)
        left -= best[1]


def title_of(cause: Cause, devices: int) -> str:
    """What an outage of so many devices is called."""
    return f"断线 · {cause.title} · {devices}台设备同时离线"


def names_of(devices: Sequence[Watched]) -> str:
    """The devices that an entry of the timeline tells of."""
    names = [device.name for device in devices[:NAMED]]
    return "、".join(names) + (f" 等{len(devices)}台" if len(devices) > NAMED else "")


def opening_of(telling: Telling, known: Mapping[str, Watched], now: datetime, *, drill: bool = False) -> Incident:
    """The incident that tells of these devices: of their cause, or of the one device."""
    cause = telling.cause
    if cause is None:
        one = telling.devices[0]
        title = f"离线 · {one.address or one.name}"
        return of_device(one, now, kind="offline", key=f"offline:{one.device}", title=title, drill=drill)
    at = known.get(cause.name) if cause.level == "gateway" else None
    return Incident(
        site=cause.site,
        join_key=cause.join_key,
        grid=cause.name if cause.level == "grid" else at.grid if at else None,
        kind="offline",
        priority="low",
        title=title_of(cause, len(telling.parts)),
        lat=at.lat if at else None,
        lon=at.lon if at else None,
        address=at.address if at else None,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
        devices=telling.parts,
        drill=drill,
    )


def taken_over(incidents: Iterable[Incident], away: Collection[tuple[str, str]]) -> list[tuple[Incident, Incident]]:
    """Of open incidents of silence those that go into a wider one: nobody owns them, and it has all of their devices that
    are `away`.
    """
    found = []
    all_of_them = list(incidents)
    outages = [one for one in all_of_them if (one.join_key or "").startswith(OUTAGE)]
    for narrow in all_of_them:
        devices = {name for name in narrow.devices if (narrow.site, name) in away}
        wider = [
            wide
            for wide in outages
            if narrow.owner is None
            and devices
            and wide.site == narrow.site
            and devices <= set(wide.devices)
            and _breadth(narrow) < _breadth(wide)
        ]
        if wider:
            found.append((narrow, max(wider, key=_breadth)))
    return found


def _breadth(incident: Incident) -> tuple[int, int]:
    key = incident.join_key or ""
    level = "site" if key == OUTAGE else key.split(":")[1] if key.startswith(f"{OUTAGE}:") else ""
    return (_RANKS.get(level, 0), len(incident.devices))
