"""Presses, cancels and tests: each stored exactly once by (site, device, id, action), in a plain table."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import orjson
from psycopg import Connection
from psycopg.rows import class_row

from devices.messages import Action, Alarm

AlarmKey = tuple[str, str, str, str]
"""site, device, id, action"""


class StoredPress(msgspec.Struct, frozen=True):
    """A press as stored: when it arrived, its incident, and when it was cancelled, if it was."""

    received_at: datetime
    incident: int | None
    cancelled_at: datetime | None


def key(alarm: Alarm, action: Action | None = None) -> AlarmKey:
    """What makes two copies of an alarm the same thing; with `action`, of the press or cancel that belongs to it."""
    return (alarm.site, alarm.device, alarm.id, action or alarm.action)


def insert(conn: Connection, alarms: Sequence[tuple[Alarm, datetime]]) -> dict[AlarmKey, datetime | None]:
    """Store alarms with their arrival; the keys of those that were not stored before.

    With a press goes when its cancel arrived, if that is stored, be it by these.
    """
    fresh: dict[AlarmKey, datetime | None] = {}
    with conn.cursor() as cur:
        cur.executemany(_INSERT, [_row(alarm, at) for alarm, at in sorted(alarms, key=_order)], returning=True)
        for result in cur.results():
            for site, device, id_, action, cancel in result:
                fresh[site, device, id_, action] = cancel
    return fresh


# A row each, all of them in one pipeline: a press that comes alone, as most do, waits a third of what a set of arrays takes.
# In order of their keys, so that its cancel, if it is in the same batch, is found there already.
_INSERT = """
INSERT INTO alarms (site, device, id, action, ts, received_at, faults, attrs)
VALUES (%s, %s, %s, %s, %s, %s, %s::text[], %s::jsonb) ON CONFLICT DO NOTHING
RETURNING site, device, id, action, (
    SELECT cancel.received_at FROM alarms AS cancel WHERE alarms.action = 'press' AND cancel.action = 'cancel'
        AND (cancel.site, cancel.device, cancel.id) = (alarms.site, alarms.device, alarms.id))
"""


def _order(stored: tuple[Alarm, datetime]) -> AlarmKey:
    return key(stored[0])


def _row(alarm: Alarm, received_at: datetime) -> tuple[str | datetime | list[str] | None, ...]:
    attrs = None if alarm.attrs is None else orjson.dumps(alarm.attrs).decode()
    return (*key(alarm), alarm.ts, received_at, list(alarm.faults), attrs)


def link(conn: Connection, links: Sequence[tuple[AlarmKey, int, datetime | None]]) -> None:
    """Say of each press which incident it opened or joined, and when it had been cancelled if that was before it came."""
    conn.cursor().executemany(
        "UPDATE alarms SET incident = %s, cancelled_at = %s WHERE site = %s AND device = %s AND id = %s AND action = %s",
        [(incident, cancelled_at, *press) for press, incident, cancelled_at in links],
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
