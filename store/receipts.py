"""How far the receipts of each site have been told: a cursor over its feed, one teller at a time.

And those that wait for a device which did not listen just then, in order.
"""

from collections.abc import Sequence

import msgspec
from psycopg import Connection
from psycopg.rows import class_row


class Waiting(msgspec.Struct, frozen=True):
    """A receipt that waits for its device; `id` is its place in the order."""

    id: int
    site: str
    device: str
    alarm: str
    stage: str
    incident: int | None
    outcome: str | None


def sites_behind(conn: Connection) -> list[str]:
    """Sites whose feed is ahead of what was told."""
    rows = conn.execute(
        "SELECT site FROM feed_counters LEFT JOIN receipt_cursors USING (site)"
        " WHERE feed_counters.seq > coalesce(receipt_cursors.seq, 0) ORDER BY site"
    ).fetchall()
    return [site for (site,) in rows]


def lock_cursor(conn: Connection, site: str) -> int | None:
    """The number of the last change told, held until the transaction ends; None when another process holds it."""
    conn.execute("INSERT INTO receipt_cursors (site, seq) VALUES (%s, 0) ON CONFLICT DO NOTHING", (site,))
    row = conn.execute("SELECT seq FROM receipt_cursors WHERE site = %s FOR UPDATE SKIP LOCKED", (site,)).fetchone()
    return None if row is None else int(row[0])


def move_cursor(conn: Connection, site: str, seq: int) -> None:
    """All changes up to `seq` are told."""
    conn.execute("UPDATE receipt_cursors SET seq = %s WHERE site = %s", (seq, site))


def put_waiting(conn: Connection, receipts: Sequence[tuple[str, str, str, str, int | None, str | None]]) -> None:
    """Let receipts (site, device, alarm, stage, incident, outcome) wait for their devices, in this order."""
    with conn.cursor() as cur:
        cur.executemany(
            "INSERT INTO receipts_waiting (site, device, alarm, stage, incident, outcome) VALUES (%s, %s, %s, %s, %s, %s)",
            receipts,
        )


def waited_for(conn: Connection, site: str | None = None) -> set[tuple[str, str]]:
    """Devices (site, device) for which receipts wait: of one site, or of all."""
    return set(
        conn.execute(
            "SELECT DISTINCT site, device FROM receipts_waiting WHERE %(site)s::text IS NULL OR site = %(site)s",
            {"site": site},
        ).fetchall()
    )


def first_waiting(conn: Connection, site: str, device: str) -> Waiting | None:
    """The receipt that its device is to be told first."""
    with conn.cursor(row_factory=class_row(Waiting)) as cur:
        return cur.execute(
            "SELECT id, site, device, alarm, stage, incident, outcome FROM receipts_waiting"
            " WHERE site = %s AND device = %s ORDER BY id LIMIT 1",
            (site, device),
        ).fetchone()


def told(conn: Connection, waiting: int) -> None:
    """A receipt waits no longer."""
    conn.execute("DELETE FROM receipts_waiting WHERE id = %s", (waiting,))


def drop_waiting(conn: Connection, site: str, device: str, alarm: str) -> None:
    """What waits for an alarm is out of date: its device is told the newest stage just now."""
    conn.execute("DELETE FROM receipts_waiting WHERE site = %s AND device = %s AND alarm = %s", (site, device, alarm))
