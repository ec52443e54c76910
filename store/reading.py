"""What is shown to people: the picture of their sites, lists of incidents and events, and the snapshot a live feed begins with.

Every function is given the sites of who asks and reads nothing of others. Lists are newest first and go on from a cursor,
the position of the last item, so that new arrivals neither repeat nor hide anything.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row

from store import feed
from store.incidents import SELECT_INCIDENT, incident_row
from store.records import Incident

PAGE = 200

_DEVICE = """SELECT d.site, d.device, d.kind, d.name, d.grid, d.lat, d.lon, d.bearing, d.fov, d.range, d.registered, d.via,
       d.native, coalesce(s.state, 'unknown') AS state, s.last_seen, s.last_proven, s.battery
FROM devices AS d LEFT JOIN device_states AS s USING (site, device)"""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents are asked for; None asks for all. `grid` stands for those below it too."""

    states: tuple[str, ...] | None = None
    grid: str | None = None
    kind: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    before: int | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """A site at the moment of its change number `seq`: what is not closed, and its devices in wire form."""

    site: str
    seq: int
    incidents: list[Incident]
    devices: list[dict[str, Any]]


def sites(conn: Connection, of: Collection[str]) -> list[dict[str, Any]]:
    """These sites, by name in topics."""
    return _dicts(
        conn,
        "SELECT site, name, timezone, lat, lon, invented FROM sites WHERE site = ANY(%(sites)s) ORDER BY site",
        {"sites": list(of)},
    )


def grids(conn: Connection, of: Collection[str]) -> list[dict[str, Any]]:
    """The grids of these sites with their polygons (GeoJSON)."""
    return _dicts(
        conn,
        "SELECT site, grid, parent, name, officer, geometry FROM grids WHERE site = ANY(%(sites)s) ORDER BY site, grid",
        {"sites": list(of)},
    )


def devices(conn: Connection, of: Collection[str]) -> list[dict[str, Any]]:
    """The devices of these sites and how they are."""
    return _dicts(conn, f"{_DEVICE} WHERE d.site = ANY(%(sites)s) ORDER BY d.site, d.device", {"sites": list(of)})


def device(conn: Connection, site: str, name: str) -> dict[str, Any] | None:
    """One device and how it is."""
    found = _dicts(conn, f"{_DEVICE} WHERE d.site = %(site)s AND d.device = %(name)s", {"site": site, "name": name})
    return found[0] if found else None


def device_states(conn: Connection) -> dict[tuple[str, str], str]:
    """How every device of every site is, by (site, device)."""
    rows = conn.execute(
        "SELECT site, device, coalesce(state, 'unknown') FROM devices LEFT JOIN device_states USING (site, device)"
    )
    return {(site, name): state for site, name, state in rows}


def incidents(conn: Connection, of: Collection[str], asked: Asked, limit: int = PAGE) -> list[Incident]:
    """Incidents of these sites, newest first; `asked.before` is the id of the last one seen."""
    wanted = ["site = ANY(%(sites)s)"]
    if asked.states is not None:
        wanted.append("state = ANY(%(states)s)")
    if asked.grid is not None:
        wanted.append(
            "(site, grid) IN (WITH RECURSIVE below AS ("
            "SELECT site, grid FROM grids WHERE grid = %(grid)s UNION"
            " SELECT child.site, child.grid FROM grids AS child JOIN below"
            " ON child.site = below.site AND child.parent = below.grid) SELECT site, grid FROM below)"
        )
    if asked.kind is not None:
        wanted.append("kind = %(kind)s")
    if asked.opened_from is not None:
        wanted.append("opened_at >= %(opened_from)s")
    if asked.opened_to is not None:
        wanted.append("opened_at < %(opened_to)s")
    if asked.before is not None:
        wanted.append("id < %(before)s")
    parameters = msgspec.structs.asdict(asked) | {"sites": list(of), "limit": limit}
    parameters["states"] = list(asked.states or ())
    with conn.cursor(row_factory=incident_row) as cur:
        return cur.execute(
            f"{SELECT_INCIDENT} WHERE {' AND '.join(wanted)} ORDER BY id DESC LIMIT %(limit)s", parameters
        ).fetchall()


def timeline(conn: Connection, incident: int) -> list[dict[str, Any]]:
    """What happened to an incident, in order: number, time, who, what, and what was said."""
    return _dicts(
        conn, "SELECT seq, at, actor, verb, note FROM changes WHERE incident = %(id)s ORDER BY seq", {"id": incident}
    )


# a fault of an alarm that did not matter is shown with it, among its attrs
_ALARM = """SELECT site, device, id, action AS kind, 'instant' AS phase, NULL::text AS track, NULL::real AS confidence, ts,
       received_at, incident::text AS incident,
       CASE WHEN faults = '{}' THEN attrs ELSE coalesce(attrs, '{}') || jsonb_build_object('faults', to_jsonb(faults)) END
           AS attrs
FROM alarms"""
_EVENT = """SELECT site, device, id, kind, phase, track, confidence, ts, received_at, incident::text AS incident, attrs
FROM events"""
_POSITION = "received_at, site, device, id, kind"


def events_of_incident(conn: Connection, incident: Incident, limit: int = 1000) -> list[dict[str, Any]]:
    """The alarms and events of an incident in order of arrival, at most `limit` of each."""
    parameters = {"id": incident.id, "opened_at": incident.opened_at, "last": incident.last_event_at, "limit": limit}
    # the times let TimescaleDB leave out the chunks that can't hold any; an end comes after the last that counted
    return _dicts(
        conn,
        f"SELECT * FROM ({_ALARM} WHERE incident = %(id)s ORDER BY received_at LIMIT %(limit)s) AS alarm"
        f" UNION ALL SELECT * FROM ({_EVENT} WHERE incident = %(id)s"
        " AND received_at BETWEEN %(opened_at)s - interval '1 day' AND %(last)s + interval '1 day'"
        f" ORDER BY received_at LIMIT %(limit)s) AS event ORDER BY {_POSITION}",
        parameters,
    )


def contributions(conn: Connection, incident: Incident) -> list[dict[str, Any]]:
    """What each device contributed to an incident, by device and kind, in order of arrival: how often, from when to when.

    A device that fell silent contributed no message; it stands here with none.
    """
    found = _dicts(
        conn,
        "SELECT device, kind, count(*) AS count, min(received_at) AS first_at, max(received_at) AS last_at FROM ("
        "SELECT device, 'press' AS kind, received_at FROM alarms WHERE incident = %(id)s AND action = 'press'"
        " UNION ALL SELECT device, kind, received_at FROM events WHERE incident = %(id)s"
        " AND received_at BETWEEN %(opened_at)s - interval '1 day' AND %(last)s + interval '1 day') AS said"
        " GROUP BY device, kind ORDER BY first_at, device, kind",
        {"id": incident.id, "opened_at": incident.opened_at, "last": incident.last_event_at},
    )
    said = {one["device"] for one in found}
    silent = [device for device in incident.devices if device not in said]
    return found + [
        {"device": device, "kind": incident.kind, "count": 0, "first_at": None, "last_at": None} for device in silent
    ]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are asked for: of one device or all, by arrival; `before` is the position of the last one seen."""

    device: str | None = None
    arrived_from: datetime | None = None
    arrived_to: datetime | None = None
    before: tuple[datetime, str, str, str, str] | None = None


def position(event: dict[str, Any]) -> tuple[datetime, str, str, str, str]:
    """Where an event stands in the order of the list."""
    return (event["received_at"], event["site"], event["device"], event["id"], event["kind"])


def events(conn: Connection, of: Collection[str], window: Window, limit: int = PAGE) -> list[dict[str, Any]]:
    """Events and alarms of these sites, newest first.

    Events are asked for device by device, which the index answers in order: a quiet site's newest events are found without
    reading through a busy one's.
    """
    of_alarms, of_events = _conditions(window, kind="action"), _conditions(window, kind="kind")
    order = "received_at DESC, site DESC, device DESC, id DESC, kind DESC"
    whose = "SELECT site, device FROM devices WHERE site = ANY(%(sites)s)"
    if window.device is not None:
        whose = "SELECT site, %(device)s AS device FROM unnest(%(sites)s::text[]) AS of (site)"
    newest = f"ORDER BY {order} LIMIT %(limit)s"
    return _dicts(
        conn,
        f"SELECT * FROM ({_ALARM} WHERE site = ANY(%(sites)s) {of_alarms} {newest}) AS alarm"
        f" UNION ALL SELECT event.* FROM ({whose}) AS whose, LATERAL ({_EVENT}"
        f" WHERE site = whose.site AND device = whose.device {of_events} {newest}) AS event"
        f" {newest}",
        {
            "sites": list(of),
            "device": window.device,
            "arrived_from": window.arrived_from,
            "arrived_to": window.arrived_to,
            "limit": limit,
            **dict(zip(("at", "b_site", "b_device", "b_id", "b_kind"), window.before or [None] * 5, strict=True)),
        },
    )


def _conditions(window: Window, *, kind: str) -> str:
    wanted = ""
    if window.device is not None:
        wanted += " AND device = %(device)s"
    if window.arrived_from is not None:
        wanted += " AND received_at >= %(arrived_from)s"
    if window.arrived_to is not None:
        wanted += " AND received_at < %(arrived_to)s"
    if window.before is not None:
        # the first of the two is what the index understands
        wanted += f""" AND received_at <= %(at)s AND (received_at, site, device, id, {kind})
            < (%(at)s, %(b_site)s, %(b_device)s, %(b_id)s, %(b_kind)s)"""
    return wanted


def rejects(
    conn: Connection, of: Collection[str], *, nobodys: bool, before: int | None, limit: int = PAGE
) -> list[dict[str, Any]]:
    """What was refused at these sites, newest first; with `nobodys` also what no site could be read from."""
    return _dicts(
        conn,
        "SELECT id, site, device, topic, reason, payload, size, received_at FROM rejects"
        " WHERE (site = ANY(%(sites)s) OR (%(nobodys)s AND (site IS NULL OR NOT site IN (SELECT site FROM sites))))"
        " AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"sites": list(of), "nobodys": nobodys, "before": before, "limit": limit},
    )


def snapshot(conn: Connection, site: str) -> Snapshot | None:
    """A site as of one moment; None when there is no such site. The connection must not be inside a transaction."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        seq = feed.heads(conn, [site]).get(site)
        if seq is None:
            return None
        with conn.cursor(row_factory=incident_row) as cur:
            live = cur.execute(
                f"{SELECT_INCIDENT} WHERE site = %s AND state <> 'closed' ORDER BY id", (site,)
            ).fetchall()
        return Snapshot(site, seq, live, devices(conn, [site]))


class Counts(msgspec.Struct, frozen=True):
    """Figures for the metrics, cheap to read."""

    incidents: dict[tuple[str, str, str], int]
    rejects: int
    heads: dict[str, int]


def counts(conn: Connection) -> Counts:
    """Incidents not closed by (site, priority, state), rejects ever kept, and the newest change of each site."""
    rows: Sequence[tuple[str, str, str, int]] = conn.execute(
        "SELECT site, priority, state, count(*) FROM incidents WHERE state <> 'closed' GROUP BY 1, 2, 3"
    ).fetchall()
    kept = conn.execute("SELECT coalesce(pg_sequence_last_value('rejects_id_seq'::regclass), 0)").fetchone()
    assert kept is not None
    return Counts({(site, priority, state): n for site, priority, state, n in rows}, int(kept[0]), feed.heads(conn))


def _dicts(conn: Connection, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(query, parameters).fetchall()
