"""How many messages a robot may be sent, and when the next: a token bucket. Pure.

The services count the messages of a minute. With a burst of `b`, the rest of the minute refills so much that no minute has more
than `per_minute`, whenever it begins. The clock is the database's, shared by all engines; one that goes back refills nothing
until it goes on, one that jumps ahead fills the bucket at most.
"""

import math
from datetime import datetime, timedelta

import msgspec

LARGEST_BURST = 5


class Rate(msgspec.Struct, frozen=True):
    """So many at once, and so many more in a second."""

    burst: int
    per_second: float


class Bucket(msgspec.Struct, frozen=True):
    """The tokens that were there at a moment."""

    tokens: float
    at: datetime


def rate_of(per_minute: float) -> Rate:
    """The rate that keeps any one minute at `per_minute`."""
    burst = max(1, min(LARGEST_BURST, math.floor(per_minute / 4)))
    return Rate(burst, (per_minute - burst + 1) / 60)


def filled(bucket: Bucket | None, rate: Rate, now: datetime) -> Bucket:
    """The bucket as it is at `now`; None is one that nobody has used yet."""
    if bucket is None:
        return Bucket(float(rate.burst), now)
    passed = max(0.0, (now - bucket.at).total_seconds())
    return Bucket(min(float(rate.burst), bucket.tokens + passed * rate.per_second), now)


def spent(bucket: Bucket) -> Bucket:
    """The bucket after one message. Raises ValueError when it holds no whole token."""
    if bucket.tokens < 1:
        raise ValueError("no token is left")
    return Bucket(bucket.tokens - 1, bucket.at)


def ready_in(bucket: Bucket, rate: Rate, tokens: float = 1.0) -> timedelta:
    """How long until so many tokens are there; more than the burst never are."""
    missing = min(tokens, float(rate.burst)) - bucket.tokens
    return timedelta(seconds=max(0.0, missing / rate.per_second))


def soon(bucket: Bucket, rate: Rate, within: timedelta) -> int:
    """How many messages can go within a time."""
    return math.floor(bucket.tokens + rate.per_second * within.total_seconds())
