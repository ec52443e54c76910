"""Incidents that the system opens by itself, and ends when their cause is over; each in one transaction.

Told is what a person must know: an opening with its timers and notices, and a repeat where that says something new.
"""

from collections.abc import Callable
from datetime import datetime

from psycopg import Connection

from alerts import openings, timing
from alerts.lifecycle import Step
from alerts.rules import Rules
from alerts.steps import SYSTEM, take_as_system
from store import feed, incidents, notices, supervision, timers
from store.records import UNRESOLVED, Change, Incident


def raise_incident(
    conn: Connection,
    rules: Rules,
    opening: Incident,
    then: Callable[[Incident], Incident] | None = None,
    *,
    note: str | None = None,
    again: Callable[[Incident], bool] = lambda _stored: True,
) -> None:
    """Open an incident, or join the one of its key; `then` says how the stored one is to be, once it is held.

    `again` says whether the one that it would join is told once more; where not, nothing is done. The last thing that a
    transaction does before its commit, since it takes the feed's counter.
    """
    joined = incidents.open_or_join(conn, timing.with_deadline(timing.begun(opening, rules), rules))
    if not joined.opened and not again(joined.incident):
        conn.rollback()
        return
    incident = timing.with_clock(joined.incident, joined.incident.updated_at)
    incident = incident if then is None else then(incident)
    if incident != joined.incident:
        incidents.save(conn, incident)
    timers.put(conn, {incident.id: timing.due_steps(incident, rules)})
    if joined.opened:
        notices.put(conn, openings.notices_of(incident, rules))
    told = openings.opened(incident) if joined.opened else openings.repeated(incident)
    feed.append(conn, [Change(incident=incident, actor=told.actor, verb=told.verb, note=note)])


def once(_stored: Incident) -> bool:
    """For `again`: what is open has been told."""
    return False


def settle(
    conn: Connection, rules: Rules, incident_id: int, note: str, now: datetime, *, count: int | None = None
) -> None:
    """The cause of an incident is over; with `count`, only while nothing has joined it since it had so many."""
    incident = incidents.lock(conn, incident_id)
    if incident is not None and count in {None, incident.count}:
        heal(conn, rules, incident, note, now)


def heal(conn: Connection, rules: Rules, incident: Incident, note: str, now: datetime) -> None:
    """As `settle`, of one that this transaction holds: resolved if nobody owns it, else its owner is told once."""
    if incident.state not in UNRESOLVED:
        return
    if incident.owner is not None:
        if not supervision.told_back(conn, incident.id):
            feed.append(conn, [Change(incident=incident, actor=SYSTEM, verb="note", note=note)])
        return
    take_as_system(conn, rules, incident, Step(verb="resolve", version=incident.version, outcome="real"), note, now)
