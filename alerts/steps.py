"""A person's step, taken in one transaction: held, decided, saved, told. Two at once: one wins, the other is told who did."""

from collections.abc import Callable, Collection
from datetime import datetime

import msgspec
import psycopg
from psycopg import Connection

from alerts.lifecycle import CLOSE_AFTER, Conflict, NotAllowed, Step, note_of, take_step
from store import feed, incidents, timers
from store.belonging import is_person_of
from store.connect import transient
from store.records import Change, Incident

TRIES = 5


class Done(msgspec.Struct, frozen=True):
    """The step was taken, now or when the same request came before."""

    incident: Incident


class NotFound(msgspec.Struct, frozen=True):
    """There is no such incident in the sites of who asks."""


StepResult = Done | NotFound | Conflict | NotAllowed


def take(
    conn: Connection, incident_id: int, sites: Collection[str], step: Step, actor: str, clock: Callable[[], datetime]
) -> StepResult:
    """Take a step of `actor`, who may act on `sites`; commits, or leaves everything as it was.

    Deadlocks and the like are tried again; raises psycopg.Error when the database is away.
    """
    for attempt in range(TRIES):
        try:
            result = _take(conn, incident_id, sites, step, actor, clock())
            conn.commit()
        except psycopg.Error as exc:
            if conn.closed or not transient(exc) or attempt == TRIES - 1:
                raise
            conn.rollback()
        except BaseException:
            conn.rollback()
            raise
        else:
            return result
    raise AssertionError("unreachable")


def _take(
    conn: Connection, incident_id: int, sites: Collection[str], step: Step, actor: str, now: datetime
) -> StepResult:
    incident = incidents.lock(conn, incident_id)
    if incident is None or incident.site not in sites:
        return NotFound()
    if incidents.step_taken(conn, incident_id, actor, step.verb, step.version, note_of(step), step.outcome):
        return Done(incident)
    decision = take_step(incident, step, actor, now)
    if isinstance(decision, Conflict | NotAllowed):
        return decision
    if step.verb == "assign" and not is_person_of(conn, step.to or "", incident.site):
        return NotAllowed(f"nobody named {step.to!r} works for {incident.site}: `to` is a log-in name of this site")
    after = decision.incident
    if (
        step.verb == "reopen"
        and after.join_key
        and incidents.key_taken(conn, after.site, after.join_key, besides=after.id)
    ):
        after = msgspec.structs.replace(after, join_key=None)  # a newer incident collects the repeats by now
    incidents.save(conn, after)
    _set_timers(conn, after, step)
    change = Change(incident=after, actor=actor, verb=step.verb, note=decision.note, base_version=step.version)
    feed.append(conn, [change])
    return Done(after)


def _set_timers(conn: Connection, after: Incident, step: Step) -> None:
    if step.verb == "resolve" and after.resolved_at is not None:
        timers.set_timer(conn, after.id, "close", after.resolved_at + CLOSE_AFTER)
    elif step.verb in {"reopen", "close"}:
        timers.clear_timers(conn, after.id)
