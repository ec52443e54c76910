"""The frames of the live feed as types, for their description and for tests; web/frames.py writes them by hand, for speed."""

from datetime import datetime
from typing import Literal

from web.wire import Device, DeviceState, Incident, Wire


class HelloSite(Wire):
    """How a site goes on: anew, or by the changes behind the console's cursor. `seq` is the newest change there is."""

    seq: int
    mode: Literal["snapshot", "changes"]


class Hello(Wire):
    """The first frame: the identity of this database's feed, and how each site goes on."""

    type: Literal["hello"]
    feed: str
    sites: dict[str, HelloSite]


class SiteSnapshot(Wire):
    """A site anew, as of its change `seq`: all incidents that are not closed, and its devices."""

    type: Literal["snapshot"]
    site: str
    seq: int
    incidents: list[Incident]
    devices: list[Device]


class Change(Wire):
    """A change, with the incident as of it. `seq` is one more than that of the site's change before."""

    type: Literal["change"]
    site: str
    seq: int
    at: datetime
    actor: str
    verb: str
    note: str | None
    incident: Incident


class DeviceChanged(Wire):
    """A device's state changed. Not numbered, the latest wins; on resuming all of them are sent once."""

    type: Literal["device"]
    site: str
    device: str
    state: DeviceState


class Heartbeat(Wire):
    """Every 2 s, only while the database can be read: the last number sent here, of each site."""

    type: Literal["heartbeat"]
    seq: dict[str, int]
    ts: datetime


class FloodedOfficer(Wire):
    """Somebody who has more new incidents than they can answer (ISA-18.2), since then."""

    name: str
    since: datetime


class FloodChanged(Wire):
    """Who is in a flood: an officer hears of their own, a lead of all of their sites. Not numbered; empty: none any more."""

    type: Literal["flood"]
    officers: list[FloodedOfficer]


FRAMES: dict[str, type[Wire]] = {
    "hello": Hello,
    "snapshot": SiteSnapshot,
    "change": Change,
    "device": DeviceChanged,
    "heartbeat": Heartbeat,
    "flood": FloodChanged,
}
