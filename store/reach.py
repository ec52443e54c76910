"""What says whether a site's tiers can be reached: its posts, its people's roles, its channels."""

from typing import Any

from psycopg import Connection

from store import duty


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
