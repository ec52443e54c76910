"""Timers of the unresolved incidents, set anew when other rules are in force: each has just those that it must have."""

from datetime import datetime, timedelta

from psycopg import Connection

from alerts import timing
from alerts.rules import Rules
from alerts.steps import keep
from store import incidents, timers
from store.connect import settled

BATCH = 200
AGAIN = timedelta(seconds=10)
"""Ingest takes new rules up a moment before or after us: what it opened by the old ones in between is looked at again."""


class Retimer:
    """Follows the rules in force; also after a start, since they may have changed while nobody ran."""

    def __init__(self) -> None:
        self._timed_by: Rules | None = None
        self._again_at: datetime | None = None

    def follow(self, conn: Connection, rules: Rules, now: datetime) -> None:
        """Set timers anew if these are not the rules of the last time. Raises psycopg.Error when the database is away."""
        changed = rules != self._timed_by
        if changed or (self._again_at is not None and now >= self._again_at):
            retime(conn, rules)
            self._timed_by = rules
            self._again_at = now + AGAIN if changed else None


def retime(conn: Connection, rules: Rules) -> None:
    """Let every incident on the board have the timers that these rules ask for; each in a transaction of its own."""
    after = 0
    while True:
        found = timers.of_board(conn, after, BATCH)
        conn.rollback()
        for incident, due in found:
            if timing.due_steps(incident, rules) != due:
                settled(conn, lambda one=incident.id: set_anew(conn, rules, one))  # type: ignore[misc]
        if len(found) < BATCH:
            return
        after = found[-1][0].id


def set_anew(conn: Connection, rules: Rules, incident_id: int) -> None:
    """Give an incident the timers that it must have: what is overdue then runs at once."""
    incident = incidents.lock(conn, incident_id)
    if incident is not None:
        keep(conn, rules, incident)
