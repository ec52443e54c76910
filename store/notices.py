"""The outbox: what is to be told outside of the console, written in the transaction of the change that it tells of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
import orjson
from psycopg import Connection

from store.records import Priority, Tier

Why = Literal["open", "escalate", "dispatch", "resolve", "flood"]
CHANNEL = "skynet_notices"
ALL_MEANS = ("*",)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell: to everybody of a tier, by these means (names of channels, `*`: all of the tier's), or to a person.

    `facts` is what the text needs beside the incident: the step's note, the link of a dispatch.
    """

    site: str
    incident: int | None
    why: Why
    priority: Priority
    created_at: datetime
    tier: Tier | None = None
    person: str | None = None
    means: tuple[str, ...] = ALL_MEANS
    facts: dict[str, Any] = {}


def put(conn: Connection, notices: Sequence[Notice]) -> None:
    """Put notices into the outbox, and ring whoever sends them; their incidents are saved as they are told of."""
    if not notices:
        return
    with conn.cursor() as cur:
        cur.executemany(
            "INSERT INTO notices (site, incident, why, tier, person, means, priority, facts, created_at, version, waited)"
            " SELECT new.*, incidents.version, incidents.state = 'open' AND incidents.cancelled_at IS NULL"
            " AND incidents.shelved_until IS NULL"
            " FROM (VALUES (%s, %s::bigint, %s, %s, %s, %s::text[], %s, %s::jsonb, %s::timestamptz))"
            " AS new (site, incident, why, tier, person, means, priority, facts, created_at)"
            " LEFT JOIN incidents ON incidents.id = new.incident",
            [
                (
                    one.site,
                    one.incident,
                    one.why,
                    one.tier,
                    one.person,
                    list(one.means),
                    one.priority,
                    orjson.dumps(one.facts, option=orjson.OPT_UTC_Z).decode(),
                    one.created_at,
                )
                for one in notices
            ],
        )
    conn.execute(f"NOTIFY {CHANNEL}")
