"""Signs of life: what messages say of their devices, gathered in memory and written by one thread, away from the lanes.

Any message of a device proves that it lives. Writing that with each batch would make the lanes wait for each other's row
locks, an alarm behind the bulk among them; so they only note it here, and a device is written when it has something new
to say or was last written a while ago.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from psycopg import Connection, OperationalError

from store.device_states import SignOfLife, note_life

log = structlog.get_logger(__name__)

REWRITE_AFTER = timedelta(seconds=5)
FLUSH_EVERY = 0.2  # seconds


class SignsOfLife:
    """Gathers signs of life of devices; thread-safe, latest wins field by field."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signs: dict[tuple[str, str], SignOfLife] = {}
        self._written: dict[tuple[str, str], datetime] = {}

    def seen(self, site: str, device: str, at: datetime, *, rewrite_after: timedelta = REWRITE_AFTER) -> None:
        """A message came from it. Cheap when it was written lately."""
        key = (site, device)
        written = self._written.get(key)
        if written is not None and at - written < rewrite_after:
            return
        self.told(SignOfLife(site, device, at))

    def told(self, sign: SignOfLife) -> None:
        """A message of it said something to keep: a battery, a firmware, a proof of its button."""
        key = (sign.site, sign.device)
        with self._lock:
            old = self._signs.get(key)
            self._signs[key] = sign if old is None else _merged(old, sign)
            self._written[key] = sign.seen_at

    def forget(self, site: str, device: str) -> None:
        """It said that it goes offline: its next sign of life is news, however soon."""
        with self._lock:
            self._written.pop((site, device), None)

    def take(self) -> list[SignOfLife]:
        """What is to be written now; the caller puts it back with `told` when writing fails."""
        with self._lock:
            signs = list(self._signs.values())
            self._signs.clear()
        return signs


def _merged(old: SignOfLife, new: SignOfLife) -> SignOfLife:
    return SignOfLife(
        new.site,
        new.device,
        max(old.seen_at, new.seen_at),
        new.proven_at or old.proven_at,
        old.battery if new.battery is None else new.battery,
        new.firmware or old.firmware,
    )


def keep_writing(signs: SignsOfLife, connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Write what was gathered a few times a second until `stop`; a lost database costs delay, no sign."""
    conn: Connection | None = None
    while not stop.wait(FLUSH_EVERY):
        taken = signs.take()
        if not taken:
            continue
        try:
            conn = conn if conn is not None and not conn.closed else connect()
            note_life(conn, taken)
            conn.commit()
        except OperationalError as exc:
            log.warning("signs of life wait for the database", error=str(exc).strip())
            for sign in taken:
                signs.told(sign)
            if conn is not None:
                conn.close()
            stop.wait(1)
    if conn is not None:
        conn.close()
