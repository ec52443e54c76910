"""Cameras that chattered and are calm again: the incident that said so is settled."""

from datetime import datetime, timedelta

from psycopg import Connection

from alerts.raising import settle
from alerts.rules import Rules
from store import chatter, jobs
from store.connect import settled

EVERY = timedelta(seconds=10)
CALM = "探头已恢复平静,声音和通知恢复"


def watch(conn: Connection, rules: Rules, now: datetime) -> None:
    """Settle what is over, now and then; each in a transaction of its own."""
    due = jobs.take(conn, "chatter", EVERY, now)
    conn.commit()
    if not due:
        return
    over = chatter.calmed(conn, now)
    conn.rollback()
    for incident_id in over:
        settled(conn, lambda one=incident_id: settle(conn, rules, one, CALM, now))  # type: ignore[misc]
