"""Connections to TimescaleDB: opened in one way, as the role that may not rewrite history, and only where storing is safe."""

from collections.abc import Callable

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

APP_ROLE = "skynet_app"
_SAFE = {"fsync": "on", "full_page_writes": "on"}
# remote_apply and friends promise more than `on`; `local` and `off` promise less or nothing
_SAFE_COMMITS = frozenset({"on", "remote_write", "remote_apply"})


class UnsafeDatabase(Exception):
    """The server would lose what it says is committed; the message names the setting to change."""


def _parameters(part: str, role: str | None) -> dict[str, str | int]:
    options = "-c timezone=UTC -c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s"
    if role is not None:
        options += f" -c role={role}"
    return {
        "application_name": f"skynet {part}",
        "options": options,
        "connect_timeout": 3,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": 10_000,  # ms: a dead link is found in ten seconds, not in the kernel's fifteen minutes
    }


def connect(url: str, *, part: str, autocommit: bool = False, role: str | None = APP_ROLE) -> Connection:
    """Open one connection for `part` (shown in pg_stat_activity); role None stays the owner, for migrations and housekeeping.

    Raises psycopg.OperationalError when the server can't be reached, or has not been migrated yet (no role).
    """
    return psycopg.connect(url, autocommit=autocommit, **_parameters(part, role))  # type: ignore[arg-type]


def open_pool(url: str, *, part: str, size: int, timeout: float = 2.0) -> ConnectionPool:
    """A pool of `size` connections; a caller waits at most `timeout` seconds for one and then gets PoolTimeout."""
    return ConnectionPool(
        url,
        kwargs=_parameters(part, APP_ROLE),
        min_size=min(2, size),
        max_size=size,
        timeout=timeout,
        reconnect_timeout=0,  # a failed attempt is answered at once; the next caller starts the next one
        check=ConnectionPool.check_connection,
        open=True,
        name=part,
    )


def refuse_unsafe(conn: Connection) -> None:
    """Prove that a commit on this server is durable.

    Raises UnsafeDatabase when fsync, full_page_writes or synchronous_commit is off.
    """
    for name, wanted in _SAFE.items():
        row = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
        if row is None or row[0] != wanted:
            raise UnsafeDatabase(f"PostgreSQL runs with {name}={row and row[0]}: set {name}=on, or alarms can be lost")
    row = conn.execute("SELECT current_setting('synchronous_commit')").fetchone()
    if row is None or row[0] not in _SAFE_COMMITS:
        raise UnsafeDatabase(
            f"PostgreSQL runs with synchronous_commit={row and row[0]}: set it to on, or receipted alarms can be lost"
        )
    conn.rollback()


def transient(exc: BaseException) -> bool:
    """Whether the same transaction may simply be tried again: deadlock, serialization, lock wait, lost connection."""
    retry = (
        psycopg.errors.DeadlockDetected,
        psycopg.errors.SerializationFailure,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.AdminShutdown,
        psycopg.errors.CrashShutdown,
        psycopg.errors.CannotConnectNow,
        psycopg.InterfaceError,
    )
    lost = isinstance(exc, psycopg.OperationalError) and exc.sqlstate is None
    return lost or isinstance(exc, retry)


def settled(conn: Connection, work: Callable[[], None]) -> None:
    """Run and commit one piece of work; a deadlock or the like leaves it undone, for the next time.

    Raises psycopg.Error when the connection is lost, or the fault is of another kind.
    """
    try:
        work()
        conn.commit()
    except psycopg.Error as exc:
        if conn.closed or not transient(exc):
            raise
        conn.rollback()
