"""Cameras that chattered and are calm again: the incident that said so is settled."""

from datetime import datetime, timedelta

from psycopg import Connection

from alerts.rules import Rules
from alerts.silences import heal
from store import chatter, incidents, jobs
from store.connect import settled

EVERY = timedelta(seconds=10)


def settle(conn: Connection, rules: Rules, now: datetime) -> None:
    """Settle what is over, now and then; each in a transaction of its own."""
    due = jobs.take(conn, "chatter", EVERY, now)
    conn.commit()
    if not due:
        return
    over = chatter.calmed(conn, now)
    conn.rollback()
    for incident_id in over:
        settled(conn, lambda one=incident_id: _settle(conn, rules, one, now))  # type: ignore[misc]


def _settle(conn: Connection, rules: Rules, incident_id: int, now: datetime) -> None:
    incident = incidents.lock(conn, incident_id)
    if incident is not None:
        heal(conn, rules, incident, "探头已恢复平静,声音和通知恢复", now)
