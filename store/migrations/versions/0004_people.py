"""Posts, shifts, the key that signs links, handovers."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply 0004_people.sql, by psycopg itself: SQLAlchemy would take a % in it for a placeholder."""
    connection = op.get_bind().connection.dbapi_connection
    assert connection is not None
    connection.execute(Path(__file__).with_suffix(".sql").read_text("utf-8"))
