"""What the links of grid officers rest on: the key that signs them, and the unbroken dispatch that one belongs to."""

import secrets
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

KEY_BYTES = 32


def signing_key(conn: Connection, purpose: str) -> bytes:
    """The key of a purpose, made here when it is first asked for; of two that make it at once, one does."""
    for _ in range(2):
        row = conn.execute("SELECT key FROM signing_keys WHERE purpose = %s", (purpose,)).fetchone()
        if row is not None:
            return bytes(row[0])
        conn.execute(
            "INSERT INTO signing_keys (purpose, key) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (purpose, secrets.token_bytes(KEY_BYTES)),
        )
    row = conn.execute("SELECT key FROM signing_keys WHERE purpose = %s", (purpose,)).fetchone()
    assert row is not None
    return bytes(row[0])


def dispatch_begin(conn: Connection, incident: int, person: str) -> int:
    """The number of the newest change after which the incident was not dispatched to this person; 0 when there is none.

    While it is sent to them without a break this stays as it is: a release, an end or another name moves it for ever.
    """
    row = conn.execute(
        "SELECT coalesce(max(seq), 0) FROM changes WHERE incident = %s AND (body->>'state' <> 'dispatched'"
        " OR body->>'dispatched_to' IS DISTINCT FROM %s)",
        (incident, person),
    ).fetchone()
    assert row is not None
    return int(row[0])


def dispatched_at(conn: Connection, incident: int, after: int) -> datetime | None:
    """When an incident was last dispatched, after a change of its site."""
    row = conn.execute(
        "SELECT max(at) FROM changes WHERE incident = %s AND seq > %s AND verb = 'dispatch'", (incident, after)
    ).fetchone()
    return None if row is None else row[0]


def has_contact(conn: Connection, name: str) -> bool:
    """Whether it is known how to tell this person."""
    return conn.execute("SELECT 1 FROM contacts WHERE name = %s", (name,)).fetchone() is not None


def last_of(conn: Connection, incident: int, verb: str) -> dict[str, Any] | None:
    """Who took a step on an incident last, and when."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT actor, at FROM changes WHERE incident = %s AND verb = %s ORDER BY seq DESC LIMIT 1",
            (incident, verb),
        ).fetchone()


def said_since(conn: Connection, incident: int, after: int, actor: str, note: str) -> datetime | None:
    """When somebody wrote this note after a change of the site; None: not yet."""
    row = conn.execute(
        "SELECT min(at) FROM changes WHERE incident = %s AND seq > %s AND actor = %s AND verb = 'note' AND note = %s",
        (incident, after, actor, note),
    ).fetchone()
    return None if row is None else row[0]


def notes_of(conn: Connection, incident: int, limit: int) -> list[dict[str, Any]]:
    """What was written down about an incident, the newest first."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT at, actor, verb, note FROM changes WHERE incident = %s AND note IS NOT NULL ORDER BY seq DESC LIMIT %s",
            (incident, limit),
        ).fetchall()


def place_names(conn: Connection, site: str, grid: str | None) -> tuple[str, str | None, str]:
    """A site's name, a grid's name and the site's time zone, for people to read."""
    row = conn.execute(
        "SELECT sites.name, grids.name, timezone FROM sites LEFT JOIN grids ON grids.site = sites.site AND grid = %s"
        " WHERE sites.site = %s",
        (grid, site),
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]
