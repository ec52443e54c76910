"""Batteries and clocks, acted on: told once as a quiet incident, which ends when the device is well again.

What is decided is in alerts/ailments.py.
"""

from datetime import datetime

from psycopg import Connection

from alerts import ailments, supervision
from alerts.ailments import AILMENTS, OVER, Found
from alerts.raising import raise_incident, settle
from alerts.rules import Rules
from alerts.silences import surroundings, watched
from store import supervision as rows
from store.connect import settled
from store.records import Incident


def tend(conn: Connection, rules: Rules, now: datetime) -> None:
    """Tell of devices that ail, and settle what is over; each in a transaction of its own."""
    devices = watched(conn)
    conn.rollback()
    _tell(conn, rules, ailments.to_tell(devices, rules.supervision), now)
    for one in ailments.to_forget(devices, rules.supervision):
        settled(
            conn,
            lambda one=one: rows.forget_warning(conn, one.ailment, one.device.site, one.device.device),  # type: ignore[misc]
        )
    known = {(one.site, one.device): one for one in devices}
    for ailment in AILMENTS:
        still_open = rows.open_warnings(conn, ailment)
        conn.rollback()
        for incident in still_open:
            if ailments.well(known.get((incident.site, incident.device or "")), ailment, rules.supervision):
                settled(
                    conn,
                    lambda one=incident, of=ailment: settle(conn, rules, one.id, OVER[of], now, count=one.count),  # type: ignore[misc]
                )


def _tell(conn: Connection, rules: Rules, found: list[Found], now: datetime) -> None:
    if not found:
        return
    places, current = surroundings(conn, now)
    conn.rollback()
    for one in found:
        if supervision.in_window(one.device, "maintenance", current, places, now):
            continue
        drill = supervision.in_window(one.device, "drill", current, places, now)
        opening = ailments.opening_of(one, now, drill=drill)
        settled(conn, lambda one=one, new=opening: _tell_one(conn, rules, one, new))  # type: ignore[misc]


def _tell_one(conn: Connection, rules: Rules, found: Found, opening: Incident) -> None:
    if rows.claim_warning(conn, found.ailment, opening.site, found.device.device):
        raise_incident(conn, rules, opening)
