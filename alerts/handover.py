"""What is handed over at the end of a shift, and which claims move with it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alerts.lifecycle import Conflict, NotAllowed, Step, Taken, take_step
from store.records import UNRESOLVED, Incident, Window

NOTE = "交接班"
STANDS_FOR = timedelta(hours=24)
"""A sheet that nobody accepted for so long says nothing any more about how it is now."""

_BRIEF = (
    "title", "kind", "priority", "state", "tier", "grid", "opened_at", "owner", "dispatched_to", "deadline",
    "shelved_until", "shelved_by", "drill",
)  # fmt: skip
_WINDOW = ("purpose", "grid", "device", "starts_at", "ends_at", "reason", "made_by")
_DEVICE = ("device", "name", "grid", "state", "since", "last_seen", "last_proven")

Row = dict[str, Any]


def sheet(
    site: str,
    now: datetime,
    *,
    incidents: Sequence[Incident],
    windows: Iterable[Window],
    devices: Sequence[Row],
    notes: Sequence[Row],
    proven_days: int,
) -> Row:
    """The sheet of a site, as it goes over the wire: `incidents` are those not resolved, `devices` the registered ones."""
    claims: dict[str, list[Row]] = {}
    for one in incidents:
        if one.owner is not None:
            claims.setdefault(one.owner, []).append(_brief(one))
    return {
        "site": site,
        "at": now,
        "claims": [{"owner": owner, "incidents": found} for owner, found in sorted(claims.items())],
        "open": [_brief(one) for one in incidents if one.owner is None and one.shelved_until is None],
        "shelved": [_brief(one) for one in incidents if one.shelved_until is not None],
        "windows": [_of(one, _WINDOW) for one in windows if one.starts_at <= now < one.ends_at],
        "faulty": [_picked(one) for one in devices if one["state"] in {"offline", "fault"}],
        "unproven": [_picked(one) for one in devices if _unproven(one, now - timedelta(days=proven_days))],
        "proven_days": proven_days,
        "notes": list(notes),
    }


def claims_of(signed: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """The incidents that a signed sheet says somebody had."""
    return tuple(int(one["id"]) for claim in signed["claims"] if claim["owner"] == name for one in claim["incidents"])


def moves(incident: Incident, from_name: str, to_name: str, now: datetime) -> Taken | None:
    """A claim goes from who went to who comes; None when it is no longer theirs to give."""
    if incident.owner != from_name or incident.state not in UNRESOLVED:
        return None
    step = Step(verb="assign", version=incident.version, to=to_name, note=NOTE)
    decision = take_step(incident, step, to_name, now)
    if isinstance(decision, Conflict | NotAllowed):
        return None
    return decision


def _unproven(device: Row, since: datetime) -> bool:
    return device["kind"] == "button" and (device["last_proven"] is None or device["last_proven"] < since)


def _brief(incident: Incident) -> Row:
    return {"id": str(incident.id)} | _of(incident, _BRIEF)


def _of(one: object, names: Sequence[str]) -> Row:
    return {name: getattr(one, name) for name in names}


def _picked(device: Row) -> Row:
    return {name: device[name] for name in _DEVICE}
