"""Handovers of shifts: what a sheet is made of, the sheets as they were signed, and the claims that moved with them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import orjson
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from store.incidents import IS_UNRESOLVED, SELECT_INCIDENT, incident_row
from store.records import Incident

NOTES = 200  # at most so many on a sheet, the newest


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that who goes has signed; `accepted_at` is when who comes did, `moved` the incidents that moved with it."""

    id: int
    site: str
    from_name: str
    to_name: str
    note: str | None
    signed_at: datetime
    accepted_at: datetime | None
    moved: list[int]
    sheet: dict[str, Any]


_SELECT = """SELECT h.id, site, from_name, to_name, note, signed_at, accepted_at,
       ARRAY(SELECT incident FROM handover_moves AS m WHERE m.handover = h.id ORDER BY incident) AS moved, sheet
FROM handovers AS h LEFT JOIN handover_acceptances AS a ON a.handover = h.id"""


def unresolved(conn: Connection, site: str) -> list[Incident]:
    """Every incident of a site that is not resolved, the oldest first."""
    with conn.cursor(row_factory=incident_row) as cur:
        return cur.execute(
            f"{SELECT_INCIDENT} WHERE site = %s AND {IS_UNRESOLVED} ORDER BY opened_at, id",
            (site,),
        ).fetchall()


def devices(conn: Connection, site: str) -> list[dict[str, Any]]:
    """The registered devices of a site and how they are."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT device, kind, name, grid, coalesce(state, 'unknown') AS state, state_since AS since, last_seen,"
            " last_proven FROM devices LEFT JOIN device_states USING (site, device) WHERE site = %s AND registered"
            " ORDER BY device",
            (site,),
        ).fetchall()


def notes(conn: Connection, site: str) -> list[dict[str, Any]]:
    """What people wrote down on incidents that are not resolved, the newest first."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT i.id::text AS incident, i.title, c.at, c.actor, c.note FROM incidents AS i"
            " JOIN changes AS c ON c.incident = i.id WHERE i.site = %s"
            f" AND i.{IS_UNRESOLVED} AND c.note IS NOT NULL"
            " AND c.actor <> 'system' AND c.actor NOT LIKE 'device:%%' ORDER BY c.seq DESC LIMIT %s",
            (site, NOTES),
        ).fetchall()


def put(
    conn: Connection, site: str, from_name: str, to_name: str, note: str | None, sheet: dict[str, Any], now: datetime
) -> int:
    """Store a sheet as it is signed; its number."""
    text = orjson.dumps(sheet, option=orjson.OPT_UTC_Z).decode()
    row = conn.execute(
        "INSERT INTO handovers (site, from_name, to_name, note, sheet, signed_at)"
        " VALUES (%s, %s, %s, %s, %s::json, %s) RETURNING id",
        (site, from_name, to_name, note, text, now),
    ).fetchone()
    assert row is not None
    return int(row[0])


def find(conn: Connection, handover: int) -> Signed | None:
    """One handover."""
    with conn.cursor(row_factory=class_row(Signed)) as cur:
        return cur.execute(f"{_SELECT} WHERE h.id = %s", (handover,)).fetchone()


def of_sites(conn: Connection, sites: Collection[str], before: int | None, limit: int) -> list[Signed]:
    """The handovers of these sites, the newest first."""
    with conn.cursor(row_factory=class_row(Signed)) as cur:
        return cur.execute(
            f"{_SELECT} WHERE site = ANY(%s) AND (%s::bigint IS NULL OR h.id < %s) ORDER BY h.id DESC LIMIT %s",
            (list(sites), before, before, limit),
        ).fetchall()


def accept(conn: Connection, handover: int, now: datetime) -> bool:
    """Let who comes sign; whether it was not signed before. Of two at once, the second waits for the first."""
    row = conn.execute(
        "INSERT INTO handover_acceptances (handover, accepted_at) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING 1",
        (handover, now),
    ).fetchone()
    return row is not None


def note_moves(conn: Connection, handover: int, incidents: Sequence[int]) -> None:
    """Note which claims moved with a handover."""
    conn.execute("INSERT INTO handover_moves SELECT %s, unnest(%s::bigint[])", (handover, list(incidents)))
