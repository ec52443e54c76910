"""How far the receipts of each site have been told: a cursor over its feed, one teller at a time."""

from psycopg import Connection


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
