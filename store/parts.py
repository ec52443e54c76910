"""Which parts are at work: each beats a row, so that others can tell silence of a part from silence of a device."""

from datetime import datetime

import msgspec
from psycopg import Connection
from psycopg.rows import class_row


class Part(msgspec.Struct, frozen=True):
    """One running part; `ready_since` is None while it can't do its work."""

    part: str
    instance: str
    started_at: datetime
    ready_since: datetime | None
    beat_at: datetime
    registry_version: int


def beat(
    conn: Connection,
    part: str,
    instance: str,
    *,
    started_at: datetime,
    ready_since: datetime | None,
    registry_version: int = 0,
) -> None:
    """Say that this instance lives (the database's clock); rows of its kind silent for a day are swept."""
    conn.execute(
        "INSERT INTO parts (part, instance, started_at, ready_since, beat_at, registry_version)"
        " VALUES (%s, %s, %s, %s, clock_timestamp(), %s)"
        " ON CONFLICT (part, instance) DO UPDATE SET ready_since = excluded.ready_since,"
        " beat_at = excluded.beat_at, registry_version = excluded.registry_version",
        (part, instance, started_at, ready_since, registry_version),
    )
    conn.execute("DELETE FROM parts WHERE part = %s AND beat_at < clock_timestamp() - interval '1 day'", (part,))


def list_parts(conn: Connection) -> list[Part]:
    """All parts that have ever beaten and were not swept, newest beat first."""
    with conn.cursor(row_factory=class_row(Part)) as cur:
        return cur.execute(
            "SELECT part, instance, started_at, ready_since, beat_at, registry_version FROM parts ORDER BY beat_at DESC"
        ).fetchall()


def behind(conn: Connection, part: str, version: int, *, within: float = 5.0) -> int:
    """How many instances of a part beat in the last `within` seconds and do not yet have this version of the registry."""
    row = conn.execute(
        "SELECT count(*) FROM parts WHERE part = %s AND registry_version < %s"
        " AND beat_at > clock_timestamp() - make_interval(secs => %s)",
        (part, version, within),
    ).fetchone()
    assert row is not None
    return int(row[0])
