"""The life cycle of an incident: which step leads where, who owns it then, and when somebody was first. Pure.

`version` counts changes of state or owner. A step carries the version its taker saw: if that is no longer the version,
somebody was first (Conflict), whatever the step; only then it is asked whether the state allows it (NotAllowed).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec

from alerts.timing import unshelved, with_clock
from store.records import UNRESOLVED, Incident, Outcome, State, Tier

Verb = Literal[
    "acknowledge", "assign", "dispatch", "arrive", "release", "escalate", "note", "resolve", "close", "reopen",
    "shelve", "unshelve",
]  # fmt: skip
VERBS: tuple[str, ...] = get_args(Verb)
OUTCOMES: tuple[str, ...] = get_args(Outcome)

LONGEST_SHELVING = timedelta(days=7)
_NEXT_TIER: dict[Tier, Tier] = {"grid": "community", "community": "district"}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants to do, with the version they saw. `to` is a name: whom it is given or sent to; `until` is when a
    shelving ends.
    """

    verb: Verb
    version: int
    note: str | None = None
    to: str | None = None
    outcome: Outcome | None = None
    until: datetime | None = None


class Taken(msgspec.Struct, frozen=True):
    """The step was taken: the incident as of then, and what its timeline says beside the verb."""

    incident: Incident
    note: str | None


class Conflict(msgspec.Struct, frozen=True):
    """Somebody was first: state or owner changed since the version sent."""

    incident: Incident


class NotAllowed(msgspec.Struct, frozen=True):
    """Not a step that this state allows, or something it needs is missing; `reason` says what to do."""

    reason: str


Decision = Taken | Conflict | NotAllowed
_Rule = Callable[[Incident, Step, str, datetime], Incident | NotAllowed]

_ALLOWED: dict[str, frozenset[State]] = {
    "acknowledge": frozenset({"open"}),
    "assign": UNRESOLVED,
    "dispatch": UNRESOLVED,
    "arrive": frozenset({"dispatched"}),
    "release": frozenset({"acknowledged", "dispatched"}),
    "escalate": UNRESOLVED,
    "note": frozenset(get_args(State)),
    "resolve": UNRESOLVED,
    "close": frozenset({"resolved"}),
    "reopen": frozenset({"resolved", "closed"}),
    "shelve": UNRESOLVED,
    "unshelve": UNRESOLVED,
}
# a person at work on it: the lease of the owner's claim begins anew
_PROGRESS = frozenset({"acknowledge", "assign", "dispatch", "arrive", "note"})


def take_step(incident: Incident, step: Step, actor: str, now: datetime) -> Decision:
    """Decide a step of `actor` at `now`; the incident is not touched, Taken holds the new one."""
    if step.version != incident.version:
        return Conflict(incident)
    if incident.state not in _ALLOWED[step.verb]:
        states = ", ".join(sorted(_ALLOWED[step.verb]))
        return NotAllowed(f"{step.verb} is not a step of an incident that is {incident.state}; it must be: {states}")
    after = _RULES[step.verb](incident, step, actor, now)
    if isinstance(after, NotAllowed):
        return after
    moved = (after.state, after.owner) != (incident.state, incident.owner)
    after = msgspec.structs.replace(after, version=incident.version + moved, updated_at=max(incident.updated_at, now))
    if step.verb in _PROGRESS and after.owner is not None:
        after = msgspec.structs.replace(after, progress_at=now, answered_at=after.answered_at or now)
    return Taken(with_clock(after, now), note_of(step))


def note_of(step: Step) -> str | None:
    """What the timeline says of a step beside its verb: whom it went to stands before what was said."""
    said = step.note
    if step.until is not None:
        said = f"{step.until:%Y-%m-%dT%H:%M:%SZ} · {said}"
    if step.to is None:
        return said
    return f"→ {step.to}" if not said else f"→ {step.to}: {said}"


def _acknowledge(incident: Incident, _step: Step, actor: str, _now: datetime) -> Incident:
    return msgspec.structs.replace(incident, state="acknowledged", owner=actor)


def _assign(incident: Incident, step: Step, actor: str, _now: datetime) -> Incident | NotAllowed:
    if not step.to:
        return NotAllowed("assign needs `to`: the log-in name of who shall own it")
    if incident.owner not in {None, actor, step.to} and not step.note:
        return NotAllowed(f"{incident.owner} has it; taking it over needs `note`: the reason")
    state: State = "acknowledged" if incident.state == "open" else incident.state
    return msgspec.structs.replace(incident, state=state, owner=step.to)


def _dispatch(incident: Incident, step: Step, actor: str, _now: datetime) -> Incident | NotAllowed:
    if not step.to:
        return NotAllowed("dispatch needs `to`: who is sent")
    return msgspec.structs.replace(
        incident, state="dispatched", owner=incident.owner or actor, dispatched_to=step.to, arrived_at=None
    )


def _arrive(incident: Incident, _step: Step, _actor: str, now: datetime) -> Incident:
    return msgspec.structs.replace(incident, arrived_at=incident.arrived_at or now)


def _release(incident: Incident, _step: Step, _actor: str, _now: datetime) -> Incident:
    return msgspec.structs.replace(incident, state="open", owner=None, arrived_at=None, progress_at=None)


def _escalate(incident: Incident, step: Step, _actor: str, _now: datetime) -> Incident | NotAllowed:
    tier = _NEXT_TIER.get(incident.tier)
    if tier is None:
        return NotAllowed("it is already with the district, the highest tier")
    if not step.note:
        return NotAllowed("escalate needs `note`: the reason")
    return msgspec.structs.replace(incident, tier=tier)


def _note(incident: Incident, step: Step, _actor: str, _now: datetime) -> Incident | NotAllowed:
    if not step.note:
        return NotAllowed("note needs `note`: what to write down")
    return incident


def _resolve(incident: Incident, step: Step, _actor: str, now: datetime) -> Incident | NotAllowed:
    if step.outcome is None:
        return NotAllowed(f"resolve needs `outcome`: one of {', '.join(OUTCOMES)}")
    return msgspec.structs.replace(
        incident, state="resolved", outcome=step.outcome, resolved_at=now, shelved_until=None, shelved_by=None
    )


def _close(incident: Incident, _step: Step, _actor: str, _now: datetime) -> Incident:
    return msgspec.structs.replace(incident, state="closed")


def _reopen(incident: Incident, step: Step, _actor: str, _now: datetime) -> Incident | NotAllowed:
    if not step.note:
        return NotAllowed("reopen needs `note`: the reason")
    return msgspec.structs.replace(
        incident,
        state="open",
        owner=None,
        outcome=None,
        resolved_at=None,
        arrived_at=None,
        progress_at=None,
        cancelled_at=None,  # a person wants it answered, whatever the resident said
        clock_ran=0.0,
        escalated=0,
    )


def _shelve(incident: Incident, step: Step, actor: str, now: datetime) -> Incident | NotAllowed:
    if not step.note:
        return NotAllowed("shelve needs `note`: the reason")
    if step.until is None or not now < step.until <= now + LONGEST_SHELVING:
        return NotAllowed(f"shelve needs `until`: when it ends, at most {LONGEST_SHELVING.days} days from now")
    return msgspec.structs.replace(incident, shelved_until=step.until, shelved_by=actor)


def _unshelve(incident: Incident, _step: Step, _actor: str, now: datetime) -> Incident | NotAllowed:
    if incident.shelved_until is None:
        return NotAllowed("it is not shelved")
    return unshelved(incident, now)


_RULES: dict[str, _Rule] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "dispatch": _dispatch,
    "arrive": _arrive,
    "release": _release,
    "escalate": _escalate,
    "note": _note,
    "resolve": _resolve,
    "close": _close,
    "reopen": _reopen,
    "shelve": _shelve,
    "unshelve": _unshelve,
}
