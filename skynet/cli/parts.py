"""`skynet ingest`, `alerts`, `web`, `migrate`: one part alone."""

import typer

from skynet.cli.context import DataDir, load


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(ingest)
    app.command()(alerts)
    app.command()(web)
    app.command()(migrate)


# Each part is imported when it is asked for: the database's migration need not wait for the web server's libraries.


def ingest(data_dir: DataDir = None) -> None:
    """Take in what devices say over MQTT, until SIGTERM."""
    from ingest.service import run  # noqa: PLC0415

    run(load(data_dir))


def alerts(data_dir: DataDir = None) -> None:
    """Watch deadlines and devices' silence, until SIGTERM."""
    from alerts.service import run  # noqa: PLC0415

    run(load(data_dir))


def web(data_dir: DataDir = None) -> None:
    """Serve the console, the HTTP calls and the live feed, until SIGTERM."""
    from web.server import run  # noqa: PLC0415

    run(load(data_dir))


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this version; a second run does nothing."""
    from store import migrate as migrations  # noqa: PLC0415

    migrations.migrate(load(data_dir).require_database())
    typer.echo(f"the database is at version {migrations.newest()}")
