"""What a person in the street does by their link: on the way, there, done. Each is a step like any other, in their name.

The version is the one that the database holds, so that nobody in the street loses to a change that they could not see; and
what was done already is not done again, so that pressing twice is harmless.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, get_args

import msgspec
from psycopg import Connection

from alerts import dispatching, steps
from alerts.dispatching import Opened
from alerts.lifecycle import NotAllowed, Step
from alerts.links import Links
from alerts.rules import Rules
from alerts.steps import Actor
from store import links as rows
from store.records import Outcome

Doing = Literal["coming", "arrived", "done"]
DOINGS: tuple[str, ...] = get_args(Doing)
ON_THE_WAY = "在路上"


class Press(msgspec.Struct, frozen=True):
    """A button of the page: what it does and, when all is done, with which outcome and note."""

    doing: Doing
    outcome: Outcome | None = None
    note: str | None = None


class Refused(msgspec.Struct, frozen=True):
    """The step is not taken; `reason` says why."""

    reason: str


def act(
    conn: Connection, rules: Rules, made: Links, token: str, press: Press, clock: Callable[[], datetime]
) -> Opened | Refused | None:
    """Do what a button says; None for a token that we did not sign, a dead one is answered as `Opened`.

    Commits, or leaves everything as it was; deadlocks and the like are tried again.
    """
    return steps.tried(conn, lambda: _act(conn, rules, made, token, press, clock()))


def _act(
    conn: Connection, rules: Rules, made: Links, token: str, press: Press, now: datetime
) -> Opened | Refused | None:
    found = dispatching.opened(conn, made, token, now, hold=True)
    if found is None or found.dead is not None:
        return found
    step = _step(conn, found, press)
    if step is None:
        return found
    actor = Actor(found.link.person, {found.incident.site})
    result = steps.take_in(conn, rules, found.incident.id, step, actor, now)
    if isinstance(result, steps.Done):
        return Opened(found.link, result.incident, None)
    return Refused(result.reason if isinstance(result, NotAllowed) else "the step was not taken: try again")


def _step(conn: Connection, found: Opened, press: Press) -> Step | None:
    """The step of a button, on the incident as it is held; None when it was taken before."""
    incident, link = found.incident, found.link
    if press.doing == "coming":
        if rows.said_since(conn, incident.id, link.begin, link.person, ON_THE_WAY) is not None:
            return None
        return Step(verb="note", version=incident.version, note=ON_THE_WAY)
    if press.doing == "arrived":
        return None if incident.arrived_at is not None else Step(verb="arrive", version=incident.version)
    return Step(verb="resolve", version=incident.version, outcome=press.outcome, note=press.note)
