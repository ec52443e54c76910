"""What the live feed decides: which numbers a console has, which come next, and how one that joins catches up. Pure.

The hub knows, of each site, the number it delivered last and the frames before it, in a ring. A console has a cursor for
each of its sites. Both only ever move by one number at a time, so what a console gets has no gap and nothing twice.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal

import msgspec

RING = 2_000  # frames of a site kept in memory for consoles that join; older ones are read from the database
TOO_OLD = 5_000  # changes: a console further behind is faster with a snapshot

Mode = Literal["snapshot", "changes"]


class Gap(Exception):
    """Numbers don't follow each other: somebody here is wrong, and the console is to start again from its cursor."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One change of a site, encoded once for all consoles."""

    seq: int
    data: bytes


class _Feed:
    __slots__ = ("last", "ring")

    def __init__(self, last: int) -> None:
        self.last = last
        self.ring: deque[Frame] = deque(maxlen=RING)


class Hub:
    """The feeds of all sites as far as this process delivered them; `feed` is the identity of the database's feed."""

    def __init__(self) -> None:
        self.feed: str | None = None
        self._feeds: dict[str, _Feed] = {}

    def restart(self, feed: str, heads: Mapping[str, int]) -> None:
        """Begin with another feed, or an earlier state of it: every console has to come back."""
        self.feed = feed
        self._feeds = {site: _Feed(head) for site, head in heads.items()}

    def add_site(self, site: str, head: int) -> None:
        """A site is there that was not; `head` is where its delivery begins."""
        self._feeds.setdefault(site, _Feed(head))

    def remove_site(self, site: str) -> None:
        """A site is gone."""
        self._feeds.pop(site, None)

    def knows(self, site: str) -> bool:
        """Whether this site's feed is delivered here."""
        return site in self._feeds

    def head(self, site: str) -> int:
        """The number delivered last. Raises KeyError for a site that is not known."""
        return self._feeds[site].last

    def heads(self) -> dict[str, int]:
        """The number delivered last, of each site."""
        return {site: feed.last for site, feed in self._feeds.items()}

    def take(self, site: str, frames: Sequence[Frame]) -> list[Frame]:
        """Take frames in, in order; those that are new and are to be delivered now.

        Raises Gap when one is missing.
        """
        feed = self._feeds.get(site)
        if feed is None:
            return []
        new = [frame for frame in frames if frame.seq > feed.last]
        for frame in new:
            if frame.seq != feed.last + 1:
                raise Gap(f"{site}: change {frame.seq} came after {feed.last}")
            feed.last = frame.seq
            feed.ring.append(frame)
        return new

    def after(self, site: str, seq: int) -> list[Frame] | None:
        """The frames behind `seq` up to what was delivered last; None when the ring does not reach back so far."""
        feed = self._feeds[site]
        behind = feed.last - seq
        if behind <= 0:
            return []
        if behind > len(feed.ring):
            return None
        return list(islice(feed.ring, len(feed.ring) - behind, None))


def decide_mode(after: int | None, head: int, *, same_feed: bool) -> Mode:
    """How a console joins a site's feed: by the changes behind its cursor, or anew."""
    if after is None or not same_feed or after > head or head - after > TOO_OLD:
        return "snapshot"
    return "changes"


def parse_after(text: str | None) -> dict[str, int]:
    """The cursors a console comes back with (`site:seq,site:seq`); what can't be read is as if it had not been said."""
    cursors: dict[str, int] = {}
    for part in (text or "").split(","):
        site, _, seq = part.strip().rpartition(":")
        if site and seq.isascii() and seq.isdigit() and len(seq) <= 18:
            cursors[site] = int(seq)
    return cursors


def next_for(cursor: int, frames: Sequence[Frame]) -> Sequence[Frame]:
    """Of frames in order, those a console with this cursor has not had.

    Raises Gap when the first of them does not follow the cursor.
    """
    if not frames or frames[-1].seq <= cursor:
        return ()
    if frames[0].seq <= cursor:
        frames = [frame for frame in frames if frame.seq > cursor]
    if frames[0].seq != cursor + 1:
        raise Gap(f"change {frames[0].seq} came after {cursor}")
    return frames


def changed_states(
    before: Mapping[tuple[str, str], str], now: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """The devices whose state is not what was last said of them."""
    return {device: state for device, state in now.items() if before.get(device) != state}


def states_of(states: Mapping[tuple[str, str], str], sites: Iterable[str]) -> dict[tuple[str, str], str]:
    """The devices of these sites."""
    wanted = frozenset(sites)
    return {device: state for device, state in states.items() if device[0] in wanted}
