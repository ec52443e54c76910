"""Whether the whole way of an alarm works: a synthetic one, sent a moment ago, must have come through this process's feed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from devices.probing import NOBODY
from store.pipeline import PipelineFacts

LATE = 15.0  # seconds without one; they come every ten
GRACE = 20.0  # seconds from the start of this process in which none need have come
STALE = timedelta(seconds=20)  # one that was sent longer ago proves nothing
UNSENT = timedelta(seconds=12)


class Proof:
    """When this process last saw one; thread-safe, since each thread only replaces whole values."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._good_until = clock() + GRACE
        self.proven_at: datetime | None = None

    def saw(self, age: timedelta) -> None:
        """One came through the feed that was sent so long ago."""
        if age <= STALE:
            self._good_until = max(self._good_until, self._clock() + LATE)
            self.proven_at = datetime.now(UTC)

    @property
    def ok(self) -> bool:
        """Whether one has come of late."""
        return self._clock() < self._good_until


def stuck_at(facts: PipelineFacts) -> str:
    """At which part of the way the newest one is, and what to look at."""
    if facts.tried_at is None or facts.now - facts.tried_at > UNSENT:
        since = "yet" if facts.tried_at is None else f"for {_seconds(facts.now - facts.tried_at)} s"
        return f"no synthetic alarm was sent {since}: look at `skynet alerts` and its log"
    if facts.fault == NOBODY:
        return "nobody listens for the synthetic alarm at the broker: look at `skynet ingest` and its log"
    if facts.fault is not None:
        return f"the synthetic alarm does not get into the broker ({facts.fault}): look at the broker"
    if facts.sent_at is not None and (facts.stored is None or facts.stored < facts.sent_at):
        late = _seconds(facts.now - facts.sent_at)
        return f"the synthetic alarm sent {late} s ago was not stored: look at `skynet ingest` and its log"
    return (
        "the synthetic alarm is stored, but did not come through this process's feed: look at `skynet web` and its log"
    )


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())
