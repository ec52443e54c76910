"""The feed of a site: changes numbered 1, 2, 3 … without a gap, in commit order.

A sequence would leave holes that a reader skips for ever, since it is taken before the commit. So one row per site holds
the counter; `append` locks it at the end of the transaction, and the number is visible exactly when the change is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import orjson
from psycopg import Connection
from psycopg.rows import class_row

from store.records import Change, Incident, NumberedChange, incident_wire

CHANNEL = "skynet_changes"

_APPEND = f"""
WITH counter AS (
    UPDATE feed_counters SET seq = seq + %(count)s WHERE site = %(site)s RETURNING seq, clock_timestamp() AS at
), appended AS (
    INSERT INTO changes (site, seq, incident, at, actor, verb, note, base_version, body)
    SELECT %(site)s, counter.seq - %(count)s + new.position, new.incident, counter.at, new.actor, new.verb, new.note,
           new.base_version, new.body::json
    FROM counter, unnest(%(incidents)s::bigint[], %(actors)s::text[], %(verbs)s::text[], %(notes)s::text[],
                         %(base_versions)s::int[], %(bodies)s::text[])
         WITH ORDINALITY AS new (incident, actor, verb, note, base_version, body, position)
)
SELECT seq, at, pg_notify('{CHANNEL}', %(site)s) FROM counter
"""


def wire_json(incident: Incident) -> str:
    """The incident's wire form as JSON text, times in UTC with a Z."""
    return orjson.dumps(incident_wire(incident), option=orjson.OPT_UTC_Z).decode()


def append(conn: Connection, changes: Sequence[Change]) -> list[NumberedChange]:
    """Number and store changes, and ring the doorbell; the last thing a transaction does before its commit.

    Counters are taken in the order of the sites' names, as everywhere, so that two transactions never wait for each other.
    Raises KeyError when a change's site does not exist.
    """
    numbered: list[NumberedChange] = []
    for site, group in groupby(sorted(changes, key=_site), key=_site):
        numbered += _append_site(conn, site, list(group))
    return numbered


def _site(change: Change) -> str:
    return change.incident.site


def _append_site(conn: Connection, site: str, changes: list[Change]) -> list[NumberedChange]:
    bodies = [wire_json(change.incident) for change in changes]
    row = conn.execute(
        _APPEND,
        {
            "site": site,
            "count": len(changes),
            "incidents": [change.incident.id for change in changes],
            "actors": [change.actor for change in changes],
            "verbs": [change.verb for change in changes],
            "notes": [change.note for change in changes],
            "base_versions": [change.base_version for change in changes],
            "bodies": bodies,
        },
    ).fetchone()
    if row is None:
        raise KeyError(f"site {site!r} has no feed: add it with `skynet sites add {site} --name NAME`")
    last, at, _ = row
    first = last - len(changes) + 1
    return [
        NumberedChange(site=site, seq=seq, at=at, actor=change.actor, verb=change.verb, note=change.note, body=body)
        for seq, (change, body) in enumerate(zip(changes, bodies, strict=True), start=first)
    ]


def read_after(conn: Connection, cursors: Mapping[str, int], limit: int = 1000) -> list[NumberedChange]:
    """Changes behind each site's cursor, by site and number; at most `limit` of each site. Ask again until none come."""
    with conn.cursor(row_factory=class_row(NumberedChange)) as cur:
        return cur.execute(
            "SELECT c.site, c.seq, c.at, c.actor, c.verb, c.note, c.body::text AS body"
            " FROM unnest(%s::text[], %s::bigint[]) AS cursor (site, seq),"
            " LATERAL (SELECT * FROM changes WHERE changes.site = cursor.site AND changes.seq > cursor.seq"
            " ORDER BY changes.seq LIMIT %s) AS c ORDER BY c.site, c.seq",
            (list(cursors), list(cursors.values()), limit),
        ).fetchall()


def heads(conn: Connection, sites: Iterable[str] | None = None) -> dict[str, int]:
    """The number of each site's newest change, 0 when it has none; all sites when None is given."""
    if sites is None:
        rows = conn.execute("SELECT site, seq FROM feed_counters").fetchall()
    else:
        rows = conn.execute("SELECT site, seq FROM feed_counters WHERE site = ANY(%s)", (list(sites),)).fetchall()
    return dict(rows)


def identity(conn: Connection) -> str:
    """Whose numbers these are: another database, another identity, and a console starts from a snapshot."""
    row = conn.execute("SELECT feed FROM feed_identity").fetchone()
    assert row is not None
    return str(row[0])


def clock(conn: Connection) -> datetime:
    """The database's clock, aware UTC."""
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    at: datetime = row[0]
    return at.astimezone(UTC)
