"""The live feeds of this process: who listens, and what goes to all of them as soon as it is there.

Everything here runs on the event loop, so that what stands between two awaits happens as one. Waiting for the database is
done on threads of its own. What is decided is in web/hub.py; how a console begins is in web/joining.py.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from psycopg import Connection
from psycopg_pool import ConnectionPool

from devices.registry import SELF_SITE
from store import floods, reading
from store.floods import Flood
from store.people import Person
from store.records import NumberedChange
from web import frames
from web.flooded import seen_by
from web.hub import Frame, Gap, Hub, changed_states, next_for
from web.metrics import Metrics
from web.pipeline import Proof
from web.reader import FeedReader, Listeners
from web.socket import SLOW, LiveSocket

log = structlog.get_logger(__name__)

T = TypeVar("T")
States = dict[tuple[str, str], str]

LOGGED_OUT = 4401


class Console:
    """One open live feed: its connection, whose it is, and the last number it got of each site it follows."""

    __slots__ = ("cursors", "floods", "joining", "person", "socket", "token_hash")

    def __init__(self, socket: LiveSocket, person: Person, token_hash: bytes) -> None:
        self.socket = socket
        self.person = person
        self.token_hash = token_hash
        self.cursors: dict[str, int] = {}
        self.joining: set[str] = set()  # sites on their way to be followed
        self.floods: tuple[Flood, ...] = ()  # as last told


class Live:
    """All live feeds of this process, on one event loop."""

    def __init__(self, url: str, pool: ConnectionPool, metrics: Metrics) -> None:
        self.hub = Hub()
        self.consoles: set[Console] = set()
        self.states: States = {}
        self.states_read_at = 0.0  # the loop's clock just before the states were read; 0: never
        self.restarts = 0
        self.sites_changed = asyncio.Event()
        self._audience: dict[str, set[Console]] = {}
        self._pool = pool
        self._metrics = metrics
        self._loop: asyncio.AbstractEventLoop | None = None
        # joining and watching wait for the database here, and not behind calls that check passwords
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="live")
        self.proof = Proof()
        listeners = Listeners(self._restarted, self._changed, self._site_added, self._site_removed, self.proof.saw)
        self._reader = FeedReader(url, listeners)

    def start(self) -> None:
        """Begin to read the feed; on the loop that serves the consoles."""
        self._loop = asyncio.get_running_loop()
        self._reader.start()

    async def stop(self) -> None:
        """End reading. The consoles' connections are the server's to close."""
        await asyncio.to_thread(self._reader.stop)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def fresh(self) -> bool:
        """Whether the feed was read from the database a moment ago; from any thread."""
        return self._reader.fresh()

    async def read(self, job: Callable[[Connection], T]) -> T:
        """Run a job with a connection of the pool, on a thread.

        Raises psycopg.Error when the database can't be read.
        """

        def run() -> T:
            with self._pool.connection() as conn:
                return job(conn)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    # what the reader's thread says, taken over to the loop in the same order

    def _call(self, what: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *arguments)

    def _restarted(self, feed: str, heads: Mapping[str, int]) -> None:
        self._call(self._restart, feed, heads)

    def _changed(self, changes: list[NumberedChange]) -> None:
        encoded = [Frame(one.seq, frames.change(one)) for one in changes]
        self._call(self._deliver, changes[0].site, encoded, changes[-1].at)

    def _site_added(self, site: str, head: int) -> None:
        self._call(self._add_site, site, head)

    def _site_removed(self, site: str) -> None:
        self._call(self._remove_site, site)

    # on the loop

    def _restart(self, feed: str, heads: Mapping[str, int]) -> None:
        self.hub.restart(feed, heads)
        self.restarts += 1
        for console in tuple(self.consoles):
            self.end(console, SLOW, "the feed begins anew")
        self._tell_sites_changed()

    def _add_site(self, site: str, head: int) -> None:
        self.hub.add_site(site, head)
        self._tell_sites_changed()

    def _remove_site(self, site: str) -> None:
        self.hub.remove_site(site)
        for console in self._audience.pop(site, ()):
            console.cursors.pop(site, None)

    def _tell_sites_changed(self) -> None:
        self.sites_changed.set()
        self.sites_changed.clear()

    def _deliver(self, site: str, encoded: list[Frame], newest_at: datetime) -> None:
        try:
            new = self.hub.take(site, encoded)
        except Gap:
            log.exception("numbers were skipped; everyone of the site comes back by cursor")
            self.hub.remove_site(site)
            self.hub.add_site(site, encoded[-1].seq)
            for console in tuple(self._audience.get(site, ())):
                self.end(console, SLOW, "come back by cursor")
            return
        if not new or site == SELF_SITE:
            return
        together = b"".join([frame.data for frame in new])
        sent = 0
        for console in tuple(self._audience.get(site, ())):
            sent += self._send_changes(console, site, new, together)
        self._metrics.delivered(len(new), sent, newest_at)

    def _send_changes(self, console: Console, site: str, new: list[Frame], together: bytes) -> int:
        cursor = console.cursors[site]
        number = len(new)
        if cursor != new[0].seq - 1:
            try:
                own = next_for(cursor, new)
            except Gap:
                log.exception("a console's cursor does not fit", user=console.person.name)
                self.end(console, SLOW, "come back by cursor")
                return 0
            together, number = b"".join([frame.data for frame in own]), len(own)
        console.cursors[site] = max(cursor, new[-1].seq)
        self.send(console, together)
        return number

    def send(self, console: Console, data: bytes) -> None:
        """Send whole frames to a console; one that does not keep up is told to come back."""
        console.socket.write_frames(data)
        if console.socket.too_slow:
            self.end(console, SLOW, "this console does not keep up; it comes back by its cursor")

    def enter(self, console: Console) -> None:
        """A console is connected and logged in; it follows nothing yet."""
        self.consoles.add(console)
        self._metrics.consoles.set(len(self.consoles))

    def follow(self, console: Console, site: str, cursor: int) -> None:
        """From here on the console gets every change of the site behind `cursor`. To be called when it has all up to there."""
        if console in self.consoles:
            console.cursors[site] = cursor
            self._audience.setdefault(site, set()).add(console)

    def unfollow(self, console: Console, site: str) -> None:
        """The site is no longer this console's."""
        console.cursors.pop(site, None)
        self._audience.get(site, set()).discard(console)

    def leave(self, console: Console) -> None:
        """The connection is over."""
        self.consoles.discard(console)
        for site in tuple(console.cursors):
            self.unfollow(console, site)
        self._metrics.consoles.set(len(self.consoles))

    def end(self, console: Console, code: int, reason: str) -> None:
        """Close a console's connection; it hears nothing more."""
        self.leave(console)
        if not console.socket.ended:
            self._metrics.ended.labels(str(code)).inc()
            log.info("a live feed ends", user=console.person.name, code=code, reason=reason)
            console.socket.end(code, reason)

    def end_session(self, token_hash: bytes) -> None:
        """Close the feeds of a session that was logged out; from any thread."""
        if self._loop is not None:
            self._call(self._end_session, token_hash)

    def _end_session(self, token_hash: bytes) -> None:
        for console in [one for one in self.consoles if one.token_hash == token_hash]:
            self.end(console, LOGGED_OUT, "logged out")

    async def read_states(self) -> None:
        """Read how devices are, and tell consoles of those that changed.

        Raises psycopg.Error when the database can't be read.
        """
        began = asyncio.get_running_loop().time()
        states = await self.read(reading.device_states)
        changed = changed_states(self.states, states) if self.states_read_at else {}
        self.states, self.states_read_at = states, began
        for site in {site for site, _ in changed}:
            data = frames.devices({device: state for device, state in changed.items() if device[0] == site})
            for console in tuple(self._audience.get(site, ())):
                self.send(console, data)

    async def read_floods(self) -> None:
        """Read who is in a flood, and tell those whom it concerns when it is not what they were told.

        Raises psycopg.Error when the database can't be read.
        """
        if not self.consoles:
            return
        standing = (await self.read(floods.current)).values()
        for console in tuple(self.consoles):
            seen = seen_by(console.person, standing)
            if [(one.name, one.since) for one in seen] != [(one.name, one.since) for one in console.floods]:
                console.floods = seen
                self.send(console, frames.floods(seen))

    def beat(self) -> None:
        """Tell every console that the database can be read and where it stands; nothing, while it can't."""
        now = datetime.now(UTC)
        made: dict[tuple[tuple[str, int], ...], bytes] = {}
        for console in tuple(self.consoles):
            if console.socket.too_slow:
                self.end(console, SLOW, "this console does not read; it comes back by its cursor")
            elif self.fresh() and not console.joining:
                where = tuple(console.cursors.items())
                if where not in made:
                    made[where] = frames.heartbeat(
                        console.cursors, now, ok=self.proof.ok, proven_at=self.proof.proven_at
                    )
                console.socket.write_frames(made[where])
