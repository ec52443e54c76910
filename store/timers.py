"""Deadlines as rows: (incident, step, due). Taken under a lock that another engine skips, so that each fires once."""

from datetime import datetime

from psycopg import Connection


def set_timer(conn: Connection, incident: int, step: str, due_at: datetime) -> None:
    """Let `step` of the incident fall due at `due_at`; a second call moves it."""
    conn.execute(
        "INSERT INTO timers (incident, step, due_at) VALUES (%s, %s, %s)"
        " ON CONFLICT (incident, step) DO UPDATE SET due_at = excluded.due_at",
        (incident, step, due_at),
    )


def clear_timers(conn: Connection, incident: int) -> None:
    """Forget every deadline of the incident."""
    conn.execute("DELETE FROM timers WHERE incident = %s", (incident,))


def due(conn: Connection, now: datetime, limit: int = 100) -> list[tuple[int, str]]:
    """What has fallen due, longest ago first; found unlocked: lock the incident, then `take` each before acting on it."""
    rows = conn.execute(
        "SELECT incident, step FROM timers WHERE due_at <= %s ORDER BY due_at LIMIT %s", (now, limit)
    ).fetchall()
    return [(incident, step) for incident, step in rows]


def take(conn: Connection, incident: int, step: str, now: datetime) -> bool:
    """Take one deadline out, if it is still there, still due and nobody else has it; the caller acts and commits."""
    row = conn.execute(
        "DELETE FROM timers WHERE (incident, step) IN (SELECT incident, step FROM timers"
        " WHERE incident = %s AND step = %s AND due_at <= %s FOR UPDATE SKIP LOCKED) RETURNING 1",
        (incident, step, now),
    ).fetchone()
    return row is not None
