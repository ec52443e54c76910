"""What says whether a site's tiers can be reached: its posts, its people's roles, its channels; and the incident of it."""

from typing import Any

from psycopg import Connection

from store import duty

_UNRESOLVED = "state IN ('open', 'acknowledged', 'dispatched')"


def sites(conn: Connection) -> list[str]:
    """Every site that people watch: not the system's own."""
    return [site for (site,) in conn.execute("SELECT site FROM sites WHERE NOT internal ORDER BY site")]


def of_site(conn: Connection, site: str) -> dict[str, Any]:
    """A site's posts, the roles of its people, and its channels with their tiers."""
    channels = conn.execute("SELECT channel, tier FROM channels WHERE site = %s", (site,)).fetchall()
    return {
        "site": site,
        "posts": duty.posts(conn, [site]),
        "roles": sorted({person["role"] for person in duty.staff(conn, site)}),
        "channels": dict(channels),
    }


def open_anywhere(conn: Connection, join_key: str) -> bool:
    """Whether some site has an unresolved incident of this key."""
    row = conn.execute(f"SELECT 1 FROM incidents WHERE join_key = %s AND {_UNRESOLVED} LIMIT 1", (join_key,)).fetchone()
    return row is not None


def holder(conn: Connection, site: str, join_key: str) -> tuple[int, str] | None:
    """The unresolved incident of this key: its id and title."""
    row = conn.execute(
        f"SELECT id, title FROM incidents WHERE site = %s AND join_key = %s AND {_UNRESOLVED}", (site, join_key)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def reopened(conn: Connection, incident: int) -> bool:
    """Whether a person opened it again, and nothing happened since: it ends by a person then."""
    row = conn.execute(
        "SELECT verb FROM changes WHERE incident = %s AND verb IN ('open', 'repeat', 'reopen') ORDER BY seq DESC LIMIT 1",
        (incident,),
    ).fetchone()
    return row is not None and row[0] == "reopen"
