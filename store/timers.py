"""Deadlines as rows: (incident, step, due). Taken under a lock that another engine skips, so that each fires once."""

from collections.abc import Mapping
from datetime import datetime

from psycopg import Connection

from store.incidents import IS_UNRESOLVED, SELECT_INCIDENT, incident_row
from store.records import Incident


def due(conn: Connection, now: datetime, limit: int = 100) -> list[tuple[int, str]]:
    """What has fallen due, longest ago first; found unlocked: lock the incident, then `take` each before acting on it."""
    rows = conn.execute(
        "SELECT incident, step FROM timers WHERE due_at <= %s ORDER BY due_at, incident, step LIMIT %s", (now, limit)
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


def replace(conn: Connection, incident: int, due: Mapping[str, datetime]) -> None:
    """Let the incident have just these deadlines, by step."""
    put(conn, {incident: due})
    only(conn, {incident: due})


def only(conn: Connection, due: Mapping[int, Mapping[str, datetime]]) -> None:
    """Take out every other deadline of these incidents."""
    kept = [(incident, step) for incident, steps in due.items() for step in steps]
    conn.execute(
        "DELETE FROM timers WHERE incident = ANY(%s) AND NOT EXISTS (SELECT FROM unnest(%s::bigint[], %s::text[])"
        " AS kept (incident, step) WHERE kept.incident = timers.incident AND kept.step = timers.step)",
        (sorted(due), [incident for incident, _ in kept], [step for _, step in kept]),
    )


def put(conn: Connection, due: Mapping[int, Mapping[str, datetime]]) -> None:
    """Set deadlines of several incidents; one that is there is moved."""
    rows = sorted((incident, step, at) for incident, steps in due.items() for step, at in steps.items())
    if rows:
        conn.execute(
            "INSERT INTO timers (incident, step, due_at) SELECT * FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[])"
            " ON CONFLICT (incident, step) DO UPDATE SET due_at = excluded.due_at",
            [list(column) for column in zip(*rows, strict=True)],
        )


def of_board(conn: Connection, after: int, limit: int) -> list[tuple[Incident, dict[str, datetime]]]:
    """The unresolved incidents behind an id, at most so many, each with its deadlines by step."""
    with conn.cursor(row_factory=incident_row) as cur:
        found = cur.execute(
            f"{SELECT_INCIDENT} WHERE id > %s AND {IS_UNRESOLVED} ORDER BY id LIMIT %s",
            (after, limit),
        ).fetchall()
    due: dict[int, dict[str, datetime]] = {incident.id: {} for incident in found}
    rows = conn.execute("SELECT incident, step, due_at FROM timers WHERE incident = ANY(%s)", (list(due),)).fetchall()
    for incident, step, at in rows:
        due[incident][step] = at
    return [(incident, due[incident.id]) for incident in found]
