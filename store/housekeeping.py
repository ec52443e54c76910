"""What keeps the database in order: chunks made ahead, old rows gone. Runs as the owner of the tables."""

from datetime import datetime, timedelta

from psycopg import Connection

from store import pipeline

HYPERTABLES = ("events", "telemetry")
_SWEEP_AT_ONCE = 20_000


def make_chunks_ahead(conn: Connection, now: datetime) -> None:
    """Make the chunks of today and tomorrow, so that no press waits while one is made (30 ms, measured).

    A row is put in and taken out again: the only way that every edition of TimescaleDB has.
    """
    for at in (now, now + timedelta(days=1)):
        conn.execute(
            "WITH made AS (INSERT INTO events (received_at, site, device, id, kind, phase)"
            " VALUES (%s, '', '', '', 'chunk', 'instant') RETURNING 1) SELECT 1 FROM made",
            (at,),
        )
        conn.execute("DELETE FROM events WHERE received_at = %s AND site = ''", (at,))
        conn.execute("INSERT INTO telemetry (received_at, site, device, values) VALUES (%s, '', '', '{}')", (at,))
        conn.execute("DELETE FROM telemetry WHERE received_at = %s AND site = ''", (at,))
    conn.commit()


def sweep(conn: Connection, now: datetime, *, keep_events: timedelta, keep_rejects: timedelta) -> None:
    """Delete what is past its time: chunks of events and telemetry, rejects, keys, sessions, links, failed log-ins."""
    for table in HYPERTABLES:
        conn.execute("SELECT drop_chunks(%s, older_than => %s::timestamptz)", (table, now - keep_events))
        conn.commit()
    for table, column, before in (
        ("event_keys", "received_at", now - timedelta(days=2)),
        ("rejects", "received_at", now - keep_rejects),
        ("login_failures", "at", now - timedelta(hours=1)),
        ("sessions", "expires_at", now),
        ("login_links", "expires_at", now - timedelta(days=1)),
    ):
        while _delete_some(conn, table, column, before):
            pass
    pipeline.sweep(conn, now - timedelta(days=1))
    conn.execute("DELETE FROM receipts_waiting WHERE since < %s", (now - timedelta(days=1),))
    conn.commit()


def _delete_some(conn: Connection, table: str, column: str, before: datetime) -> bool:
    deleted = conn.execute(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {column} < %s LIMIT {_SWEEP_AT_ONCE}))",
        (before,),
    ).rowcount
    conn.commit()
    return deleted == _SWEEP_AT_ONCE
