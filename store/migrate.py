"""Bring a database to this version: Alembic over plain SQL files, one transaction, one at a time."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import Connection, errors

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    # an attribute, not an option: a password may hold the % that options would read as a reference
    config.attributes["url"] = _for_sqlalchemy(url)
    return config


def _for_sqlalchemy(url: str) -> sqlalchemy.URL:
    return sqlalchemy.make_url(url).set(drivername="postgresql+psycopg")


def migrate(url: str) -> None:
    """Apply what is missing; nothing is applied by halves, and a second call waits for the first and then does nothing.

    The database's user must own it (and may create roles and the timescaledb extension on the first run).
    """
    command.upgrade(_config(url), "head")


def newest() -> str:
    """The revision this code needs."""
    head = ScriptDirectory.from_config(_config("postgresql:///")).get_current_head()
    assert head is not None
    return head


def is_current(conn: Connection) -> bool:
    """Whether the database has the revision this code needs."""
    try:
        row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    except (errors.UndefinedTable, errors.InsufficientPrivilege):
        conn.rollback()
        return False
    return row is not None and row[0] == newest()
