"""`skynet sites add | import | list | remove`."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from devices.registry import NAME_RULE, Site, is_name
from devices.siteplan import read_plan
from skynet.cli import logins
from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from store import registry

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    site: Annotated[str, typer.Argument(help="Its name in topics: " + NAME_RULE)],
    name: Annotated[str, typer.Option(help="Its name for people.")],
    timezone: Annotated[str, typer.Option(help="Its time zone.")] = "Asia/Shanghai",
    lat: Annotated[float | None, typer.Option(help="Latitude of its middle, WGS-84.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude of its middle, WGS-84.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a site, or change its name, place and time zone."""
    if not is_name(site):
        raise CommandError(f"{site!r} can't be a site's name: use {NAME_RULE}")
    added = Site(site=site, name=name, timezone=timezone, lat=lat, lon=lon)
    loaded = load(data_dir)
    with database(loaded) as conn:
        registry.add_site(conn, added)
        version = registry.version(conn)
    logins.wait_taken_up(loaded, version)
    print_json(msgspec.structs.asdict(added)) if as_json else typer.echo(f"site {site} ({name}) is there")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A GeoJSON FeatureCollection: docs/operating.md says which properties.")],
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take over a site with its grids and devices from a GeoJSON file; a second time changes what has changed."""
    plan = read_plan(file)
    loaded = load(data_dir)
    with database(loaded) as conn:
        before = registry.load(conn)
        registry.import_site(conn, plan)
        logins.follow(conn, loaded, before, plan.devices)
        version = registry.version(conn)
    logins.wait_taken_up(loaded, version)
    said = {"site": plan.site.site, "grids": len(plan.grids), "devices": len(plan.devices)}
    print_json(said) if as_json else typer.echo(
        f"site {plan.site.site}: {len(plan.grids)} grids and {len(plan.devices)} devices are there"
    )


@app.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the sites."""
    with database(load(data_dir)) as conn:
        known = registry.load(conn)
    rows = [
        msgspec.structs.asdict(site) | {"devices": sum(one == name for one, _ in known.devices)}
        for name, site in sorted(known.communities.items())
    ]
    print_json({"items": rows}) if as_json else print_rows(rows, ["site", "name", "timezone", "devices", "invented"])


@app.command()
def remove(site: str, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Remove a site that has no incidents yet, with its grids and devices."""
    loaded = load(data_dir)
    with database(loaded) as conn:
        may_log_in = [(one.site, one.device) for one in registry.all_credentials(conn) if one.site == site]
        if not registry.remove_site(conn, site):
            raise CommandError(f"no site {site!r}: `skynet sites list` shows them")
        logins.take_away(loaded, may_log_in)
        version = registry.version(conn)
    logins.wait_taken_up(loaded, version)
    print_json({"removed": site}) if as_json else typer.echo(f"site {site} is gone")
