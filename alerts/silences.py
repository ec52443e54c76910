"""Devices' silence, acted on: those that fell silent are marked, told as incidents, and settled when they are back.

What is decided is in alerts/supervision.py.
"""

from datetime import datetime, timedelta

import msgspec
from psycopg import Connection

from alerts import lifecycle, openings, supervision
from alerts.rules import Rules
from alerts.steps import SYSTEM, take_as_system
from alerts.supervision import OUTAGE, Listening, Watched
from store import feed, incidents
from store import supervision as rows
from store.connect import settled
from store.records import UNRESOLVED, Change, Incident


def watch(conn: Connection, rules: Rules, start_grace: timedelta, now: datetime) -> None:
    """Find what is silent at `now`, tell of it, and settle what is over; each in a transaction of its own."""
    listening = Listening(*rows.listening(conn)).since(now)
    devices = _watched(conn)
    conn.rollback()
    if listening is not None:
        for device in supervision.silent(devices, rules.supervision, listening, start_grace, now):
            settled(conn, lambda one=device: _mark(conn, one, now))  # type: ignore[misc]
        devices = _watched(conn)  # with those just found: they may make an outage of what has settled
        conn.rollback()
        for site, due in supervision.to_tell(devices, rules.supervision, now).items():
            settled(conn, lambda site=site, due=due: _tell(conn, rules, site, due, now))  # type: ignore[misc]
    _recover(conn, rules, now)


def _tell(conn: Connection, rules: Rules, site: str, due: list[Watched], now: datetime) -> None:
    claimed = rows.claim_told(conn, site, [device.device for device in due])
    told = [device for device in due if device.device in claimed]
    outage_open = rows.outage_open(conn, site, OUTAGE)
    changes: list[Change] = []
    for opening in sorted(
        supervision.openings(told, rules.supervision, now, outage_open=outage_open), key=lambda one: one.join_key or ""
    ):
        joined = incidents.open_or_join(conn, opening)
        tell = openings.opened if joined.opened else openings.repeated
        change = tell(joined.incident)
        changes.append(_of_outage(conn, change, told) if opening.join_key == OUTAGE else change)
    if changes:
        feed.append(conn, changes)


def _of_outage(conn: Connection, change: Change, told: list[Watched]) -> Change:
    """An outage says how many devices it has by now, and which came to it."""
    title = supervision.outage_title(rows.told_offline(conn, change.incident.site))
    incident = msgspec.structs.replace(change.incident, title=title)
    incidents.save(conn, incident)
    return msgspec.structs.replace(change, incident=incident, note=supervision.names_of(told))


def _recover(conn: Connection, rules: Rules, now: datetime) -> None:
    # the incidents first and then the devices: what an incident seen here tells of is then seen as told, too
    ids = rows.open_offline(conn)
    if not ids:
        conn.rollback()
        return
    devices = _watched(conn)
    states = {(device.site, device.device): device.state for device in devices}
    offline: dict[str, int] = {}
    for device in devices:
        offline[device.site] = offline.get(device.site, 0) + (device.silence_told and device.state == "offline")
    found = [one for one in (incidents.by_id(conn, incident_id) for incident_id in ids) if one is not None]
    conn.rollback()
    for incident in supervision.recovered(found, states, offline):
        settled(conn, lambda one=incident.id: _recover_one(conn, rules, one, now))  # type: ignore[misc]


def _watched(conn: Connection) -> list[Watched]:
    return [msgspec.convert(row, Watched) for row in rows.watched(conn)]


def _mark(conn: Connection, device: Watched, now: datetime) -> None:
    rows.mark_silent(conn, device.site, device.device, device.last_seen, now)


def _recover_one(conn: Connection, rules: Rules, incident_id: int, now: datetime) -> None:
    incident = incidents.lock(conn, incident_id)
    if incident is not None:
        heal(conn, rules, incident, "设备已恢复在线", now)


def heal(conn: Connection, rules: Rules, incident: Incident, note: str, now: datetime) -> None:
    """The cause of an incident that this transaction holds is over: resolved if nobody owns it, else its owner is told once."""
    if incident.state not in UNRESOLVED:
        return
    if incident.owner is not None:
        if not rows.told_back(conn, incident.id):
            feed.append(conn, [Change(incident=incident, actor=SYSTEM, verb="note", note=note)])
        return
    step = lifecycle.Step(verb="resolve", version=incident.version, outcome="real")
    take_as_system(conn, rules, incident, step, note, now)
