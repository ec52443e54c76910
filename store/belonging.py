"""Who works for which site."""

from psycopg import Connection


def is_person_of(conn: Connection, name: str, site: str) -> bool:
    """Whether a user of this log-in name works for the site; an admin works for every site."""
    row = conn.execute(
        "SELECT 1 FROM users LEFT JOIN user_sites USING (name) WHERE name = %s AND (role = 'admin' OR site = %s) LIMIT 1",
        (name, site),
    ).fetchone()
    return row is not None
