"""Work that is done now and then: by one engine each time, however many run."""

from datetime import datetime, timedelta

from psycopg import Connection


def take(conn: Connection, job: str, every: timedelta, now: datetime) -> bool:
    """Whether this job is due and now ours: it counts as run when the caller commits, so that a crash leaves it due."""
    conn.execute(
        "INSERT INTO jobs (job, ran_at) VALUES (%s, '-infinity') ON CONFLICT DO NOTHING",
        (job,),
    )
    row = conn.execute(
        "UPDATE jobs SET ran_at = %s WHERE job IN"
        " (SELECT job FROM jobs WHERE job = %s AND ran_at <= %s FOR UPDATE SKIP LOCKED) RETURNING 1",
        (now, job, now - every),
    ).fetchone()
    return row is not None
