"""What goes on beside the changes: heartbeats, devices' states, and whether those who listen still may."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import structlog

from store import people
from web.joining import Joining
from web.live import LOGGED_OUT, Console, Live

log = structlog.get_logger(__name__)

HEARTBEAT = 2.0  # seconds
RECHECK = 2.0  # seconds: how long an ended session can go on listening
STATES = 1.0  # seconds: how late a device's state, or a flood, is shown


class Keeper:
    """The periodic tasks of the live feeds."""

    def __init__(self, live: Live, joining: Joining) -> None:
        self._live = live
        self._joining = joining
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin; on the event loop."""
        self._spawn(_every(HEARTBEAT, self._beat))
        self._spawn(_every(RECHECK, self._check_sessions))
        self._spawn(_every(STATES, self._live.read_states))
        self._spawn(_every(STATES, self._live.read_floods))

    async def stop(self) -> None:
        """End all of it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _beat(self) -> None:
        self._live.beat()

    async def _check_sessions(self) -> None:
        """End the feeds of sessions that ended; follow what was given to, or taken from, the others."""
        consoles = tuple(self._live.consoles)
        if not consoles:
            return
        tokens = {console.token_hash for console in consoles}
        persons = await self._live.read(lambda conn: people.people_of_sessions(conn, tokens))
        for console in consoles:
            person = persons.get(console.token_hash)
            if person is None:
                self._live.end(console, LOGGED_OUT, "the session has ended")
            elif console in self._live.consoles:
                console.person = person
                self._follow(console, frozenset(person.sites))

    def _follow(self, console: Console, sites: frozenset[str]) -> None:
        for site in console.cursors.keys() - sites:
            self._live.unfollow(console, site)
        new = [site for site in sites - console.cursors.keys() - console.joining if self._live.hub.knows(site)]
        if new:
            self._spawn(self._joining.join(console, new, after={}, feed_named=None, greet=False))


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do some work at a steady pace; a database that is away is left for the next time."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        try:
            await work()
        except psycopg.Error as exc:
            log.debug("the database could not be read", error=type(exc).__name__)
        except Exception:
            log.exception("a fault beside the live feed; going on")
        due = max(due + seconds, loop.time() - seconds)
        await asyncio.sleep(max(0.0, due - loop.time()))
