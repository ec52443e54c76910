"""Officers in a flood, and the openings that make one."""

from datetime import datetime

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from store.people import SITES_OF_USER


class Flood(msgspec.Struct, frozen=True):
    """Somebody has more than they can answer since `since`; `peak` is the most new incidents in the window so far."""

    name: str
    since: datetime
    peak: int
    sites: list[str]


def openings(conn: Connection, since: datetime, now: datetime) -> dict[str, list[datetime]]:
    """By site, when its incidents opened in (since, now]; without what is quiet and without drills."""
    found: dict[str, list[datetime]] = {}
    rows = conn.execute(
        "SELECT site, opened_at FROM sites JOIN incidents USING (site) WHERE opened_at > %s AND opened_at <= %s"
        " AND quiet IS NULL AND NOT drill",
        (since, now),
    )
    for site, at in rows:
        found.setdefault(site, []).append(at)
    return found


def current(conn: Connection) -> dict[str, Flood]:
    """Who is in a flood now, by name."""
    with conn.cursor(row_factory=class_row(Flood)) as cur:
        rows = cur.execute(
            f"SELECT name, since, peak, {SITES_OF_USER} AS sites FROM floods JOIN users USING (name) WHERE until IS NULL"
        )
        return {one.name: one for one in rows}


def begin(conn: Connection, name: str, now: datetime, peak: int) -> bool:
    """A flood begins; False when it has begun already."""
    return (
        conn.execute(
            "INSERT INTO floods (name, since, peak) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (name, now, peak)
        ).rowcount
        == 1
    )


def end(conn: Connection, name: str, now: datetime) -> None:
    """A flood is over."""
    conn.execute("UPDATE floods SET until = greatest(%s, since) WHERE name = %s AND until IS NULL", (now, name))


def raise_peak(conn: Connection, name: str, peak: int) -> None:
    """It has become worse."""
    conn.execute("UPDATE floods SET peak = greatest(peak, %s) WHERE name = %s AND until IS NULL", (peak, name))
