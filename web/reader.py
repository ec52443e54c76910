"""The thread that reads the feed of changes: rung by NOTIFY, by cursor in any case, and back by itself after any fault.

NOTIFY is a doorbell, the table is the truth. What is read goes to the event loop in order; this thread alone moves the
cursors, and only when a read has come back.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

import msgspec
import psycopg
import structlog
from psycopg import Connection

from devices.registry import SELF_SITE
from store import feed, pipeline, registry
from store.connect import connect
from store.records import NumberedChange

log = structlog.get_logger(__name__)

POLL = 0.5  # seconds: how long a lost doorbell can delay a change
WAKE = 0.1  # seconds: how long a stop may go unheard
BATCH = 200  # changes of a site read at once, so that a flood is handed on in pieces
FRESH = 2.0  # seconds: after so long without a read the database counts as not readable
MAX_WAIT = 1.0  # seconds between two tries to connect


class Listeners(msgspec.Struct, frozen=True):
    """Who is told; called on the reader's thread."""

    restarted: Callable[[str, Mapping[str, int]], None]  # another feed, or an earlier state: (feed, heads)
    changed: Callable[[list[NumberedChange]], None]  # of one site, in order
    site_added: Callable[[str, int], None]
    site_removed: Callable[[str], None]
    probed: Callable[[timedelta], None]  # a synthetic alarm came, which was sent so long ago


class FeedReader:
    """Follows the feeds of all sites."""

    def __init__(self, url: str, listeners: Listeners) -> None:
        self._url = url
        self._tell = listeners
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web feed", daemon=True)
        self._feed: str | None = None
        self._cursors: dict[str, int] = {}
        self._polled_at = 0.0
        self._read_at = -FRESH

    def start(self) -> None:
        """Begin; comes back at once, also without a database."""
        self._thread.start()

    def stop(self) -> None:
        """End, soon."""
        self._stop.set()
        self._thread.join(5)

    def fresh(self) -> bool:
        """Whether the database was read a moment ago."""
        return time.monotonic() - self._read_at < FRESH and self._thread.is_alive()

    def _run(self) -> None:
        wait = 0.1
        while not self._stop.is_set():
            try:
                with connect(self._url, part="web feed", autocommit=True) as conn:
                    self._begin(conn)
                    wait = 0.1
                    while not self._stop.is_set():
                        self._read_on(conn)
            except psycopg.Error as exc:
                said = str(exc).strip().partition("\n")[0]
                log.warning("the feed can't be read; trying again", error=type(exc).__name__, said=said)
            except Exception:
                log.exception("a fault in reading the feed; trying again")
            self._stop.wait(wait)
            wait = min(wait * 2, MAX_WAIT)

    def _begin(self, conn: Connection) -> None:
        conn.execute(f"LISTEN {feed.CHANNEL}")
        conn.execute(f"LISTEN {registry.CHANNEL}")
        identity, heads = feed.identity(conn), feed.heads(conn)
        earlier = any(heads.get(site, 0) < cursor for site, cursor in self._cursors.items())
        if identity != self._feed or earlier:
            self._tell.restarted(identity, dict(heads))
            self._feed, self._cursors = identity, dict(heads)
            log.info("reading the feed", feed=identity, sites=len(heads))
        self._poll(conn)

    def _read_on(self, conn: Connection) -> None:
        """Wait for the doorbell, not long, and read what is new; every POLL seconds, rung or not."""
        rings = list(conn.notifies(timeout=WAKE, stop_after=1))
        rung = {ring.payload for ring in rings if ring.channel == feed.CHANNEL}
        self._read(conn, rung & self._cursors.keys())
        news = not rung <= self._cursors.keys() or any(ring.channel == registry.CHANNEL for ring in rings)
        if news or time.monotonic() - self._polled_at >= POLL:
            self._poll(conn)

    def _poll(self, conn: Connection) -> None:
        """Look at every site: new ones, gone ones, and those that have changes nobody rang for."""
        heads = feed.heads(conn)
        self._polled_at = self._read_at = time.monotonic()
        for site in self._cursors.keys() - heads.keys():
            del self._cursors[site]
            self._tell.site_removed(site)
        for site in heads.keys() - self._cursors.keys():
            self._cursors[site] = heads[site]
            self._tell.site_added(site, heads[site])
        behind = [site for site, head in heads.items() if head > self._cursors[site]]
        if behind:
            self._read(conn, behind)

    def _read(self, conn: Connection, sites: Collection[str]) -> None:
        while sites and not self._stop.is_set():
            changes = feed.read_after(conn, {site: self._cursors[site] for site in sites}, BATCH)
            self._read_at = time.monotonic()
            by_site: dict[str, list[NumberedChange]] = {}
            for change in changes:
                by_site.setdefault(change.site, []).append(change)
            for site, of_site in by_site.items():
                self._tell.changed(of_site)
                self._cursors[site] = of_site[-1].seq
            if SELF_SITE in by_site and (age := pipeline.newest_age(conn)) is not None:
                self._tell.probed(age)
            sites = [site for site, of_site in by_site.items() if len(of_site) == BATCH]
