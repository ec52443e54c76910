"""`skynet doctor`: what is configured, reachable, unsafe; exit 1 if not fit for duty."""

import re
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from pydantic import SecretStr

from skynet.cli.context import AsJson, DataDir, load, print_json
from skynet.settings import Settings, origins

if TYPE_CHECKING:
    from skynet.diagnosis import Finding

_SIGNS = {"ok": "ok     ", "warning": "WARNING", "fault": "FAULT  "}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(doctor)


def doctor(
    *,
    part: Annotated[str | None, typer.Option(help="Only whether this part works: ingest, alerts or web.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show every setting and how everything is; exit 1 if this system is not fit for duty."""
    from skynet import diagnosis  # noqa: PLC0415 - only this command needs what it needs

    loaded = load(data_dir)
    settings = [] if part else list(_settings(loaded))
    found = diagnosis.examine_part(loaded, part) if part else diagnosis.examine(loaded)
    fit = all(one.state != "fault" for one in found)
    if as_json:
        print_json({"fit": fit, "settings": settings, "checks": [msgspec.structs.asdict(one) for one in found]})
    else:
        _print(settings, found, fit=fit)
    if not fit:
        raise typer.Exit(1)


def _print(settings: list[dict[str, str | None]], found: "list[Finding]", *, fit: bool) -> None:
    for one in settings:
        shown = "(not set)" if one["value"] is None else one["value"]
        typer.echo(f"{one['name']} = {shown}\n    {one['meaning']} [{one['from']}]")
    if settings:
        typer.echo()
    for check in found:
        typer.echo(f"{_SIGNS[check.state]}  {check.what}: {check.said}")
    typer.echo("\nfit for duty" if fit else "\nNOT fit for duty")


def _settings(loaded: Settings) -> list[dict[str, str | None]]:
    """Every setting: how to set it, its value without secrets, where that is from, what it means."""
    source = origins(loaded)
    return [
        {
            "name": f"SKYNET_{name.upper()}",
            "value": shown(getattr(loaded, name)),
            "from": source[name],
            "meaning": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def shown(value: object) -> str | None:
    """A setting's value as it may be shown: of a URL everything but the password, of another secret nothing."""
    if value is None:
        return None
    secret = isinstance(value, SecretStr)
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if "://" in text:
        return re.sub(r"(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*):.*@", r"\1:***@", text))
    return "***" if secret else text
