"""The figures of a site's month, each defined once: the same words of SQL count it and find the incidents that make it.

All figures of a report come from one statement, so that they are of one moment. Roll-ups (windows of ten minutes, hours, days
of the site's own time zone) are TimescaleDB's `time_bucket`. What they mean to people is decided elsewhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from store.incidents import SELECT_INCIDENT, incident_row
from store.records import Incident

DESK = "/desk"  # stands beside the names of officers, which hold no "/": what all of a site's consoles show
NO_GRID = "-"
LONGEST = 10

# why an incident counts in no statistics, of `incidents AS i` and `sites AS s`
LEFT_OUT = """CASE WHEN s.internal THEN 'internal' WHEN i.drill OR i.outcome = 'drill' THEN 'drill'
         WHEN i.outcome = 'test' THEN 'test' WHEN i.quiet IS NOT NULL THEN 'quiet' END"""

# said: what people and time did in the month, with the one word that counts: a step's outcome, tier or owner. facts: an
# incident that was there at any time of the month, and how it was before and after. loads: what came to whom. ups: to which
# tier it went. flooded: what opened while an officer was in a flood.
_FACTS = f"""
WITH said AS MATERIALIZED (
    SELECT incident, seq, at, verb, actor,
           CASE verb WHEN 'acknowledge' THEN actor
                     WHEN 'resolve' THEN body->>'outcome'
                     WHEN 'escalate' THEN body->>'tier'
                     WHEN 'assign' THEN body->>'owner'
                     WHEN 'dispatch' THEN body->>'owner' END AS word
    FROM changes
    WHERE site = %(site)s AND at >= %(begins)s AND at < %(ends)s AND verb NOT IN ('open', 'repeat')
        AND verb IN ('acknowledge', 'assign', 'dispatch', 'release', 'escalate', 'resolve', 'reopen')
), moved AS MATERIALIZED (
    SELECT incident,
           max(seq) FILTER (WHERE verb = 'resolve') AS resolved_seq,
           max(seq) FILTER (WHERE verb = 'reopen') AS reopened_seq,
           count(*) FILTER (WHERE verb = 'release' AND actor = 'system') AS lapses,
           count(*) FILTER (WHERE verb = 'escalate' AND word = 'community') AS to_community,
           count(*) FILTER (WHERE verb = 'escalate' AND word = 'district') AS to_district
    FROM said GROUP BY incident
), candidates AS (
    SELECT id FROM incidents WHERE site = %(site)s AND opened_at >= %(begins)s AND opened_at < %(ends)s
    UNION SELECT id FROM incidents WHERE site = %(site)s AND state <> 'closed' AND resolved_at IS NULL
        AND opened_at < %(begins)s
    UNION SELECT id FROM incidents WHERE site = %(site)s AND resolved_at >= %(begins)s AND opened_at < %(begins)s
    UNION SELECT incident FROM moved
), states AS (
    SELECT i.id, i.kind, i.priority, coalesce(i.grid, '{NO_GRID}') AS grid, i.opened_at, i.answered_at,
           {LEFT_OUT} AS left_out,
           i.opened_at >= %(begins)s AS fresh,
           coalesce(before.verb = 'resolve', false) AS over_before,
           coalesce(m.resolved_seq, 0) > coalesce(m.reopened_seq, 0) AS settled,
           m.resolved_seq, m.reopened_seq, m.lapses, m.to_community, m.to_district
    FROM candidates JOIN incidents AS i USING (id) JOIN sites AS s USING (site)
    LEFT JOIN moved AS m ON m.incident = i.id
    LEFT JOIN LATERAL (
        SELECT verb FROM changes AS c
        WHERE i.opened_at < %(begins)s AND c.incident = i.id AND c.at < %(begins)s AND c.verb IN ('resolve', 'reopen')
        ORDER BY c.seq DESC LIMIT 1
    ) AS before ON true
    WHERE i.opened_at < %(ends)s
), facts AS MATERIALIZED (
    SELECT states.*,
           NOT fresh AND NOT over_before AS open_before,
           over_before AND reopened_seq IS NOT NULL AS reopened,
           NOT settled AND (NOT over_before OR reopened_seq IS NOT NULL) AS open_after,
           last.at AS settled_at, last.actor AS settled_by, last.word AS outcome,
           time_bucket('1 hour', opened_at, %(zone)s) AT TIME ZONE %(zone)s AS hour,
           time_bucket('1 day', opened_at, %(zone)s) AT TIME ZONE %(zone)s AS day
    FROM states LEFT JOIN said AS last ON settled AND last.seq = states.resolved_seq
), ups AS (
    SELECT id, tier, times
    FROM facts, LATERAL (VALUES ('community', to_community), ('district', to_district)) AS up (tier, times)
    WHERE left_out IS NULL AND times > 0
), hands AS (
    SELECT id, word AS officer, min(at) AS at FROM said JOIN facts ON facts.id = said.incident
    WHERE verb IN ('acknowledge', 'assign', 'dispatch') AND word IS NOT NULL AND left_out IS NULL
    GROUP BY id, word
), came AS (
    SELECT id, '{DESK}' AS officer, opened_at AS at FROM facts WHERE left_out IS NULL AND fresh
    UNION ALL
    SELECT id, officer, at FROM hands JOIN facts USING (id)
    WHERE fresh OR NOT EXISTS (SELECT FROM changes AS c WHERE c.incident = hands.id AND c.at < %(begins)s
                               AND c.body->>'owner' = hands.officer)
), loads AS MATERIALIZED (
    SELECT id, officer, bucket, day,
           count(*) OVER (PARTITION BY officer, bucket) AS in_window, count(*) OVER (PARTITION BY officer, day) AS in_day
    FROM (SELECT id, officer, time_bucket('10 minutes', at) AS bucket, time_bucket('1 day', at, %(zone)s) AS day
          FROM came) AS bucketed
), floods_here AS (
    SELECT name, since, until, peak, name || '/' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS flood
    FROM floods WHERE name IN (SELECT name FROM user_sites WHERE site = %(site)s)
        AND since < %(ends)s AND coalesce(until, 'infinity') > %(begins)s
), flooded AS (
    SELECT f.id, h.flood FROM floods_here AS h LEFT JOIN facts AS f ON f.left_out IS NULL AND f.fresh
        AND f.opened_at > h.since - interval '10 minutes' AND f.opened_at < coalesce(h.until, 'infinity')
)
"""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What one figure counts: the rows of `source` that `where` fits, `by` something or all together.

    `a`, `b` are further numbers of those rows, `seconds` the times that percentiles are made of.
    """

    where: str
    source: Literal["facts", "ups", "loads", "flooded"] = "facts"
    by: str | None = None
    a: str = "0"
    b: str = "0"
    seconds: str | None = None


class Counted(msgspec.Struct, frozen=True):
    """A figure as counted: how many incidents, its further numbers, its times in ascending order."""

    figure: str
    value: str
    count: int
    a: int
    b: int
    seconds: list[float] | None


_COUNTED = "left_out IS NULL"
_OPENED = f"{_COUNTED} AND fresh"
_SETTLED = f"{_COUNTED} AND settled"
_WAITED = "extract(epoch FROM answered_at - opened_at)::float8"
_WINDOWS, _DAYS = "count(DISTINCT bucket)", "count(DISTINCT day)"


def _answers(prefix: str, opened: str) -> dict[str, Figure]:
    return {
        f"{prefix}opened": Figure(where=opened),
        f"{prefix}answered": Figure(where=f"{opened} AND answered_at IS NOT NULL", seconds=_WAITED),
        f"{prefix}answered_30": Figure(where=f"{opened} AND answered_at <= opened_at + interval '30 s'"),
        f"{prefix}answered_60": Figure(where=f"{opened} AND answered_at <= opened_at + interval '60 s'"),
        f"{prefix}unanswered": Figure(where=f"{opened} AND answered_at IS NULL"),
    }


FIGURES: dict[str, Figure] = {
    "carried": Figure(where=f"{_COUNTED} AND open_before"),
    "reopened": Figure(where=f"{_COUNTED} AND reopened"),
    "settled": Figure(where=_SETTLED),
    "open_at_end": Figure(where=f"{_COUNTED} AND open_after"),
    **_answers("", _OPENED),
    **_answers("press_", f"{_OPENED} AND kind = 'press'"),
    "settled_real": Figure(where=f"{_SETTLED} AND settled_by <> 'system' AND outcome = 'real'"),
    "settled_false": Figure(where=f"{_SETTLED} AND settled_by <> 'system' AND outcome = 'false'"),
    "settled_by_itself": Figure(where=f"{_SETTLED} AND settled_by = 'system'"),
    "by_kind": Figure(where=_OPENED, by="kind"),
    "by_priority": Figure(where=_OPENED, by="priority"),
    "by_grid": Figure(where=_OPENED, by="grid"),
    "by_hour": Figure(where=_OPENED, by="extract(hour FROM hour)::int"),
    "by_weekday": Figure(where=_OPENED, by="extract(isodow FROM day)::int"),
    "by_day": Figure(where=_OPENED, by="to_char(day, 'YYYY-MM-DD')"),
    "escalated": Figure(where="true", source="ups", by="tier", a="coalesce(sum(times), 0)"),
    "lapsed": Figure(where=f"{_COUNTED} AND lapses > 0", a="coalesce(sum(lapses), 0)"),
    "left_out": Figure(where="left_out IS NOT NULL AND fresh", by="left_out"),
    "load": Figure(where="true", source="loads", by="officer", a="max(in_window)", b="max(in_day)"),
    "load_over_1": Figure(where="in_window > 1", source="loads", by="officer", a=_WINDOWS),
    "load_over_10": Figure(where="in_window > 10", source="loads", by="officer", a=_WINDOWS),
    "load_over_150": Figure(where="in_day > 150", source="loads", by="officer", a=_DAYS),
    "load_over_300": Figure(where="in_day > 300", source="loads", by="officer", a=_DAYS),
    "flood": Figure(where="true", source="flooded", by="flood"),
}
"""Every figure of the report, by its name in traces."""


class Asked(msgspec.Struct, frozen=True):
    """Which month is counted: of a site, from `begins` up to `ends`, days in `zone`; `until` is how far it has come."""

    site: str
    zone: str
    begins: datetime
    ends: datetime
    until: datetime


class Flood(msgspec.Struct, frozen=True):
    """A time in which an officer had more than anybody can answer; `flood` is its name in traces."""

    name: str
    since: datetime
    until: datetime | None
    peak: int
    flood: str


class Settled(msgspec.Struct, frozen=True):
    """One of those that were open longest: how many seconds in all, up to its end or as far as the month has come."""

    id: int
    seconds: float
    open: bool


class RolledUp(msgspec.Struct, frozen=True):
    """All that a month's report is made from."""

    figures: list[Counted]
    longest: list[tuple[Settled, Incident]]
    floods: list[Flood]
    grids: dict[str, str]


def _counting(name: str, figure: Figure) -> str:
    value = "''" if figure.by is None else f"({figure.by})::text"
    seconds = "NULL::float8[]" if figure.seconds is None else f"array_agg({figure.seconds} ORDER BY {figure.seconds})"
    together = "" if figure.by is None else " GROUP BY 2"
    return (
        f"SELECT '{name}' AS figure, {value} AS value, count(id) AS count, ({figure.a})::bigint AS a,"
        f" ({figure.b})::bigint AS b, {seconds} AS seconds FROM {figure.source} WHERE {figure.where}{together}"
    )


_LONGEST = f"""SELECT 'longest', id::text, 1, open_after::int, 0,
    ARRAY[extract(epoch FROM coalesce(settled_at, %(until)s) - opened_at)::float8]
    FROM facts WHERE {_COUNTED} AND (open_after OR settled)
    ORDER BY coalesce(settled_at, %(until)s) - opened_at DESC, id LIMIT {LONGEST}"""
_ALL = " UNION ALL ".join(_counting(name, figure) for name, figure in FIGURES.items())


@contextmanager
def snapshot(conn: Connection) -> Iterator[None]:
    """One moment of the database for a whole report; the connection must not be inside a transaction."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        conn.execute("SET LOCAL jit = off")
        conn.execute("SET LOCAL work_mem = '64MB'")
        yield


def roll_up(conn: Connection, asked: Asked) -> RolledUp:
    """Every figure of a month, with what people need to read them; call it in a snapshot."""
    parameters = msgspec.structs.asdict(asked)
    with conn.cursor(row_factory=class_row(Counted)) as cur:
        rows = cur.execute(f"{_FACTS} {_ALL} UNION ALL ({_LONGEST})", parameters).fetchall()
    long = [Settled(int(row.value), (row.seconds or [0.0])[0], bool(row.a)) for row in rows if row.figure == "longest"]
    found = _by_ids(conn, [one.id for one in long])
    with conn.cursor(row_factory=class_row(Flood)) as cur:
        floods = cur.execute(f"{_FACTS} SELECT * FROM floods_here ORDER BY since, name", parameters).fetchall()
    return RolledUp(
        [row for row in rows if row.figure != "longest"],
        [(one, found[one.id]) for one in long],
        floods,
        grid_names(conn, asked.site),
    )


def incidents_of(
    conn: Connection, asked: Asked, figure: str, value: str | None, before: int | None, limit: int
) -> list[Incident]:
    """The incidents that make a figure, newest first; of one that is counted by something, those of this `value`.

    `before` is the id of the last one seen. Raises KeyError for a figure that there is not.
    """
    counted = FIGURES[figure]
    which = "true" if counted.by is None else f"({counted.by})::text = %(value)s"
    more = {"value": value, "before": before, "limit": limit}
    rows = conn.execute(
        f"{_FACTS} SELECT id FROM {counted.source} WHERE {counted.where} AND {which} AND id IS NOT NULL"
        " AND (%(before)s::bigint IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        msgspec.structs.asdict(asked) | more,
    ).fetchall()
    found = _by_ids(conn, [incident for (incident,) in rows])
    return [found[incident] for (incident,) in rows]


def _by_ids(conn: Connection, ids: list[int]) -> dict[int, Incident]:
    with conn.cursor(row_factory=incident_row) as cur:
        return {one.id: one for one in cur.execute(f"{SELECT_INCIDENT} WHERE id = ANY(%s)", (ids,))}


def site(conn: Connection, name: str) -> dict[str, Any] | None:
    """A site's name for people and its time zone; None when there is none."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute("SELECT site, name, timezone FROM sites WHERE site = %s", (name,)).fetchone()


def grid_names(conn: Connection, site: str) -> dict[str, str]:
    """The names for people of a site's grids."""
    return dict(conn.execute("SELECT grid, name FROM grids WHERE site = %s", (site,)).fetchall())
