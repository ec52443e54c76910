"""What the auditor looks at: every incident that is not closed, its timers, and how often its timeline says it went up."""

from datetime import datetime

import msgspec
from psycopg import Connection

from store.incidents import SELECT_INCIDENT, incident_row
from store.records import Incident


class Audited(msgspec.Struct, frozen=True):
    """One incident as the auditor sees it."""

    incident: Incident
    timers: dict[str, datetime]
    escalations: int


def unclosed(conn: Connection) -> list[Audited]:
    """Every incident that is not closed, as of one moment. The connection must not be inside a transaction."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with conn.cursor(row_factory=incident_row) as cur:
            live = cur.execute(f"{SELECT_INCIDENT} WHERE state <> 'closed' ORDER BY id").fetchall()
        timers: dict[int, dict[str, datetime]] = {}
        for incident, step, due_at in conn.execute("SELECT incident, step, due_at FROM timers"):
            timers.setdefault(incident, {})[step] = due_at
        risen = [one.id for one in live if one.escalated]
        counts = conn.execute(
            "SELECT incident, count(*) FROM changes WHERE incident = ANY(%s) AND verb = 'escalate' GROUP BY 1", (risen,)
        ).fetchall()
    escalations: dict[int, int] = dict(counts)
    return [Audited(one, timers.get(one.id, {}), escalations.get(one.id, 0)) for one in live]
