"""What a database says of itself, for `skynet doctor`."""

from datetime import datetime

import msgspec
from psycopg import Connection

from store import feed
from store.migrate import is_current


class DatabaseFacts(msgspec.Struct, frozen=True):
    """What server this is and how it is set up; `timescaledb` is None where the extension is not there."""

    postgres: str
    timescaledb: str | None
    edition: str | None
    current: bool
    clock: datetime
    megabytes: float


def database_facts(conn: Connection) -> DatabaseFacts:
    """Ask the server; works on a database that has not been migrated, too."""
    server = conn.execute("SELECT current_setting('server_version')").fetchone()
    extension = conn.execute("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    edition = conn.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    size = conn.execute("SELECT pg_database_size(current_database()) / 1048576.0").fetchone()
    assert server is not None
    assert edition is not None
    assert size is not None
    clock = feed.clock(conn)
    return DatabaseFacts(
        postgres=str(server[0]),
        timescaledb=None if extension is None else str(extension[0]),
        edition=edition[0],
        current=is_current(conn),
        clock=clock,
        megabytes=float(size[0]),
    )
