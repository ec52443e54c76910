"""Which message goes next to one channel: presses first and singly, the rest in one digest when there are too many. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from alerts.notices.bucket import Bucket, Rate, ready_in, soon
from alerts.notices.fates import out_of_patience

SOON = timedelta(seconds=30)
NO_ROOM = timedelta(seconds=0.5)  # a message under way ends when it ends


class Due(Protocol):
    """What a plan must know of a delivery that waits."""

    @property
    def id(self) -> int: ...  # noqa: D102 - a row's fields
    @property
    def urgent(self) -> bool: ...  # noqa: D102
    @property
    def created_at(self) -> datetime: ...  # noqa: D102


class Room(msgspec.Struct, frozen=True):
    """Whether the sender can take an urgent message now, and another one to this channel."""

    urgent: bool
    other: bool


class Plan(msgspec.Struct, frozen=True):
    """The deliveries of the next message (none: nothing can go), those to divert to the second way, and when to ask again."""

    message: tuple[int, ...] = ()
    digest: bool = False
    divert: tuple[int, ...] = ()
    ask_in: timedelta = timedelta(0)


def plan(
    waiting: Sequence[Due],
    bucket: Bucket,
    rate: Rate,
    *,
    room: Room,
    blocked_until: datetime | None,
    second: bool,
    digests: bool,
    now: datetime,
) -> Plan:
    """What to do for one channel at `now`; `waiting` is in order of age, `bucket` filled, `blocked_until` in the future."""
    urgent = [one for one in waiting if one.urgent]
    others = [one for one in waiting if not one.urgent]
    if blocked_until is not None:
        return Plan(divert=_impatient(urgent, blocked_until) if second else (), ask_in=blocked_until - now)
    if urgent:
        if bucket.tokens < 1:
            return Plan(ask_in=ready_in(bucket, rate))
        return Plan(message=(urgent[0].id,)) if room.urgent else Plan(ask_in=NO_ROOM)
    if not others or not room.other:
        return Plan(ask_in=NO_ROOM)
    return _of_others(others, bucket, rate, digests=digests)


def _impatient(urgent: Sequence[Due], until: datetime) -> tuple[int, ...]:
    return tuple(
        one.id for one in urgent if out_of_patience(urgent=True, second=True, created_at=one.created_at, due_at=until)
    )


def _of_others(others: Sequence[Due], bucket: Bucket, rate: Rate, *, digests: bool) -> Plan:
    reserve = 1 if rate.burst > 1 else 0  # the next press finds a token
    if bucket.tokens < 1 + reserve:
        return Plan(ask_in=ready_in(bucket, rate, 1 + reserve))
    if digests and len(others) > max(1, soon(bucket, rate, SOON) - reserve):
        return Plan(message=tuple(one.id for one in others), digest=True)
    return Plan(message=(others[0].id,))
