"""What becomes of a delivery: spared, tried again, told by the second way, given up. Pure."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from alerts.notices.verdicts import Failed, Sent, Throttled, Verdict
from store.notices import Why
from store.records import UNRESOLVED, Incident

DeliveryState = Literal["waiting", "sending", "sent", "failed", "spared"]

LEASE = timedelta(seconds=120)  # who sends something has ended by then, or has died
_RETRIES_URGENT = (1.0, 3.0)  # seconds after each failure; then it has failed
_RETRIES = (5.0, 20.0, 60.0)
PATIENCE = timedelta(minutes=15)  # with a service that lets us wait
PATIENCE_URGENT = timedelta(seconds=20)  # when there is a second way
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 300.0  # seconds; of a service that does not say how long


class Fate(msgspec.Struct, frozen=True):
    """What a delivery is from now on. `second`: its channel's second way is to tell it."""

    state: DeliveryState
    due_at: datetime
    error: str | None = None
    second: bool = False
    counted: bool = True  # whether the try counts: being told to wait is none


def spared(why: Why, incident: Incident | None, version: int | None, waited: bool | None) -> bool:
    """Whether what was to be told is over: somebody took it, ended it or took it back since the notice was written.

    A person's own escalation of what they have stands: nothing changed since. What was settled is always told as such.
    """
    if incident is None or why not in {"open", "escalate", "dispatch"}:
        return False
    if incident.state not in UNRESOLVED:
        return True
    waits = incident.state == "open" and incident.cancelled_at is None and incident.shelved_until is None
    if why == "dispatch":
        return incident.state == "open" and version != incident.version
    return not waits and (bool(waited) or version != incident.version)


def after(verdict: Verdict, *, urgent: bool, tries: int, created_at: datetime, second: bool, now: datetime) -> Fate:
    """What follows from the verdict on the `tries`th try of a delivery; `second`: its channel has a second way."""
    if isinstance(verdict, Sent):
        return Fate("sent", now)
    if isinstance(verdict, Throttled):
        due_at = now + timedelta(seconds=verdict.wait or _FIRST_WAIT)
        if out_of_patience(urgent=urgent, second=second, created_at=created_at, due_at=due_at):
            return Fate("failed", now, verdict.said, second=second, counted=False)
        return Fate("waiting", due_at, verdict.said, counted=False)
    retries = _RETRIES_URGENT if urgent else _RETRIES
    if isinstance(verdict, Failed) and (verdict.final or tries > len(retries)):
        return Fate("failed", now, verdict.said, second=second)
    return Fate("waiting", now + timedelta(seconds=retries[tries - 1]), verdict.said)


def out_of_patience(*, urgent: bool, second: bool, created_at: datetime, due_at: datetime) -> bool:
    """Whether it is no use to wait until `due_at`: a press takes its second way rather than wait."""
    return due_at - created_at > (PATIENCE_URGENT if urgent and second else PATIENCE)


def with_wait(verdict: Verdict, throttled: int) -> Verdict:
    """A verdict that says how long to wait, also when the service did not: twice as long each time."""
    if isinstance(verdict, Throttled) and verdict.wait is None:
        return Throttled(verdict.said, min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(throttled, 10)))
    return verdict


def lost(tries: int, *, urgent: bool) -> bool:
    """Whether a delivery whose sender died before the answer was known has been tried often enough."""
    return tries > len(_RETRIES_URGENT if urgent else _RETRIES)
