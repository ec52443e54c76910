"""What every command needs: settings, a connection, the broker, and one way to print."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import typer
from psycopg import Connection

from skynet import logs, settings
from skynet.cli.errors import CommandError
from skynet.settings import Settings
from store.connect import connect

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The data of a system on this machine (default: SKYNET_DATA_DIR, else ./data)."),
]
WHEN = "as 2026-11-20 or 2026-11-20T08:00, in the site's own time unless it has a zone"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def load(data_dir: Path | None = None) -> Settings:
    """Settings for a command, with logging set up by them."""
    loaded = settings.load(data_dir)
    logs.setup(loaded.log_level, fmt=loaded.log_format)
    return loaded


@contextmanager
def database(loaded: Settings) -> Iterator[Connection]:
    """One transaction for a command: committed when it ends well, rolled back when it raises."""
    with connect(loaded.require_database(), part="command") as conn:
        yield conn


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode())


def print_rows(rows: list[dict[str, object]], columns: list[str]) -> None:
    """A plain table: one line each, columns padded."""
    table = [columns, *([("" if row.get(name) is None else str(row[name])) for name in columns] for row in rows)]
    widths = [max(len(line[number]) for line in table) for number in range(len(columns))]
    for line in table:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def moment(text: str | None, option: str, zone: ZoneInfo) -> datetime | None:
    """A time that an option gives, in the site's zone unless it names one.

    Raises CommandError when it can't be read.
    """
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option} {text!r} is no time: write it {WHEN}") from None
    return read if read.tzinfo is not None else read.replace(tzinfo=zone)
