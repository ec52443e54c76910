"""Which receipt stage a button is told: of its incident as it is now, and by each change of it. Pure."""

from datetime import datetime

from store.records import Incident


def stage_of(incident: Incident, cancelled_at: datetime | None) -> str:
    """The newest receipt stage of a press of this incident."""
    if incident.state in {"resolved", "closed"}:
        return "closed"
    if incident.state == "dispatched":
        return "coming"
    if incident.state == "acknowledged":
        return "acknowledged"
    return "stored" if cancelled_at is None else "cancelled"


STAGES = {
    "acknowledge": "acknowledged",
    "assign": "acknowledged",
    "dispatch": "coming",
    "resolve": "closed",
    "cancel": "cancelled",
}


def stage_told_by(verb: str, state: str) -> str | None:
    """The receipt stage that a change tells to its buttons; None when it tells them nothing.

    `state` is the incident's as of the change: who takes over while somebody is on the way does not undo `coming`.
    """
    return None if verb == "assign" and state != "acknowledged" else STAGES.get(verb)
