"""A site's posts, shifts and grids, read together."""

from psycopg import Connection

from alerts.duty import Roster, zone_of
from store import duty


def of_site(conn: Connection, site: str) -> Roster:
    """Who belongs where and works when, at one site."""
    return Roster(
        posts=duty.posts(conn, [site]),
        shifts=duty.shifts(conn, [site]),
        parents=duty.parents(conn, site),
        zone=zone_of(duty.timezone(conn, site)),
    )
