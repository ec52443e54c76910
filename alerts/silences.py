"""Devices' silence, acted on: those that fell silent are marked, told as incidents, and settled when they are back.

What is decided is in alerts/supervision.py and, of what many have in common, in alerts/outages.py.
"""

from datetime import datetime, timedelta

import msgspec
from psycopg import Connection

from alerts import outages, supervision
from alerts.outages import Telling
from alerts.raising import heal, raise_incident, settle
from alerts.rules import Rules
from alerts.supervision import Listening, Places, Watched
from alerts.windows import Windows
from store import incidents, windows
from store import supervision as rows
from store.connect import settled
from store.records import UNRESOLVED, Incident

BACK = "设备已恢复在线"


def watch(conn: Connection, rules: Rules, start_grace: timedelta, now: datetime) -> None:
    """Find what is silent at `now`, tell of it, and settle what is over; each in a transaction of its own."""
    listening = Listening(*rows.listening(conn)).since(now)
    devices = watched(conn)
    conn.rollback()
    if listening is not None:
        silent = supervision.silent(devices, rules.supervision, listening, start_grace, now)
        for device in silent:
            settled(conn, lambda one=device: _mark(conn, one, now))  # type: ignore[misc]
        if silent:
            devices = watched(conn)  # with those just found: they may make an outage of what has settled
            conn.rollback()
        _tell(conn, rules, devices, now)
    _settle(conn, rules, now)


def watched(conn: Connection) -> list[Watched]:
    """Every device that was seen alive, as it is now."""
    return [msgspec.convert(row, Watched) for row in rows.watched(conn)]


def surroundings(conn: Connection, now: datetime) -> tuple[Places, Windows]:
    """What grids lie where, and the windows that run at `now` or are to come."""
    return Places(*rows.places(conn)), windows.current(conn, now)


def _mark(conn: Connection, device: Watched, now: datetime) -> None:
    rows.mark_silent(conn, device.site, device.device, device.last_seen, now)


def _tell(conn: Connection, rules: Rules, devices: list[Watched], now: datetime) -> None:
    of_sites = {one.site for one in supervision.waiting(devices) if supervision.settled(one, rules.supervision, now)}
    if not of_sites:
        return
    places, current = surroundings(conn, now)
    still_open = {site: rows.open_outages(conn, site) for site in of_sites}
    conn.rollback()
    for site in sorted(of_sites):
        # what is maintained is expected to be away: it neither opens anything nor explains anything
        known = {
            one.device: one
            for one in devices
            if one.site == site and not supervision.in_window(one, "maintenance", current, places, now)
        }
        for telling in outages.to_tell(list(known.values()), places, still_open[site], rules.supervision, now):
            drill = all(supervision.in_window(one, "drill", current, places, now) for one in telling.devices)
            opening = outages.opening_of(telling, known, now, drill=drill)
            settled(conn, lambda one=telling, new=opening: _tell_one(conn, rules, one, new))  # type: ignore[misc]


def _tell_one(conn: Connection, rules: Rules, telling: Telling, opening: Incident) -> None:
    """Open or join the incident of what is told together; what another engine took, or has spoken since, is left out."""
    claimed = rows.claim_told(conn, opening.site, [one.device for one in telling.devices])
    if not claimed:
        return
    told = [one for one in telling.devices if one.device in claimed]
    if telling.cause is None:
        raise_incident(conn, rules, opening)
        return
    cause = telling.cause

    def with_all(stored: Incident) -> Incident:
        parts = tuple(dict.fromkeys((*stored.devices, *opening.devices)))
        return msgspec.structs.replace(stored, devices=parts, title=outages.title_of(cause, len(parts)))

    raise_incident(conn, rules, opening, with_all, note=outages.names_of(told))


def _settle(conn: Connection, rules: Rules, now: datetime) -> None:
    """What a wider outage has become the cause of goes into it, and what is over ends."""
    # the incidents first and then the devices: what an incident seen here tells of is then seen as told, too
    found = rows.open_offline(conn)
    devices = {(one.site, one.device): one for one in watched(conn)} if found else {}
    conn.rollback()
    away = {key for key, one in devices.items() if one.state == "offline"}
    for narrow, wide in outages.taken_over(found, away):
        settled(conn, lambda one=narrow.id, other=wide.id: _take_over(conn, rules, one, other, away, now))  # type: ignore[misc]
    for one in supervision.recovered(found, devices, rules.supervision, now):
        settled(conn, lambda one=one: settle(conn, rules, one.id, BACK, now, count=one.count))  # type: ignore[misc]


def _take_over(
    conn: Connection, rules: Rules, narrow_id: int, wide_id: int, away: set[tuple[str, str]], now: datetime
) -> None:
    held = incidents.lock_many(conn, [narrow_id, wide_id])
    open_ones = [one for one in held.values() if one.state in UNRESOLVED]
    for narrow, wide in outages.taken_over(open_ones, away):
        heal(conn, rules, narrow, f"并入警情 {wide.id}:{wide.title}", now)
