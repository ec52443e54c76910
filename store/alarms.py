"""Presses, cancels and tests: each stored exactly once by (site, device, id, action), in a plain table."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import orjson
from psycopg import Connection
from psycopg.rows import class_row

from devices.messages import Alarm

AlarmKey = tuple[str, str, str, str]
"""site, device, id, action"""


class StoredPress(msgspec.Struct, frozen=True):
    """A press as stored: when it arrived, its incident, and when it was cancelled, if it was."""

    received_at: datetime
    incident: int | None
    cancelled_at: datetime | None


def key(alarm: Alarm) -> AlarmKey:
    """What makes two copies of an alarm the same thing."""
    return (alarm.site, alarm.device, alarm.id, alarm.action)


def insert(conn: Connection, alarms: Sequence[tuple[Alarm, datetime]]) -> set[AlarmKey]:
    """Store alarms with their arrival; the keys of those that were not stored before."""
    columns = list(zip(*(_row(alarm, received_at) for alarm, received_at in sorted(alarms, key=_order)), strict=True))
    rows = conn.execute(
        "INSERT INTO alarms (site, device, id, action, ts, received_at, faults, attrs)"
        " SELECT site, device, id, action, ts, received_at, ARRAY(SELECT jsonb_array_elements_text(faults)), attrs"
        " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::jsonb[],"
        " %s::jsonb[]) AS new (site, device, id, action, ts, received_at, faults, attrs)"
        " ON CONFLICT DO NOTHING RETURNING site, device, id, action",
        [list(column) for column in columns],
    ).fetchall()
    return {(site, device, id_, action) for site, device, id_, action in rows}


def _order(stored: tuple[Alarm, datetime]) -> AlarmKey:
    return key(stored[0])


def _row(alarm: Alarm, received_at: datetime) -> tuple[str | datetime | None, ...]:
    attrs = None if alarm.attrs is None else orjson.dumps(alarm.attrs).decode()
    faults = orjson.dumps(alarm.faults).decode()
    return (*key(alarm), alarm.ts, received_at, faults, attrs)


def link(conn: Connection, press: AlarmKey, incident: int, cancelled_at: datetime | None) -> None:
    """Say which incident a press opened or joined, and whether it had been cancelled before it came."""
    conn.execute(
        "UPDATE alarms SET incident = %s, cancelled_at = %s WHERE site = %s AND device = %s AND id = %s AND action = %s",
        (incident, cancelled_at, *press),
    )


def stored_press(conn: Connection, site: str, device: str, alarm_id: str, action: str = "press") -> StoredPress | None:
    """The stored press (or cancel, or test) of this id; None when it has not arrived."""
    with conn.cursor(row_factory=class_row(StoredPress)) as cur:
        return cur.execute(
            "SELECT received_at, incident, cancelled_at FROM alarms"
            " WHERE site = %s AND device = %s AND id = %s AND action = %s",
            (site, device, alarm_id, action),
        ).fetchone()


def mark_cancelled(conn: Connection, site: str, device: str, alarm_id: str, at: datetime) -> None:
    """Mark a stored press as cancelled by its resident."""
    conn.execute(
        "UPDATE alarms SET cancelled_at = %s WHERE site = %s AND device = %s AND id = %s AND action = 'press'",
        (at, site, device, alarm_id),
    )


def uncancelled(conn: Connection, incident: int) -> int:
    """How many presses of the incident stand, that is, were not cancelled."""
    row = conn.execute(
        "SELECT count(*) FROM alarms WHERE incident = %s AND action = 'press' AND cancelled_at IS NULL", (incident,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def presses_of(conn: Connection, incidents: Sequence[int]) -> dict[int, list[tuple[str, str, str]]]:
    """(site, device, id) of every press of each of the incidents, in order of arrival."""
    found: dict[int, list[tuple[str, str, str]]] = {}
    rows = conn.execute(
        "SELECT incident, site, device, id FROM alarms WHERE incident = ANY(%s) AND action = 'press' ORDER BY received_at",
        (list(incidents),),
    )
    for incident, *press in rows:
        found.setdefault(incident, []).append((press[0], press[1], press[2]))
    return found


def recent_presses(conn: Connection) -> list[tuple[str, str, str, datetime]]:
    """(site, device, id, received_at) of the presses of the last minute: what a restarted ingester must not take twice."""
    return conn.execute(
        "SELECT site, device, id, received_at FROM alarms"
        " WHERE action = 'press' AND received_at > clock_timestamp() - interval '1 minute' ORDER BY received_at"
    ).fetchall()
