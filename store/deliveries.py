"""Notices on their way: spread to channels and people once, taken by one sender at a time, ended with what became of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from store.incidents import IS_UNRESOLVED, SELECT_INCIDENT, incident_row
from store.notices import Why
from store.records import Incident, Priority, Tier

MOST_AT_ONCE = 500


class Addressee(msgspec.Struct, frozen=True):
    """Whom deliveries go to: a channel of a site, or a person (as a notice of that site)."""

    site: str
    channel: str | None
    person: str | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that is due, with the notice that it carries."""

    id: int
    notice: int
    urgent: bool
    tries: int
    state: str
    created_at: datetime
    why: Why
    priority: Priority
    tier: Tier | None
    facts: Mapping[str, Any]
    noticed_at: datetime
    incident: int | None
    version: int | None
    waited: bool | None
    site_name: str
    timezone: str
    grid_name: str | None


class Ended(msgspec.Struct, frozen=True):
    """What a delivery is from now on; `counted`: whether the try counts."""

    id: int
    state: str
    due_at: datetime
    error: str | None
    counted: bool = True


class RobotState(msgspec.Struct, frozen=True):
    """A robot's bucket as it was left; tokens None: full."""

    tokens: float | None = None
    filled_at: datetime | None = None
    wait_until: datetime | None = None
    throttled: int = 0


def spread(conn: Connection, now: datetime, limit: int = 200) -> int:
    """Make deliveries of notices that wait, the urgent ones first; one that another engine has in hand is passed over.

    Urgent is what is critical, and not that it was settled. How many were spread.
    """
    return conn.execute(
        """
        WITH taken AS (
            SELECT id, site, why, tier, person, means, priority = 'critical' AND why <> 'resolve' AS urgent
            FROM notices WHERE spread_at IS NULL
            ORDER BY priority = 'critical' AND why <> 'resolve' DESC, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ), made AS (
            INSERT INTO deliveries (notice, site, channel, person, urgent, due_at, created_at)
            SELECT taken.id, taken.site, channels.channel, NULL, taken.urgent, %(now)s, %(now)s
            FROM taken JOIN channels ON channels.site = taken.site AND channels.tier = taken.tier
                AND (channels.channel = ANY(taken.means) OR '*' = ANY(taken.means))
            WHERE taken.person IS NULL
            UNION ALL
            SELECT taken.id, taken.site, NULL, contacts.name, taken.urgent, %(now)s, %(now)s
            FROM taken JOIN contacts ON contacts.name = taken.person
            ON CONFLICT DO NOTHING
        )
        UPDATE notices SET spread_at = %(now)s FROM taken WHERE notices.id = taken.id
        """,
        {"now": now, "limit": limit},
    ).rowcount


def due(conn: Connection, now: datetime) -> list[Addressee]:
    """Who has something due, urgent first; found unlocked."""
    rows = conn.execute(
        "SELECT site, channel, person FROM deliveries WHERE state IN ('waiting', 'sending') AND due_at <= %s"
        " GROUP BY site, channel, person ORDER BY bool_or(urgent) DESC, min(id)",
        (now,),
    ).fetchall()
    return [Addressee(*row) for row in rows]


def hold_robot(conn: Connection, robot: str) -> RobotState | None:
    """A robot's bucket, held until the transaction ends; None while another engine holds it."""
    conn.execute("INSERT INTO robots (robot) VALUES (%s) ON CONFLICT DO NOTHING", (robot,))
    with conn.cursor(row_factory=class_row(RobotState)) as cur:
        return cur.execute(
            "SELECT tokens, filled_at, wait_until, throttled FROM robots WHERE robot = %s FOR UPDATE SKIP LOCKED",
            (robot,),
        ).fetchone()


def keep_robot(conn: Connection, robot: str, state: RobotState) -> None:
    """Write back the bucket of a robot."""
    conn.execute(
        "UPDATE robots SET tokens = %s, filled_at = %s, wait_until = %s, throttled = %s WHERE robot = %s",
        (state.tokens, state.filled_at, state.wait_until, state.throttled, robot),
    )


def answered(conn: Connection, robot: str, *, wait_until: datetime | None) -> None:
    """Note whether a robot told us to wait until then."""
    conn.execute(
        "UPDATE robots SET wait_until = greatest(wait_until, %(until)s),"
        " throttled = CASE WHEN %(until)s::timestamptz IS NULL THEN 0 ELSE throttled + 1 END WHERE robot = %(robot)s",
        {"until": wait_until, "robot": robot},
    )


def throttled(conn: Connection, robot: str) -> int:
    """How often in a row a robot told us to wait."""
    row = conn.execute("SELECT throttled FROM robots WHERE robot = %s", (robot,)).fetchone()
    return 0 if row is None else int(row[0])


def waiting(conn: Connection, to: Addressee, now: datetime) -> list[Delivery]:
    """What is due for somebody, urgent first and then by age, held until the transaction ends.

    With what was claimed by a sender that has died since. Rows that another transaction holds are left out.
    """
    with conn.cursor(row_factory=class_row(Delivery)) as cur:
        return cur.execute(
            "SELECT d.id, d.notice, d.urgent, d.tries, d.state, d.created_at, n.why, n.priority, n.tier, n.facts,"
            " n.created_at AS noticed_at, n.incident, n.version, n.waited, s.name AS site_name, s.timezone,"
            " g.name AS grid_name"
            " FROM deliveries d JOIN notices n ON n.id = d.notice JOIN sites s ON s.site = d.site"
            " LEFT JOIN incidents i ON i.id = n.incident LEFT JOIN grids g ON g.site = i.site AND g.grid = i.grid"
            " WHERE d.site = %(site)s AND d.channel IS NOT DISTINCT FROM %(channel)s"
            " AND d.person IS NOT DISTINCT FROM %(person)s AND d.state IN ('waiting', 'sending') AND d.due_at <= %(now)s"
            f" ORDER BY d.urgent DESC, d.id LIMIT {MOST_AT_ONCE} FOR UPDATE OF d SKIP LOCKED",
            {**msgspec.structs.asdict(to), "now": now},
        ).fetchall()


def incidents_of(conn: Connection, deliveries: Sequence[Delivery]) -> dict[int, Incident]:
    """The incidents that these tell of, as they are now."""
    wanted = list({one.incident for one in deliveries if one.incident is not None})
    with conn.cursor(row_factory=incident_row) as cur:
        return {one.id: one for one in cur.execute(f"{SELECT_INCIDENT} WHERE id = ANY(%s)", (wanted,))}


def being_sent(conn: Connection, to: Addressee, now: datetime) -> bool:
    """Whether a message to them is under way that is not urgent."""
    row = conn.execute(
        "SELECT 1 FROM deliveries WHERE state = 'sending' AND due_at > %(now)s AND NOT urgent AND site = %(site)s"
        " AND channel IS NOT DISTINCT FROM %(channel)s AND person IS NOT DISTINCT FROM %(person)s LIMIT 1",
        {**msgspec.structs.asdict(to), "now": now},
    ).fetchone()
    return row is not None


def claim(conn: Connection, ids: Sequence[int], name: str, until: datetime, *, digest: bool) -> None:
    """Take deliveries that this transaction holds for one message; they are ours until then."""
    conn.execute(
        "UPDATE deliveries SET state = 'sending', tries = tries + 1, claim = %s, due_at = %s, digest = %s"
        " WHERE id = ANY(%s)",
        (name, until, digest, list(ids)),
    )


def end(conn: Connection, ended: Sequence[Ended], now: datetime, *, claim: str | None = None) -> list[int]:
    """Note what became of deliveries; those of a claim only while it is still theirs. Which were noted."""
    rows = conn.execute(
        "UPDATE deliveries SET state = new.state, due_at = new.due_at, error = new.error,"
        " tries = tries - CASE WHEN new.counted THEN 0 ELSE 1 END,"
        " done_at = CASE WHEN new.state = 'waiting' THEN NULL ELSE %(now)s END"
        " FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(due)s::timestamptz[], %(errors)s::text[],"
        " %(counted)s::boolean[]) AS new (id, state, due_at, error, counted)"
        " WHERE deliveries.id = new.id AND deliveries.state IN ('waiting', 'sending')"
        " AND (%(claim)s::text IS NULL OR (deliveries.state = 'sending' AND deliveries.claim = %(claim)s))"
        " RETURNING deliveries.id",
        {
            "now": now,
            "ids": [one.id for one in ended],
            "states": [one.state for one in ended],
            "due": [one.due_at for one in ended],
            "errors": [one.error for one in ended],
            "counted": [one.counted for one in ended],
            "claim": claim,
        },
    ).fetchall()
    return [found for (found,) in rows]


def take_second_way(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Let the second way of each delivery's channel tell it, unless it does already."""
    conn.execute(
        "INSERT INTO deliveries (notice, site, channel, instead_of, urgent, due_at, created_at)"
        " SELECT d.notice, d.site, second.channel, d.channel, d.urgent, %s, %s"
        " FROM deliveries d JOIN channels c ON c.site = d.site AND c.channel = d.channel"
        " JOIN channels second ON second.site = c.site AND second.channel = c.second"
        " WHERE d.id = ANY(%s) ORDER BY d.id ON CONFLICT DO NOTHING",
        (now, now, list(ids)),
    )


class Health(msgspec.Struct, frozen=True):
    """A channel whose latest deliveries all failed: what the last one said, and when."""

    site: str
    channel: str
    error: str | None
    failed_at: datetime


def failing(conn: Connection, latest: int) -> list[Health]:
    """The channels whose `latest` deliveries (or as many as there are) all failed."""
    rows = conn.execute(
        "SELECT c.site, c.channel, (array_agg(d.error ORDER BY d.done_at DESC))[1], max(d.done_at)"
        " FROM channels c, LATERAL (SELECT state, error, done_at FROM deliveries WHERE site = c.site"
        " AND channel = c.channel AND state IN ('sent', 'failed') ORDER BY done_at DESC LIMIT %s) AS d"
        " GROUP BY c.site, c.channel HAVING bool_and(d.state = 'failed') ORDER BY c.site, c.channel",
        (latest,),
    ).fetchall()
    return [Health(*row) for row in rows]


def fault_incidents(conn: Connection) -> list[tuple[int, str, str]]:
    """The unresolved incidents that tell of channels: id, site, channel."""
    rows = conn.execute(
        "SELECT id, site, substr(join_key, 9) FROM incidents"
        f" WHERE join_key LIKE 'channel:%%' AND {IS_UNRESOLVED} ORDER BY site, join_key"
    ).fetchall()
    return [(incident, site, channel) for incident, site, channel in rows]


def told_until(conn: Connection, site: str, join_key: str) -> datetime | None:
    """When the latest incident of a channel was resolved; what failed before is no news."""
    row = conn.execute(
        "SELECT max(resolved_at) FROM incidents WHERE site = %s AND join_key = %s AND join_key LIKE 'channel:%%'",
        (site, join_key),
    ).fetchone()
    return None if row is None else row[0]


def of_incident(conn: Connection, incident: int) -> list[dict[str, Any]]:
    """All that was told of an incident, newest first; a notice that nobody could be told is `unaddressed`."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT n.id::text || '-' || coalesce(d.id, 0) AS id, n.why, n.tier, n.created_at AS noticed_at, d.channel,"
            " coalesce(d.person, n.person) AS person, d.instead_of, coalesce(d.digest, false) AS digest,"
            " coalesce(d.tries, 0) AS tries, d.done_at, d.error,"
            " coalesce(d.state, CASE WHEN n.spread_at IS NULL THEN 'waiting' ELSE 'unaddressed' END) AS state"
            " FROM notices n LEFT JOIN deliveries d ON d.notice = n.id WHERE n.incident = %s ORDER BY n.id DESC, d.id DESC",
            (incident,),
        ).fetchall()
