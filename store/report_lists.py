"""What the three lists are made from: problems, measures, and the changes that say who had an incident; newest first.

Lists are records, not statistics: drills, tests and quiet items stand in them, and say so.
"""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import dict_row

from store.reporting import LEFT_OUT

_PLACE = "i.address, i.grid, coalesce(g.name, i.grid) AS grid_name, i.kind, i.title"
_GRID = "LEFT JOIN grids AS g ON g.site = i.site AND g.grid = i.grid"


class Span(msgspec.Struct, frozen=True):
    """Which time of a site is asked for, from `begins` up to `ends`; None is without an end."""

    site: str
    begins: datetime | None = None
    ends: datetime | None = None


def problems(conn: Connection, span: Span, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The incidents that opened in a time; `before` is the number of the last one seen."""
    return _dicts(
        conn,
        f"""SELECT i.id::text AS incident, i.opened_at, {_PLACE}, i.priority, i.state, i.outcome, i.answered_at,
                   i.cancelled_at, i.resolved_at, extract(epoch FROM i.resolved_at - i.opened_at)::float8 AS seconds,
                   i.owner, i.tier, {LEFT_OUT} AS left_out
            FROM incidents AS i JOIN sites AS s USING (site) {_GRID}
            WHERE i.site = %(site)s {_within("i.opened_at", span)} {"" if before is None else "AND i.id < %(before)s"}
            ORDER BY i.id DESC LIMIT %(limit)s""",
        span,
        before=before,
        limit=limit,
    )


def measures(conn: Connection, span: Span, before: tuple[datetime, int] | None, limit: int) -> list[dict[str, Any]]:
    """Every step that a person took in a time, and those of the system that changed who has it or how it ended.

    `before` is the time and number of the last one seen.
    """
    at, seq = before or (None, None)
    return _dicts(
        conn,
        f"""SELECT c.seq, c.at, c.incident::text AS incident, {_PLACE}, c.actor AS who, c.verb, c.note
            FROM changes AS c JOIN incidents AS i ON i.id = c.incident {_GRID}
            WHERE c.site = %(site)s {_within("c.at", span)} AND c.verb NOT IN ('open', 'repeat')
                AND c.actor NOT LIKE 'device:%%'
                AND (c.actor <> 'system' OR c.verb IN ('escalate', 'release', 'resolve', 'unshelve'))
                {"" if before is None else "AND (c.at, c.seq) < (%(at)s, %(seq)s)"}
            ORDER BY c.at DESC, c.seq DESC LIMIT %(limit)s""",
        span,
        at=at,
        seq=seq,
        limit=limit,
    )


def timelines(conn: Connection, span: Span, up_to: int | None, limit: int) -> list[dict[str, Any]]:
    """The incidents that opened in a time, each with its changes (`moves`, in order) as far as they say who had it.

    Those up to the number `up_to`, itself included.
    """
    return _dicts(
        conn,
        f"""SELECT i.id::text AS incident, i.opened_at, {_PLACE}, moves.moves
            FROM (SELECT * FROM incidents AS i WHERE i.site = %(site)s {_within("i.opened_at", span)}
                  {"" if up_to is None else "AND i.id <= %(up_to)s"} ORDER BY i.id DESC LIMIT %(limit)s) AS i {_GRID},
            LATERAL (
                SELECT json_agg(json_build_object(
                    'at', c.at, 'actor', c.actor, 'verb', c.verb, 'state', c.body->'state', 'tier', c.body->'tier',
                    'owner', c.body->'owner', 'dispatched_to', c.body->'dispatched_to', 'deadline', c.body->'deadline'
                ) ORDER BY c.seq)::text AS moves
                FROM changes AS c WHERE c.incident = i.id AND c.verb <> 'repeat'
            ) AS moves
            ORDER BY i.id DESC""",
        span,
        up_to=up_to,
        limit=limit,
    )


def _within(column: str, span: Span) -> str:
    begins = "" if span.begins is None else f"AND {column} >= %(begins)s"
    ends = "" if span.ends is None else f"AND {column} < %(ends)s"
    return f"{begins} {ends}"


def _dicts(conn: Connection, query: str, span: Span, **more: object) -> list[dict[str, Any]]:
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(query, msgspec.structs.asdict(span) | more).fetchall()
