"""A step, taken in one transaction: held, decided, saved, timed, told. Two at once: one wins, the other is told who did."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TypeVar

import msgspec
import psycopg
from psycopg import Connection

from alerts import dispatching, lifecycle, timing
from alerts.lifecycle import Conflict, NotAllowed, Step, Taken, note_of, take_step
from alerts.links import Links
from alerts.rules import Rules
from store import feed, incidents, notices, timers
from store.belonging import is_person_of
from store.connect import transient
from store.notices import Notice
from store.records import Change, Incident

T = TypeVar("T")
TRIES = 5
SYSTEM = "system"


class Done(msgspec.Struct, frozen=True):
    """The step was taken, now or when the same request came before."""

    incident: Incident


class NotFound(msgspec.Struct, frozen=True):
    """There is no such incident in the sites of who asks."""


class NotTheirs(msgspec.Struct, frozen=True):
    """Their role does not allow this step; `reason` says whose step it is."""

    reason: str


class Actor(msgspec.Struct, frozen=True):
    """Who takes a step: a log-in name, the sites they act on, and whether they lead."""

    name: str
    sites: Collection[str]
    leads: bool = False


StepResult = Done | NotFound | NotTheirs | Conflict | NotAllowed


def take(
    conn: Connection,
    rules: Rules,
    incident_id: int,
    step: Step,
    actor: Actor,
    clock: Callable[[], datetime],
    links: Links | None = None,
) -> StepResult:
    """Take a person's step; commits, or leaves everything as it was. With `links`, a dispatch to a person makes them one.

    Deadlocks and the like are tried again; raises psycopg.Error when the database is away.
    """
    return tried(conn, lambda: take_in(conn, rules, incident_id, step, actor, clock(), links))


def tried(conn: Connection, work: Callable[[], T]) -> T:
    """Do some work and commit it, or leave everything as it was; deadlocks and the like are tried again.

    Raises psycopg.Error when the database is away.
    """
    for attempt in range(TRIES):
        try:
            result = work()
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


def take_in(
    conn: Connection,
    rules: Rules,
    incident_id: int,
    step: Step,
    actor: Actor,
    now: datetime,
    links: Links | None = None,
) -> StepResult:
    """Take a person's step inside the caller's transaction."""
    incident = incidents.lock(conn, incident_id)
    if incident is None or incident.site not in actor.sites:
        return NotFound()
    if incidents.step_taken(conn, incident_id, actor.name, step.verb, step.version, note_of(step), step.outcome):
        return Done(incident)
    decision = _decided(conn, incident, step, actor, now)
    if not isinstance(decision, Taken):
        return decision
    fitted = _fitted(conn, rules, decision.incident, step)
    told = _notices(fitted, step, now) + dispatching.notices_of(conn, links, fitted, step, now)
    with conn.pipeline():  # nothing of this needs an answer before the last
        after = keep(conn, rules, fitted)
        notices.put(conn, told)
        change = Change(incident=after, actor=actor.name, verb=step.verb, note=decision.note, base_version=step.version)
        feed.append(conn, [change])
    return Done(after)


def _decided(
    conn: Connection, incident: Incident, step: Step, actor: Actor, now: datetime
) -> lifecycle.Decision | NotTheirs:
    decision = take_step(incident, step, actor.name, now)
    if isinstance(decision, Conflict):
        return decision
    if step.verb in {"shelve", "unshelve"} and incident.kind == "press" and not actor.leads:
        return NotTheirs("the incident of a button is shelved by a lead only: ask yours")
    if isinstance(decision, Taken) and step.verb == "assign" and not is_person_of(conn, step.to or "", incident.site):
        return NotAllowed(f"nobody named {step.to!r} works for {incident.site}: `to` is a log-in name of this site")
    return decision


def _fitted(conn: Connection, rules: Rules, after: Incident, step: Step) -> Incident:
    """The incident with what the decision alone could not know: keys that others hold, steps that a policy has behind it."""
    if step.verb == "reopen" and after.join_key:
        if incidents.key_taken(conn, after.site, after.join_key, besides=after.id):
            return msgspec.structs.replace(after, join_key=None)  # a newer incident collects the repeats by now
    elif step.verb == "escalate":
        behind = timing.steps_up_to(after.tier, timing.policy_of(after, rules))
        return msgspec.structs.replace(after, escalated=max(after.escalated, behind))
    return after


def _notices(after: Incident, step: Step, now: datetime) -> list[Notice]:
    """Whom a person's step is told beyond the console: the tier it goes up to; at its end, the tier that was called."""
    if step.verb == "escalate" or (step.verb == "resolve" and after.tier != "grid"):
        why: notices.Why = "escalate" if step.verb == "escalate" else "resolve"
        told = Notice(
            site=after.site,
            incident=after.id,
            why=why,
            priority=after.priority,
            tier=after.tier,
            facts={"note": step.note} if step.note else {},
            created_at=now,
        )
        return [told]
    return []


def keep(conn: Connection, rules: Rules, after: Incident) -> Incident:
    """Save an incident that this transaction holds, with its deadline and just the timers it must have."""
    after = timing.with_deadline(after, rules)
    incidents.save(conn, after)
    timers.replace(conn, after.id, timing.due_steps(after, rules))
    return after


def take_as_system(
    conn: Connection, rules: Rules, incident: Incident, step: Step, note: str | None, now: datetime
) -> None:
    """Take a step of our own on an incident that this transaction holds.

    Raises RuntimeError when it is not a step of its state: what was decided and what is held differ.
    """
    decision = lifecycle.take_step(incident, step, SYSTEM, now)
    if not isinstance(decision, Taken):
        raise RuntimeError(  # noqa: TRY004 - it is no matter of types
            f"a step of our own was refused: {step.verb} of incident {incident.id}: {decision}"
        )
    after = keep(conn, rules, decision.incident)
    feed.append(conn, [Change(incident=after, actor=SYSTEM, verb=step.verb, note=note)])
