"""Alembic's entry: one connection, one advisory lock, one transaction for all that is missing."""

import sqlalchemy
from alembic import context

LOCK = 0x5C1E7  # any number, the same for every migrating process


def run() -> None:
    """Run the missing revisions inside a transaction that holds the migration lock."""
    engine = sqlalchemy.create_engine(context.config.attributes["url"], poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.configure(connection=connection, transactional_ddl=True)
        context.run_migrations()
    engine.dispose()


run()
