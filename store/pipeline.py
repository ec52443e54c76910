"""The pipeline's own proof as rows: when a synthetic alarm was due, sent and stored; and none of them kept for long."""

from datetime import datetime, timedelta

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from devices.registry import PROBE, SELF_SITE

JOB = "pipeline"
_NEWEST = f"""(SELECT max(ts) FROM alarms WHERE site = '{SELF_SITE}' AND device = '{PROBE}'
    AND received_at > clock_timestamp() - interval '10 minutes')"""


class PipelineFacts(msgspec.Struct, frozen=True):
    """How far the newest synthetic alarms came; all by the database's clock, None for what has not happened.

    `fault` is why the broker took none since `sent_at`.
    """

    now: datetime
    tried_at: datetime | None
    sent_at: datetime | None
    fault: str | None
    stored: datetime | None  # when the newest one that was stored had been sent


def facts(conn: Connection) -> PipelineFacts:
    """How far the newest synthetic alarms came."""
    with conn.cursor(row_factory=class_row(PipelineFacts)) as cur:
        found = cur.execute(
            "SELECT clock_timestamp() AS now, (SELECT ran_at FROM jobs WHERE job = %s) AS tried_at, sent_at, fault,"
            f" {_NEWEST} AS stored FROM pipeline",
            (JOB,),
        ).fetchone()
    assert found is not None
    return found


def note(conn: Connection, sent_at: datetime, fault: str | None) -> None:
    """Note that the broker took the alarm of this moment, or why it did not."""
    conn.execute(
        "UPDATE pipeline SET sent_at = CASE WHEN %(fault)s::text IS NULL THEN greatest(sent_at, %(at)s) ELSE sent_at END,"
        " fault = %(fault)s",
        {"at": sent_at, "fault": fault},
    )


def newest_age(conn: Connection) -> timedelta | None:
    """How long ago the newest synthetic alarm that was stored had been sent; None when there is none of late."""
    row = conn.execute(f"SELECT clock_timestamp() - {_NEWEST}").fetchone()
    return None if row is None else row[0]


def sweep(conn: Connection, before: datetime) -> None:
    """Delete what the pipeline's proof has left behind; as the owner."""
    conn.execute("DELETE FROM alarms WHERE site = %s AND received_at < %s", (SELF_SITE, before))
    conn.execute("DELETE FROM changes WHERE site = %s AND at < %s", (SELF_SITE, before))
