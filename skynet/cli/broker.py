"""`skynet broker-files DIR`: the broker's configuration and who may log in, written from the database, for containers."""

import os
from pathlib import Path
from typing import Annotated

import typer

from skynet.cli.context import DataDir, database, load
from skynet.local import mosquitto
from store import registry

_PLUGIN = Path("/usr/lib/mosquitto_dynamic_security.so")  # where the official image has it


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("broker-files")(broker_files)


def broker_files(
    folder: Annotated[Path, typer.Argument(help="Where to; the broker must find it at the same path.")],
    *,
    owner: Annotated[int | None, typer.Option(help="The user (a number) who shall own the files.")] = None,
    host: Annotated[str, typer.Option(help="The address the broker listens on.")] = "0.0.0.0",  # noqa: S104 - a container's
    port: Annotated[int, typer.Option(help="The port it listens on.")] = 1883,
    plugin: Annotated[Path, typer.Option(help="The dynamic-security plugin.")] = _PLUGIN,
    data: Annotated[Path, typer.Option(help="Where the broker keeps its sessions.")] = Path("/mosquitto/data"),
    data_dir: DataDir = None,
) -> None:
    """Write mosquitto.conf and dynamic-security.json; before the broker starts, since it reads them once."""
    loaded = load(data_dir)
    with database(loaded) as conn:
        prefixes = {key: one.prefix for key, one in registry.load(conn).devices.items()}
        allowed = mosquitto.logins(registry.all_credentials(conn), prefixes)
    folder.mkdir(parents=True, exist_ok=True)
    password = loaded.require_mqtt_password()
    mosquitto.write_files(folder, password, allowed, host=host, port=port, plugin=plugin, data=data)
    if owner is not None:
        for name in ("dynamic-security.json", "mosquitto.conf"):
            os.chown(folder / name, owner, owner)
    typer.echo(f"{folder}: the broker's configuration, with {len(allowed)} devices that may log in")
