"""How a console begins: greeted, given a snapshot or the changes it missed, and then among those who get every change.

While it catches up nothing is kept for it: it reads on from the ring or the database until the last step, which happens in
one go on the event loop. So there is no moment at which a change could pass it by.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import psycopg
import structlog
from psycopg import Connection

from store import feed, reading
from web import frames
from web.hub import Frame, Gap, decide_mode, states_of
from web.live import Console, Live, States
from web.socket import SLOW

log = structlog.get_logger(__name__)

STRETCH = 200  # changes sent at once to a console that catches up, before it is waited for
REUSE = 1.0  # seconds for which consoles that come together share one snapshot
KNOWN_WITHIN = 3.0  # seconds: how long a site that was just added may be unknown here


class _TooSlow(Exception):
    """The console does not read what it is sent."""


class Ready(msgspec.Struct, frozen=True):
    """A site's snapshot, encoded, with what is needed to go on from it."""

    seq: int
    data: bytes
    states: States
    read_at: float  # the loop's clock just before it was read


class Snapshots:
    """Snapshots shared by consoles that come at the same time, as after a restart of the server."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._reading: dict[str, asyncio.Task[Ready]] = {}

    async def get(self, site: str) -> Ready:
        """A snapshot of the site that the ring can carry on from. Raises psycopg.Error, KeyError for a site that is gone."""
        task = self._reading.get(site)
        if task is None or not self._is_good(site, task):
            task = asyncio.create_task(self._read(site))
            self._reading[site] = task
        return await asyncio.shield(task)

    def _is_good(self, site: str, task: "asyncio.Task[Ready]") -> bool:
        if not task.done():
            return True
        if task.cancelled() or task.exception() is not None:
            return False
        ready = task.result()
        young = asyncio.get_running_loop().time() - ready.read_at < REUSE
        return young and self._live.hub.after(site, ready.seq) is not None

    async def _read(self, site: str) -> Ready:
        began = asyncio.get_running_loop().time()

        def job(conn: Connection) -> Ready:
            found = reading.snapshot(conn, site)
            if found is None:
                raise KeyError(site)
            states = {(site, str(one["device"])): str(one["state"]) for one in found.devices}
            return Ready(found.seq, frames.snapshot(found), states, began)

        return await self._live.read(job)


class Joining:
    """Brings consoles into the live feed."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._snapshots = Snapshots(live)

    async def join(
        self, console: Console, sites: Sequence[str], *, after: Mapping[str, int], feed_named: str | None, greet: bool
    ) -> None:
        """Bring a console into the feeds of these sites; one that can't be brought in is told to come back later."""
        console.joining.update(sites)
        try:
            await self._join(console, sites, after, feed_named, greet=greet)
        except _TooSlow:
            self._live.end(console, SLOW, "this console does not keep up; it comes back by its cursor")
        except (psycopg.Error, KeyError, Gap) as exc:
            log.warning("a console could not join", user=console.person.name, error=type(exc).__name__, said=str(exc))
            self._live.end(console, SLOW, "the feed can't be read just now")
        finally:
            console.joining.difference_update(sites)

    async def _join(
        self, console: Console, sites: Sequence[str], after: Mapping[str, int], feed_named: str | None, *, greet: bool
    ) -> None:
        hub, restarts = self._live.hub, self._live.restarts
        known = await self._known(sites)
        if not self._live.states_read_at:
            await self._live.read_states()
        same_feed = feed_named is None or feed_named == hub.feed
        heads = await self._heads(known)
        modes = {site: decide_mode(after.get(site), heads[site], same_feed=same_feed) for site in known}
        snapshots = {site: await self._snapshots.get(site) for site, mode in modes.items() if mode == "snapshot"}
        cursors = {site: snapshots[site].seq if site in snapshots else after[site] for site in known}
        if greet:
            told = {site: (snapshots[site].seq if site in snapshots else heads[site], modes[site]) for site in known}
            console.socket.write_frames(frames.hello(hub.feed or "", told))
        for ready in snapshots.values():
            await self._send(console, ready.data)
        while behind := [site for site in known if not self._within_reach(site, cursors[site])]:
            for site in behind:
                cursors[site] = await self._send_stretch(console, site, cursors[site])
        # no await from here on
        if restarts != self._live.restarts:
            raise Gap("the feed began anew meanwhile")
        for site in known:
            self._go_live(console, site, cursors[site], snapshots.get(site))

    async def _known(self, sites: Sequence[str]) -> list[str]:
        """Those of the sites whose feed is read here; one that was added just now is waited for."""
        hub = self._live.hub
        try:
            async with asyncio.timeout(KNOWN_WITHIN):
                while hub.feed is None or not all(hub.knows(site) for site in sites):
                    await self._live.sites_changed.wait()
        except TimeoutError:
            if hub.feed is None:
                raise KeyError("the feed has not been read yet") from None
        return sorted(site for site in sites if hub.knows(site))

    async def _heads(self, sites: Sequence[str]) -> dict[str, int]:
        """How far the sites' feeds are: as the database says, which may be a moment ahead of what was delivered here."""
        stored = await self._live.read(lambda conn: feed.heads(conn, sites))
        delivered = self._live.hub
        return {site: max(stored.get(site, 0), delivered.head(site)) for site in sites}

    def _within_reach(self, site: str, cursor: int) -> bool:
        left = self._live.hub.after(site, cursor)
        return left is not None and len(left) <= STRETCH

    async def _send_stretch(self, console: Console, site: str, cursor: int) -> int:
        """Send the next changes of the ring or the database; the console's new cursor."""
        left = self._live.hub.after(site, cursor)
        if left is None:
            left = await self._live.read(lambda conn: _from_database(conn, site, cursor))
        stretch = left[:STRETCH]
        if not stretch or stretch[0].seq != cursor + 1:
            raise Gap(f"{site}: nothing follows {cursor}")
        await self._send(console, b"".join([frame.data for frame in stretch]))
        return stretch[-1].seq

    async def _send(self, console: Console, data: bytes) -> None:
        console.socket.write_frames(data)
        if not await console.socket.drained():
            raise _TooSlow

    def _go_live(self, console: Console, site: str, cursor: int, ready: Ready | None) -> None:
        live = self._live
        left = live.hub.after(site, cursor) or []
        console.socket.write_frames(b"".join([frame.data for frame in left]))
        states = states_of(live.states, [site])
        if ready is not None:  # a snapshot says how devices are; what has changed since it was read is told
            newer = live.states_read_at > ready.read_at
            states = {one: state for one, state in states.items() if newer and ready.states.get(one) != state}
        console.socket.write_frames(frames.devices(states))
        live.follow(console, site, left[-1].seq if left else cursor)


def _from_database(conn: Connection, site: str, cursor: int) -> list[Frame]:
    return [Frame(one.seq, frames.change(one)) for one in feed.read_after(conn, {site: cursor}, STRETCH)]
