"""The rows that travel between rooms, as plain frozen data: incidents, changes, stored alarms. No SQL here."""

from datetime import datetime
from typing import Any, Literal

import msgspec

State = Literal["open", "acknowledged", "dispatched", "resolved", "closed"]
Priority = Literal["critical", "high", "medium", "low"]
Tier = Literal["grid", "community", "district"]
Outcome = Literal["real", "false", "test", "drill"]
Purpose = Literal["maintenance", "drill"]
Quiet = Literal["chattering", "maintenance", "unusual"]

TIERS: tuple[Tier, ...] = ("grid", "community", "district")

UNRESOLVED: frozenset[State] = frozenset({"open", "acknowledged", "dispatched"})


class CameraView(msgspec.Struct, frozen=True):
    """A camera that sees an incident's place; score 0..1, higher is better."""

    device: str
    score: float


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """What a person must answer: one row of `incidents`. Times are aware UTC; `id` is 0 until it is stored.

    `clock_since` and `clock_ran` are its escalation clock, in seconds: it runs while the incident waits for somebody, and
    stands still while a person has it. `progress_at` is when its owner's claim last moved: the lease runs from there.
    """

    id: int = 0
    site: str
    join_key: str | None
    grid: str | None = None
    kind: str
    priority: Priority
    state: State = "open"
    title: str
    device: str | None = None
    lat: float | None = None
    lon: float | None = None
    address: str | None = None
    opened_at: datetime
    updated_at: datetime
    last_event_at: datetime
    tracks: tuple[str, ...] = ()  # device/track of what it saw lately: their updates only continue it
    devices: tuple[str, ...] = ()  # every device that contributed, in order of arrival
    cancelled_at: datetime | None = None
    arrived_at: datetime | None = None
    resolved_at: datetime | None = None
    version: int = 1
    count: int = 1
    owner: str | None = None
    tier: Tier = "grid"
    deadline: datetime | None = None
    outcome: Outcome | None = None
    cameras: tuple[CameraView, ...] = ()
    answered_at: datetime | None = None
    dispatched_to: str | None = None
    progress_at: datetime | None = None
    clock_since: datetime | None = None
    clock_ran: float = 0.0
    escalated: int = 0
    shown_at: datetime | None = None
    quiet: Quiet | None = None
    shelved_until: datetime | None = None
    shelved_by: str | None = None
    drill: bool = False


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A time of maintenance or of a drill; a `grid` stands for those that lie in it, too. With neither grid nor device it is
    the whole site's.
    """

    id: int
    site: str
    purpose: Purpose
    grid: str | None
    device: str | None
    starts_at: datetime
    ends_at: datetime
    reason: str
    made_by: str
    made_at: datetime
    ended_by: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an incident's timeline, before it has its number: who did what, and the incident as of then."""

    incident: Incident
    actor: str  # a person's log-in name, "device:NAME" or "system"
    verb: str  # open, repeat, cancel, offline/online notes, and the verbs of people
    note: str | None = None
    base_version: int | None = None  # the version a person saw when taking this step


class NumberedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A stored change, as the feed reads it back; `body` is the incident's wire form as JSON text."""

    site: str
    seq: int
    at: datetime
    actor: str
    verb: str
    note: str | None
    body: str


def place(incident: Incident) -> dict[str, Any]:
    """The incident's place as it goes over the wire."""
    return {"lat": incident.lat, "lon": incident.lon, "address": incident.address}


def incident_wire(incident: Incident) -> dict[str, Any]:
    """The incident as it goes over the wire (HTTP and live feed alike); times are datetimes, left to the encoder."""
    return {
        "id": str(incident.id),
        "site": incident.site,
        "grid": incident.grid,
        "kind": incident.kind,
        "priority": incident.priority,
        "state": incident.state,
        "title": incident.title,
        "opened_at": incident.opened_at,
        "updated_at": incident.updated_at,
        "cancelled_at": incident.cancelled_at,
        "arrived_at": incident.arrived_at,
        "version": incident.version,
        "count": incident.count,
        "device": incident.device,
        "place": place(incident),
        "owner": incident.owner,
        "tier": incident.tier,
        "deadline": incident.deadline,
        "outcome": incident.outcome,
        "cameras": [{"device": view.device, "score": view.score} for view in incident.cameras],
        "parts": incident.devices,
        "answered_at": incident.answered_at,
        "dispatched_to": incident.dispatched_to,
        "quiet": incident.quiet,
        "shelved_until": incident.shelved_until,
        "shelved_by": incident.shelved_by,
        "drill": incident.drill,
    }
