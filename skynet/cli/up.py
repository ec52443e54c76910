"""`skynet up`: the whole system on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from skynet.cli.context import DataDir
from skynet.cli.errors import CommandError
from skynet.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(up)


def up(
    *,
    data_dir: DataDir = None,
    host: Annotated[str | None, typer.Option(help="The address the web server listens on.")] = None,
    web_port: Annotated[int | None, typer.Option(help="Its port; 0: any free one.")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="The broker's port; 0: any free one.")] = None,
    db_port: Annotated[int | None, typer.Option(help="The database's port; 0: any free one.")] = None,
    ready_file: Annotated[Path | None, typer.Option(help="Written when all of it works: four URLs as JSON.")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="With the invented sample sites, live.")] = False,
) -> None:
    """Run the whole system: own TimescaleDB and Mosquitto where none is configured, and every part; Ctrl-C ends it."""
    from skynet import logs  # noqa: PLC0415
    from skynet.local.processes import CantRun  # noqa: PLC0415
    from skynet.local.programs import ProgramsError, say  # noqa: PLC0415
    from skynet.local.system import System, Wanted  # noqa: PLC0415

    settings = Settings() if data_dir is None else Settings(data_dir=data_dir)
    logs.setup(settings.log_level, fmt=settings.log_format)
    port = web_port if web_port is not None else settings.web_port if "web_port" in settings.model_fields_set else None
    wanted = Wanted(settings.data_dir, host or settings.host, port, mqtt_port, db_port, ready_file, simulate)
    try:
        System(wanted, settings, say, typer.echo).run()
    except (CantRun, ProgramsError) as exc:
        raise CommandError(str(exc)) from exc
