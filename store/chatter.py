"""How often each camera raised something lately. One row a camera, held until the raising is decided."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from psycopg import Connection

from store.incidents import IS_UNRESOLVED

KEPT = 100  # moments of each camera: no rule may count further

Raised = tuple[tuple[datetime, ...], datetime | None]
"""The newest moments, the newest first, and until when it chatters."""


def known(conn: Connection, devices: Collection[tuple[str, str]]) -> dict[tuple[str, str], Raised]:
    """What is known of these devices (site, device), where anything is."""
    ordered = sorted(devices)
    rows = conn.execute(
        "SELECT site, device, raised, quiet_until FROM chatter JOIN unnest(%s::text[], %s::text[]) AS asked (site, device)"
        " USING (site, device)",
        ([site for site, _ in ordered], [device for _, device in ordered]),
    ).fetchall()
    return {(site, device): (tuple(raised), quiet_until) for site, device, raised, quiet_until in rows}


def note(conn: Connection, raisings: Sequence[tuple[str, str, datetime]]) -> dict[tuple[str, str], Raised]:
    """Note raisings (site, device, at); by device what was known of it before. The rows are held until the transaction ends."""
    found: dict[tuple[str, str], Raised] = {}
    by_device: dict[tuple[str, str], list[datetime]] = {}
    for site, device, at in raisings:
        by_device.setdefault((site, device), []).append(at)
    for (site, device), moments in sorted(by_device.items()):
        row = conn.execute(
            "INSERT INTO chatter AS known (site, device, raised)"
            " SELECT site, device, %(at)s::timestamptz[] FROM devices WHERE site = %(site)s AND device = %(device)s"
            " ON CONFLICT (site, device) DO UPDATE SET raised = (excluded.raised || known.raised)[:%(kept)s]"
            " RETURNING raised, quiet_until",
            {"site": site, "device": device, "at": sorted(moments, reverse=True), "kept": KEPT},
        ).fetchone()
        if row is not None:
            found[site, device] = (tuple(row[0][len(moments) :]), row[1])
    return found


def quiet(conn: Connection, until: Mapping[tuple[str, str], datetime]) -> None:
    """Say until when cameras chatter."""
    with conn.cursor() as cur:
        cur.executemany(
            "UPDATE chatter SET quiet_until = %s WHERE site = %s AND device = %s",
            [(at, site, device) for (site, device), at in sorted(until.items())],
        )


def calmed(conn: Connection, now: datetime) -> list[int]:
    """Unresolved incidents that say that a camera chatters, which it no longer does."""
    rows = conn.execute(
        f"SELECT id FROM incidents WHERE kind = 'fault' AND {IS_UNRESOLVED}"
        " AND join_key = 'chatter:' || device AND NOT EXISTS (SELECT FROM chatter WHERE chatter.site = incidents.site"
        " AND chatter.device = incidents.device AND quiet_until > %s) ORDER BY id",
        (now,),
    ).fetchall()
    return [incident for (incident,) in rows]
