"""What consoles report to have put on their screens: the first report of each press counts, and ends its deadline."""

from collections.abc import Collection, Mapping
from datetime import datetime

from psycopg import Connection

# a report of an earlier press says nothing of a newer one of the same incident
_UNSHOWN = """
SELECT incidents.id FROM incidents JOIN unnest(%(ids)s::bigint[], %(seqs)s::bigint[]) AS told (id, seq) USING (id)
WHERE site = ANY(%(sites)s) AND kind = 'press' AND shown_at IS NULL AND NOT EXISTS (
    SELECT FROM changes WHERE changes.incident = incidents.id AND changes.seq > told.seq AND verb IN ('open', 'repeat'))
ORDER BY site, join_key, incidents.id FOR UPDATE OF incidents
"""


def report(conn: Connection, sites: Collection[str], shown: Mapping[int, int], now: datetime) -> int:
    """A console shows these incidents as of these changes (id → seq); how many were shown for the first time.

    Incidents of other sites are passed over, and so are those that were pressed again since.
    """
    known = [
        one
        for (one,) in conn.execute("SELECT id FROM incidents WHERE id = ANY(%s) AND shown_at IS NULL", [list(shown)])
    ]
    if not known:
        return 0
    fresh = [
        one
        for (one,) in conn.execute(
            _UNSHOWN, {"ids": known, "seqs": [shown[one] for one in known], "sites": list(sites)}
        ).fetchall()
    ]
    conn.execute("UPDATE incidents SET shown_at = %s WHERE id = ANY(%s)", (now, fresh))
    conn.execute("DELETE FROM timers WHERE incident = ANY(%s) AND step = 'unshown'", (fresh,))
    return len(fresh)
