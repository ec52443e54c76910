"""What supervision reads and writes: devices seen alive, who listens to them, and the incidents of their silence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row


def watched(conn: Connection) -> list[dict[str, Any]]:
    """Every device ever seen alive, with its place, expectation and state."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT site, device, kind, name, grid, address, lat, lon, expect, via, prefix, registered, state,"
            " state_since, last_seen, silent_since, silence_told FROM device_states JOIN devices USING (site, device)"
            " WHERE last_seen IS NOT NULL ORDER BY site, device"
        ).fetchall()


def listening(conn: Connection) -> tuple[datetime | None, datetime | None]:
    """Of the ingest that beat last: since when it is ready, and when it beat."""
    row = conn.execute(
        "SELECT ready_since, beat_at FROM parts WHERE part = 'ingest' ORDER BY beat_at DESC LIMIT 1"
    ).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def mark_silent(conn: Connection, site: str, device: str, last_seen: datetime, now: datetime) -> bool:
    """Call a device offline unless it has spoken since `last_seen`, or another engine was faster; whether it was done."""
    return (
        conn.execute(
            "UPDATE device_states SET state = 'offline', silent_since = %s,"
            " state_since = CASE WHEN state = 'offline' THEN state_since ELSE %s END"
            " WHERE (site, device) IN (SELECT site, device FROM device_states WHERE site = %s AND device = %s"
            " AND last_seen = %s AND silent_since IS NULL FOR UPDATE SKIP LOCKED)",
            (now, now, site, device, last_seen),
        ).rowcount
        == 1
    )


def claim_told(conn: Connection, site: str, devices: Sequence[str]) -> set[str]:
    """Take silent devices that are to be told now; those another engine took, or that have spoken, are left out."""
    rows = conn.execute(
        "UPDATE device_states SET silence_told = true WHERE (site, device) IN"
        " (SELECT site, device FROM device_states WHERE site = %s AND device = ANY(%s) AND state = 'offline'"
        " AND silent_since IS NOT NULL AND NOT silence_told ORDER BY site, device FOR UPDATE SKIP LOCKED)"
        " RETURNING device",
        (site, sorted(devices)),
    ).fetchall()
    return {device for (device,) in rows}


def open_offline(conn: Connection) -> list[int]:
    """Ids of unresolved incidents of silence, but for those that a person opened again: they end by a person."""
    rows = conn.execute(
        "SELECT id FROM incidents WHERE kind = 'offline' AND state IN ('open', 'acknowledged', 'dispatched')"
        " AND 'reopen' IS DISTINCT FROM (SELECT verb FROM changes WHERE incident = incidents.id"
        " AND verb IN ('open', 'repeat', 'reopen') ORDER BY seq DESC LIMIT 1) ORDER BY id"
    ).fetchall()
    return [incident for (incident,) in rows]


def outage_open(conn: Connection, site: str, join_key: str) -> bool:
    """Whether the site has an unresolved outage."""
    row = conn.execute(
        "SELECT 1 FROM incidents WHERE site = %s AND join_key = %s AND state IN ('open', 'acknowledged', 'dispatched')",
        (site, join_key),
    ).fetchone()
    return row is not None


def told_offline(conn: Connection, site: str) -> int:
    """How many devices of the site are offline and told of."""
    row = conn.execute(
        "SELECT count(*) FROM device_states WHERE site = %s AND state = 'offline' AND silence_told", (site,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def told_back(conn: Connection, incident: int) -> bool:
    """Whether the incident's timeline already says, after its last (re)opening, that its cause is over."""
    row = conn.execute(
        "SELECT verb FROM changes WHERE incident = %s AND actor = 'system' AND verb IN ('open', 'repeat', 'note')"
        " ORDER BY seq DESC LIMIT 1",
        (incident,),
    ).fetchone()
    return row is not None and row[0] == "note"
