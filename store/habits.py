"""Hourly counts of cameras' events (TimescaleDB's `time_bucket`), which outlive the events, and what was shown as unusual."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

Work = Literal["counted", "compared"]

KEPT = timedelta(days=400)
"""So long hours are kept: a year of habit, and what a replay of last year's season needs."""

LIVE = timedelta(hours=25)
"""An hour counted within this time of its end counts as whole on evidence only: something may still be told of it."""


def take(conn: Connection, work: Work, begin: datetime) -> datetime | None:
    """How far this work is, held until the transaction ends; None when another engine is at it. It begins at `begin`."""
    conn.execute("INSERT INTO hours_done VALUES (%s, %s) ON CONFLICT DO NOTHING", (work, begin))
    row = conn.execute("SELECT up_to FROM hours_done WHERE work = %s FOR UPDATE SKIP LOCKED", (work,)).fetchone()
    return None if row is None else row[0]


def done(conn: Connection, work: Work, up_to: datetime) -> None:
    """Note how far this work is; it never goes back."""
    conn.execute("UPDATE hours_done SET up_to = greatest(up_to, %s) WHERE work = %s", (up_to, work))


def up_to(conn: Connection, work: Work) -> datetime | None:
    """How far this work is; None when it has not begun."""
    row = conn.execute("SELECT up_to FROM hours_done WHERE work = %s", (work,)).fetchone()
    return None if row is None else row[0]


def first_event_hour(conn: Connection, since: datetime) -> datetime | None:
    """The hour of the oldest event since then that is still stored."""
    row = conn.execute(
        "SELECT time_bucket('1 hour', received_at) FROM events WHERE received_at >= %s ORDER BY received_at LIMIT 1",
        (since,),
    ).fetchone()
    return None if row is None else row[0]


# Whole on evidence: the device is online since before the hour began, and an ingest was ready all that time. Of hours that
# are caught up from stored history nobody knows that any more, and they serve as habit alone: there, the device was known
# and its site was heard.
_COUNT = """
WITH seen AS (
    SELECT time_bucket('1 hour', received_at) AS hour, site, device, count(*) AS count
    FROM events WHERE received_at >= %(hour)s AND received_at < %(ends)s AND phase IN ('start', 'instant')
    GROUP BY 1, 2, 3
), listened AS (
    SELECT EXISTS (SELECT FROM parts WHERE part = 'ingest' AND ready_since <= %(hour)s AND beat_at >= %(ends)s) AS all_of_it
), away AS (
    SELECT * FROM unnest(%(away_sites)s::text[], %(away_devices)s::text[]) AS away (site, device)
)
INSERT INTO event_hours (hour, site, device, count, whole)
SELECT %(hour)s, site, device, coalesce(seen.count, 0),
    devices.created_at <= %(hour)s AND (site, device) NOT IN (SELECT site, device FROM away)
    AND CASE WHEN %(live)s THEN (SELECT all_of_it FROM listened)
                  AND coalesce(state = 'online' AND state_since <= %(hour)s, false)
             ELSE site IN (SELECT site FROM seen) END
FROM devices LEFT JOIN device_states USING (site, device) LEFT JOIN seen USING (site, device)
WHERE kind = 'camera' AND registered AND (devices.created_at < %(ends)s OR seen.count > 0)
ORDER BY site, device
ON CONFLICT (hour, site, device) DO UPDATE SET count = excluded.count, whole = excluded.whole
"""


def count_hour(conn: Connection, hour: datetime, away: Collection[tuple[str, str]], now: datetime) -> None:
    """Count what began in an hour that is over, by camera; a second time gives the same. `away`: who was in maintenance."""
    ends = hour + timedelta(hours=1)
    ordered = sorted(away)
    conn.execute(
        _COUNT,
        {
            "hour": hour,
            "ends": ends,
            "live": now - ends < LIVE,
            "away_sites": [site for site, _ in ordered],
            "away_devices": [device for _, device in ordered],
        },
    )


def sweep(conn: Connection, now: datetime) -> None:
    """Forget hours that nothing asks for any more."""
    conn.execute("DELETE FROM event_hours WHERE hour < %s", (now - KEPT,))


class DeviceHours(msgspec.Struct, frozen=True):
    """What is counted of a device: hours (numbers since 1970), counts, and which of them were whole."""

    site: str
    device: str
    timezone: str
    hours: list[int]
    counts: list[int]
    whole: list[bool]


_HOURS = """
SELECT site, device, timezone, array_agg(extract(epoch FROM hour)::bigint / 3600 ORDER BY hour) AS hours,
       array_agg(count ORDER BY hour) AS counts, array_agg(whole ORDER BY hour) AS whole
FROM event_hours JOIN sites USING (site) WHERE {where} GROUP BY site, device, timezone ORDER BY site, device
"""


def hours_among(conn: Connection, hours: Sequence[datetime]) -> list[DeviceHours]:
    """What is counted of every device in these hours."""
    with conn.cursor(row_factory=class_row(DeviceHours)) as cur:
        return cur.execute(_HOURS.format(where="hour = ANY(%s)"), (list(hours),)).fetchall()


def hours_of_site(conn: Connection, site: str, begins: datetime, ends: datetime) -> list[DeviceHours]:
    """What is counted of a site's devices between two moments."""
    with conn.cursor(row_factory=class_row(DeviceHours)) as cur:
        where = "site = %s AND hour >= %s AND hour < %s"
        return cur.execute(_HOURS.format(where=where), (site, begins, ends)).fetchall()


class OpenItem(msgspec.Struct, frozen=True):
    """Something unusual that is not over; `gone`: its device is no longer a registered camera."""

    site: str
    device: str
    what: str
    incident: int
    gone: bool


def open_items(conn: Connection) -> list[OpenItem]:
    """Everything that is unusual now."""
    with conn.cursor(row_factory=class_row(OpenItem)) as cur:
        return cur.execute(
            "SELECT site, device, what, incident, NOT EXISTS (SELECT FROM devices WHERE devices.site = unusual_items.site"
            " AND devices.device = unusual_items.device AND kind = 'camera' AND registered) AS gone"
            " FROM unusual_items WHERE over_at IS NULL ORDER BY site, device"
        ).fetchall()


def begin_item(conn: Connection, item: dict[str, Any], incident: int) -> bool:
    """Note what is shown, and in which incident; whether it was not noted before."""
    return (
        conn.execute(
            "INSERT INTO unusual_items (site, device, hour, what, hours, count, low, high, weeks, incident) VALUES"
            " (%(site)s, %(device)s, %(hour)s, %(what)s, %(hours)s, %(count)s, %(low)s, %(high)s, %(weeks)s, %(incident)s)"
            " ON CONFLICT DO NOTHING",
            item | {"incident": incident},
        ).rowcount
        == 1
    )


def end_item(conn: Connection, site: str, device: str, incident: int, now: datetime) -> bool:
    """What was unusual of a device is over; whether it was not over before."""
    return (
        conn.execute(
            "UPDATE unusual_items SET over_at = %s WHERE site = %s AND device = %s AND incident = %s AND over_at IS NULL",
            (now, site, device, incident),
        ).rowcount
        > 0
    )


class ShownItem(msgspec.Struct, frozen=True, kw_only=True):
    """An item as it was shown, with its incident and its figure."""

    site: str
    device: str
    hour: datetime
    what: str
    hours: int
    count: int
    low: int
    high: int
    weeks: int
    incident: int


def shown_items(conn: Connection, site: str, begins: datetime, ends: datetime) -> list[ShownItem]:
    """What was shown of a site for hours between two moments."""
    with conn.cursor(row_factory=class_row(ShownItem)) as cur:
        return cur.execute(
            f"SELECT {', '.join(ShownItem.__struct_fields__)} FROM unusual_items"
            " WHERE site = %s AND hour >= %s AND hour < %s ORDER BY hour, device",
            (site, begins, ends),
        ).fetchall()
