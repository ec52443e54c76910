"""What a trial of rules reads: stored presses and events in order of arrival, and the incidents that did open."""

import heapq
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from psycopg import Connection

from devices.messages import Alarm, Event

AT_ONCE = 2000  # rows that are fetched at a time
# no press and no camera opens these
NOT_OPENED_BY_EVENTS = ("offline", "unusual")
# an incident that gave its key away keeps its place in a trial by what it is
_REALS = """
SELECT i.id, i.site, i.join_key, i.kind, i.priority, i.title, i.device, i.opened_at, i.tier, i.answered_at, i.resolved_at,
    1 + (SELECT count(*) FROM changes WHERE incident = i.id AND verb = 'repeat'
         AND (body->>'updated_at')::timestamptz < %(last)s) AS count,
    (SELECT coalesce(json_agg(json_build_array(verb, body->>'updated_at') ORDER BY seq), '[]') FROM changes
     WHERE incident = i.id AND verb IN ('resolve', 'reopen', 'shelve', 'unshelve')) AS moves
FROM incidents AS i
WHERE i.site = ANY(%(sites)s) AND i.opened_at < %(last)s
    AND (i.opened_at >= %(first)s OR i.resolved_at IS NULL OR i.resolved_at >= %(first)s)
    AND i.kind <> ALL(%(others)s) AND (i.kind <> 'fault' OR i.join_key LIKE 'chatter:%%')
ORDER BY i.opened_at, i.id
"""


def reals(conn: Connection, sites: Collection[str], first: datetime, last: datetime) -> list[dict[str, Any]]:
    """The incidents of presses and cameras that were on the board at some time from `first` on and before `last`."""
    rows = conn.execute(
        _REALS, {"sites": list(sites), "first": first, "last": last, "others": list(NOT_OPENED_BY_EVENTS)}
    )
    assert rows.description is not None
    names = [column.name for column in rows.description]
    return [dict(zip(names, row, strict=True)) for row in rows]


Stored = tuple[datetime, Alarm | Event, int | None]
"""When it arrived, what it was, and the incident that it opened or joined."""


def stored(
    conn: Connection, sites: Collection[str], kinds: Collection[str], first: datetime, last: datetime
) -> Iterator[Stored]:
    """Presses and cancels, and events of these kinds, in order of arrival, read as they are used.

    What arrived in the same microsecond comes in the order of the names.
    """
    return heapq.merge(
        _alarms(conn, sites, first, last), _events(conn, sites, kinds, first, last), key=lambda one: one[0]
    )


def _alarms(conn: Connection, sites: Collection[str], first: datetime, last: datetime) -> Iterator[Stored]:
    with conn.cursor(name="trial_alarms") as cur:
        cur.itersize = AT_ONCE
        cur.execute(
            "SELECT received_at, incident, site, device, id, action, ts FROM alarms WHERE site = ANY(%s)"
            " AND received_at >= %s AND received_at < %s AND action IN ('press', 'cancel')"
            " ORDER BY received_at, site, device, id, action",
            (list(sites), first, last),
        )
        for at, incident, site, device, id_, action, ts in cur:
            yield at, Alarm(site, device, id_, action, ts), incident


def _events(
    conn: Connection, sites: Collection[str], kinds: Collection[str], first: datetime, last: datetime
) -> Iterator[Stored]:
    with conn.cursor(name="trial_events") as cur:
        cur.itersize = AT_ONCE
        cur.execute(
            "SELECT received_at, incident, site, device, id, kind, phase, track, confidence, ts, NULL FROM events"
            " WHERE site = ANY(%s) AND kind = ANY(%s) AND received_at >= %s AND received_at < %s"
            " ORDER BY received_at, site, device, id",
            (list(sites), list(kinds), first, last),
        )
        for at, incident, *fields in cur:
            yield at, Event(*fields), incident
