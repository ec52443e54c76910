"""Maintenance and drill windows as rows. A change of them moves the registry's version, so that every part takes it up."""

from collections.abc import Collection
from datetime import datetime

from psycopg import Connection
from psycopg.rows import class_row

from store.records import Window
from store.registry import changed

_COLUMNS = ", ".join(Window.__struct_fields__)


def add(conn: Connection, window: Window) -> Window:
    """Store a window; it comes back with its id."""
    names = [name for name in Window.__struct_fields__ if name != "id"]
    with conn.cursor(row_factory=class_row(Window)) as cur:
        stored = cur.execute(
            f"INSERT INTO windows ({', '.join(names)}) VALUES ({', '.join(f'%({name})s' for name in names)})"
            f" RETURNING {_COLUMNS}",
            {name: getattr(window, name) for name in names},
        ).fetchone()
    assert stored is not None
    changed(conn)
    return stored


def end(conn: Connection, window: int, sites: Collection[str], by: str, now: datetime) -> Window | None:
    """End a window now; None when there is none in these sites that still runs or is to come."""
    with conn.cursor(row_factory=class_row(Window)) as cur:
        ended = cur.execute(
            "UPDATE windows SET ends_at = greatest(%(now)s, starts_at + interval '1 microsecond'), ended_by = %(by)s"
            f" WHERE id = %(id)s AND site = ANY(%(sites)s) AND ends_at > %(now)s RETURNING {_COLUMNS}",
            {"id": window, "sites": list(sites), "by": by, "now": now},
        ).fetchone()
    if ended is not None:
        changed(conn)
    return ended


def current(conn: Connection, now: datetime) -> tuple[Window, ...]:
    """Every window that runs at `now` or is to come, of all sites."""
    with conn.cursor(row_factory=class_row(Window)) as cur:
        return tuple(cur.execute(f"SELECT {_COLUMNS} FROM windows WHERE ends_at > %s ORDER BY id", (now,)))


def of_sites(conn: Connection, sites: Collection[str], since: datetime) -> list[Window]:
    """Windows of these sites that ended after `since`, or have not ended, the newest first."""
    with conn.cursor(row_factory=class_row(Window)) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM windows WHERE site = ANY(%s) AND ends_at > %s ORDER BY starts_at DESC, id DESC",
            (list(sites), since),
        ).fetchall()


def maintenance(conn: Connection, begins: datetime, ends: datetime) -> tuple[Window, ...]:
    """Maintenance windows that touch this time, ended ones too."""
    with conn.cursor(row_factory=class_row(Window)) as cur:
        return tuple(
            cur.execute(
                f"SELECT {_COLUMNS} FROM windows"
                " WHERE purpose = 'maintenance' AND starts_at < %s AND ends_at > %s ORDER BY id",
                (ends, begins),
            )
        )
