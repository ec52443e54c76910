"""Writes the gathered signs of life, a few times a second, on a connection of its own."""

import threading
from collections.abc import Callable

import structlog
from psycopg import Connection, OperationalError

from ingest.life import SignsOfLife
from store.device_states import note_life

log = structlog.get_logger(__name__)

FLUSH_EVERY = 0.2  # seconds


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
