"""Who had an incident, from when to when, and whether the deadline was kept: the responsibility list, from the timeline. Pure.

Three may have it at once: the tier that it is with, its owner, and who was sent. A deadline of a tier is when it would go up to
the next one, and kept if somebody took it by then; that of an owner, or of who was sent, is the end of the claim's lease.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from store.records import UNRESOLVED, State

Role = Literal["tier", "owner", "sent"]
ROLES: tuple[Role, ...] = ("tier", "owner", "sent")
SYSTEM = "system"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an incident: who did what, and how it was then."""

    at: datetime
    actor: str
    verb: str
    state: State
    tier: str
    owner: str | None = None
    dispatched_to: str | None = None
    deadline: datetime | None = None


class Stint(msgspec.Struct, frozen=True, kw_only=True):
    """A time for which somebody had it; `ends` and `ended_by` (a verb) are None while they still have it.

    `kept` is None where there was no deadline, or where it is not decided yet.
    """

    role: Role
    who: str
    begins: datetime
    ends: datetime | None = None
    ended_by: str | None = None
    deadline: datetime | None = None
    kept: bool | None = None


def stints(moves: Iterable[Move]) -> list[Stint]:
    """Everybody's time with one incident, given its changes in order; in the order in which they began."""
    running: dict[Role, Stint] = {}
    done: list[Stint] = []
    for move in moves:
        for role in ROLES:
            who, stint = _holder(role, move), running.get(role)
            if stint is not None and stint.who != who:
                done.append(_ended(running.pop(role), move))
                stint = None
            if stint is None and who is not None:
                stint = Stint(role=role, who=who, begins=move.at)
            if stint is not None:
                running[role] = _moved(stint, move)
    return sorted([*done, *running.values()], key=lambda one: (one.begins, ROLES.index(one.role)))


def _holder(role: Role, move: Move) -> str | None:
    if move.state not in UNRESOLVED:
        return None
    if role == "tier":
        return move.tier
    if role == "owner":
        return move.owner
    return move.dispatched_to if move.state == "dispatched" else None


def _moved(stint: Stint, move: Move) -> Stint:
    """The stint after a change within it. What was decided stays decided, and so does the deadline that decided it."""
    if stint.role == "owner":
        return msgspec.structs.replace(stint, deadline=move.deadline)  # the lease runs on with each progress
    if stint.kept is not None:
        return stint
    if stint.role == "tier" and move.state == "open":
        return msgspec.structs.replace(stint, deadline=move.deadline)
    if stint.role == "sent" and stint.deadline is None:
        stint = msgspec.structs.replace(stint, deadline=move.deadline)
    met = stint.role == "tier" or move.verb == "arrive"  # somebody took it; who was sent is there
    return msgspec.structs.replace(stint, kept=_in_time(stint, move)) if met else stint


def _ended(stint: Stint, move: Move) -> Stint:
    taken_away = move.actor == SYSTEM and move.verb in {"release", "escalate"}
    decided = stint.kept is not None and stint.role != "owner" and not (taken_away and stint.role == "tier")
    if not decided and stint.deadline is not None:
        stint = msgspec.structs.replace(stint, kept=not taken_away and move.at <= stint.deadline)
    return msgspec.structs.replace(stint, ends=move.at, ended_by=move.verb)


def _in_time(stint: Stint, move: Move) -> bool | None:
    return None if stint.deadline is None else move.at <= stint.deadline
