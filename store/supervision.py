"""What supervision reads and writes: devices seen alive, who listens to them, and the incidents of their silence."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import dict_row

from store.incidents import IS_UNRESOLVED, NOT_REOPENED, SELECT_INCIDENT, incident_row
from store.records import Incident


def watched(conn: Connection) -> list[dict[str, Any]]:
    """Every device of people's sites that was ever seen alive, with its place, expectation and state."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT site, device, kind, devices.name, grid, address, devices.lat, devices.lon, expect, via, prefix,"
            " registered, state, state_since, last_seen, silent_since, silence_told, battery, battery_told, clock_skew,"
            " clock_told FROM device_states JOIN devices USING (site, device) JOIN sites USING (site)"
            " WHERE last_seen IS NOT NULL AND NOT internal ORDER BY site, device"
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


def open_offline(conn: Connection) -> list[Incident]:
    """Unresolved incidents of silence, but for those that a person opened again."""
    return _incidents(conn, f"kind = 'offline' AND {IS_UNRESOLVED} AND {NOT_REOPENED} ORDER BY id")


def open_warnings(conn: Connection, key: str) -> list[Incident]:
    """Unresolved incidents of devices' ailments (`key`: battery, clock), but for those that a person opened again."""
    wanted = f"kind = 'fault' AND join_key = %s || ':' || device AND {IS_UNRESOLVED} AND {NOT_REOPENED} ORDER BY id"
    return _incidents(conn, wanted, key)


def _incidents(conn: Connection, wanted: str, *given: str) -> list[Incident]:
    with conn.cursor(row_factory=incident_row) as cur:
        return cur.execute(f"{SELECT_INCIDENT} WHERE {wanted}", given).fetchall()


def open_outages(conn: Connection, site: str) -> set[str]:
    """The join keys of a site's unresolved outages."""
    rows = conn.execute(
        f"SELECT join_key FROM incidents WHERE site = %s AND kind = 'offline' AND join_key LIKE 'outage%%' AND {IS_UNRESOLVED}",
        (site,),
    ).fetchall()
    return {key for (key,) in rows}


def places(conn: Connection) -> tuple[dict[str, str], dict[tuple[str, str], tuple[str, str | None]]]:
    """What sites are called, and grids, with the grid above each."""
    sites: dict[str, str] = dict(conn.execute("SELECT site, name FROM sites").fetchall())
    grids = conn.execute("SELECT site, grid, name, parent FROM grids").fetchall()
    return sites, {(site, grid): (name, parent) for site, grid, name, parent in grids}


Ailment = Literal["battery", "clock"]


def claim_warning(conn: Connection, ailment: Ailment, site: str, device: str) -> bool:
    """Take a device's ailment that is to be told now; whether it is ours, and not told already."""
    row = conn.execute(
        f"UPDATE device_states SET {ailment}_told = true WHERE (site, device) IN"
        f" (SELECT site, device FROM device_states WHERE site = %s AND device = %s AND NOT {ailment}_told"
        " FOR UPDATE SKIP LOCKED) RETURNING 1",
        (site, device),
    ).fetchone()
    return row is not None


def forget_warning(conn: Connection, ailment: Ailment, site: str, device: str) -> None:
    """The ailment is over: the next one is news."""
    conn.execute(f"UPDATE device_states SET {ailment}_told = false WHERE site = %s AND device = %s", (site, device))


def told_back(conn: Connection, incident: int) -> bool:
    """Whether the incident's timeline already says, after its last (re)opening, that its cause is over."""
    row = conn.execute(
        "SELECT verb FROM changes WHERE incident = %s AND actor = 'system' AND verb IN ('open', 'repeat', 'note')"
        " ORDER BY seq DESC LIMIT 1",
        (incident,),
    ).fetchone()
    return row is not None and row[0] == "note"
