"""An incident that the system opens by itself: stored or joined, with its timers and notices, and told, in one transaction."""

from collections.abc import Callable

from psycopg import Connection

from alerts import openings, timing
from alerts.rules import Rules
from store import feed, incidents, notices, timers
from store.records import Change, Incident


def raise_incident(
    conn: Connection,
    rules: Rules,
    opening: Incident,
    then: Callable[[Incident], Incident] | None = None,
    *,
    note: str | None = None,
) -> Incident:
    """Open an incident, or join the one of its key; `then` says how the stored one is to be, once it is held.

    The last thing that a transaction does before its commit, since it takes the feed's counter.
    """
    joined = incidents.open_or_join(conn, timing.begun(opening, rules))
    incident = timing.with_clock(joined.incident, joined.incident.updated_at)
    incident = incident if then is None else then(incident)
    if incident != joined.incident:
        incidents.save(conn, incident)
    timers.put(conn, {incident.id: timing.due_steps(incident, rules)})
    if joined.opened:
        notices.put(conn, openings.notices_of(incident, rules))
    told = openings.opened(incident) if joined.opened else openings.repeated(incident)
    feed.append(conn, [Change(incident=incident, actor=told.actor, verb=told.verb, note=note)])
    return incident
