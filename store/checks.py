"""Presses and what became of them, button by button, and proposals that somebody look at a button."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec
import orjson
from psycopg import Connection
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

_COLUMNS = "id, site, device, reason, figures, proposed_at, done_at, done_by, note"


class StoredPress(msgspec.Struct, frozen=True, kw_only=True):
    """A press of a button, and what became of it."""

    site: str
    device: str
    received_at: datetime
    cancelled: bool
    outcome: str | None


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """A button with its battery, its site's time zone, and when it was last looked at for each reason."""

    site: str
    device: str
    timezone: str
    battery: float | None
    looked_at: dict[str, datetime]


def presses(conn: Connection, since: datetime, sites: Collection[str] | None = None) -> list[StoredPress]:
    """Presses of registered buttons since then, but for exercises; of all sites when None is given."""
    with conn.cursor(row_factory=class_row(StoredPress)) as cur:
        return cur.execute(
            "SELECT a.site, a.device, a.received_at, a.cancelled_at IS NOT NULL AS cancelled,"
            " CASE WHEN i.state IN ('resolved', 'closed') THEN i.outcome END AS outcome"
            " FROM alarms AS a JOIN devices AS d ON d.site = a.site AND d.device = a.device"
            " LEFT JOIN incidents AS i ON i.id = a.incident"
            " WHERE a.action = 'press' AND a.received_at >= %(since)s AND d.kind = 'button' AND d.registered"
            " AND NOT coalesce(i.drill OR i.outcome = 'drill', false)"
            " AND (%(sites)s::text[] IS NULL OR a.site = ANY(%(sites)s))"
            " ORDER BY a.site, a.device, a.received_at, a.id",
            {"since": since, "sites": None if sites is None else list(sites)},
        ).fetchall()


def buttons(conn: Connection) -> list[Button]:
    """Every registered button."""
    with conn.cursor(row_factory=dict_row) as cur:
        found = cur.execute(
            "SELECT d.site, d.device, timezone, battery,"
            " (SELECT coalesce(jsonb_object_agg(reason, done_at), '{}') FROM (SELECT reason, max(done_at) AS done_at"
            "  FROM device_checks AS c WHERE c.site = d.site AND c.device = d.device AND done_at IS NOT NULL"
            "  GROUP BY reason) AS done) AS looked_at"
            " FROM devices AS d JOIN sites USING (site) LEFT JOIN device_states AS s ON s.site = d.site AND s.device = d.device"
            " WHERE d.kind = 'button' AND d.registered ORDER BY d.site, d.device"
        ).fetchall()
    return [msgspec.convert(row, Button) for row in found]


def propose(conn: Connection, site: str, device: str, reason: str, figures: dict[str, Any], now: datetime) -> None:
    """Propose that somebody look at a button; a proposal that waits gets the new figures."""
    conn.execute(
        "INSERT INTO device_checks (site, device, reason, figures, proposed_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (site, device, reason) WHERE done_at IS NULL DO UPDATE SET figures = excluded.figures",
        (site, device, reason, Jsonb(figures, dumps=orjson.dumps), now),
    )


def of_sites(conn: Connection, sites: Collection[str], *, before: int | None, limit: int) -> list[dict[str, Any]]:
    """Proposals of these sites, newest first; `before` is the id of the last one seen."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM device_checks WHERE site = ANY(%(sites)s)"
            " AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
            {"sites": list(sites), "before": before, "limit": limit},
        ).fetchall()


def by_id(conn: Connection, check: int, sites: Collection[str]) -> dict[str, Any] | None:
    """A proposal of one of these sites."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM device_checks WHERE id = %s AND site = ANY(%s)", (check, list(sites))
        ).fetchone()


def finish(conn: Connection, check: int, sites: Collection[str], by: str, note: str, now: datetime) -> bool:
    """Note that somebody looked, and what they found; whether it waited until now."""
    return (
        conn.execute(
            "UPDATE device_checks SET done_at = %s, done_by = %s, note = %s"
            " WHERE id = %s AND site = ANY(%s) AND done_at IS NULL",
            (now, by, note, check, list(sites)),
        ).rowcount
        == 1
    )
