"""`skynet devices add | list | import | remove`: the registry and the broker's log-ins, changed together."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from psycopg import Connection

from devices.formats import LANE_OF_FORMAT
from devices.registry import NAME_RULE, Device, Kind, Registry, is_name
from devices.siteplan import device_fault, read_devices
from skynet.cli import logins
from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from skynet.settings import Settings
from store import registry

app = typer.Typer(no_args_is_help=True)

SiteOption = Annotated[str | None, typer.Option("--site", help="Only this site's.")]


@app.command()
def add(
    site: Annotated[str, typer.Argument(help="The site it belongs to.")],
    device: Annotated[str, typer.Argument(help="Its name in topics: " + NAME_RULE)],
    *,
    kind: Annotated[Kind | None, typer.Option(help="What it is; needed for a new one.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name for people (default: the one in topics).")] = None,
    address: Annotated[str | None, typer.Option(help="Where it is, in words.")] = None,
    grid: Annotated[str | None, typer.Option(help="Its grid (default: the one that its place lies in).")] = None,
    lat: Annotated[float | None, typer.Option(help="Latitude, WGS-84 degrees.")] = None,
    lon: Annotated[float | None, typer.Option(help="Longitude, WGS-84 degrees.")] = None,
    bearing: Annotated[float | None, typer.Option(help="Where a camera looks, degrees clockwise from north.")] = None,
    fov: Annotated[float | None, typer.Option(help="How wide it sees, degrees.")] = None,
    reach: Annotated[float | None, typer.Option("--range", help="How far it sees, metres.")] = None,
    expect: Annotated[float | None, typer.Option(help="Seconds between two signs of life (default: 30).")] = None,
    via: Annotated[str | None, typer.Option(help="The gateway it speaks through.")] = None,
    native: Annotated[str | None, typer.Option(help="Its name there.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Of a gateway: frigate or zigbee2mqtt.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Of a gateway: the topic it publishes below.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a device and print its log-in, once; for a device that is there: change what is given, and its password."""
    if not is_name(device):
        raise CommandError(f"{device!r} can't be a device's name, since it stands in topics: use {NAME_RULE}")
    given = {
        "kind": kind, "name": name, "address": address, "grid": grid, "lat": lat, "lon": lon, "bearing": bearing,
        "fov": fov, "range": reach, "expect": expect, "via": via, "native": native, "format": format_, "prefix": prefix,
    }  # fmt: skip
    loaded = load(data_dir)
    with database(loaded) as conn:
        wanted = _wanted(
            registry.load(conn), site, device, {key: what for key, what in given.items() if what is not None}
        )
        [login] = _register(conn, loaded, [wanted])
        version = registry.version(conn)
    logins.wait_taken_up(loaded, version)
    _print_login(login, as_json=as_json)


def _wanted(known: Registry, site: str, device: str, given: dict[str, object]) -> Device:
    """The device as it is to be: what is given, over what is known of it."""
    before = known.devices.get((site, device))
    kept = msgspec.structs.asdict(before) if before is not None and before.registered else {}
    if "kind" in given and kept.get("kind", given["kind"]) != given["kind"]:
        kept = {}  # another thing by the same name
    if "kind" not in kept | given:
        raise CommandError("say what it is: --kind camera, button or gateway")
    if "lat" in given and "grid" not in given:
        kept.pop("grid", None)
    fields = {"name": device, **kept, **given, "site": site, "device": device, "registered": True, "simulated": False}
    wanted = msgspec.convert(fields, Device)
    if fault := device_fault(wanted):
        raise CommandError(fault)
    if wanted.format is not None and wanted.format not in LANE_OF_FORMAT:
        raise CommandError(f"no format {wanted.format!r} is known: use one of {', '.join(sorted(LANE_OF_FORMAT))}")
    if wanted.grid is None and wanted.lat is not None and wanted.lon is not None:
        wanted = msgspec.structs.replace(wanted, grid=known.grid_at(site, wanted.lat, wanted.lon))
    return wanted


def _register(conn: Connection, loaded: Settings, wanted: list[Device]) -> list[logins.GivenLogin]:
    """Put devices into the registry and give them log-ins; the caller commits."""
    registry.add_devices(conn, wanted)
    return logins.give(conn, loaded, wanted)


def _print_login(login: logins.GivenLogin, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.structs.asdict(login))
    elif login.username is None:
        typer.echo(f"device {login.device} of {login.site} is there; it speaks through its gateway's log-in")
    else:
        typer.echo(f"device {login.device} of {login.site} is there; its log-in, shown this once:")
        typer.echo(f"  username  {login.username}\n  password  {login.password}")


@app.command("list")
def list_(*, site: SiteOption = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the devices, those that nobody registered too."""
    with database(load(data_dir)) as conn:
        known = registry.load(conn)
    shown = known.communities.keys() & (known.communities.keys() if site is None else {site})
    rows = [msgspec.structs.asdict(one) for key, one in sorted(known.devices.items()) if key[0] in shown]
    columns = ["site", "device", "kind", "name", "grid", "registered", "simulated", "via", "native", "address"]
    print_json({"items": rows}) if as_json else print_rows(rows, columns)


@app.command()
def remove(site: str, device: str, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Remove a device and end its log-in; of a gateway, also what speaks through it. Its history stays."""
    loaded = load(data_dir)
    with database(loaded) as conn:
        if not registry.remove_device(conn, site, device):
            raise CommandError(f"no device {device!r} in site {site!r}: `skynet devices list` shows them")
        logins.take_away(loaded, [(site, device)])
        version = registry.version(conn)
    logins.wait_taken_up(loaded, version)
    print_json({"removed": f"{site}.{device}"}) if as_json else typer.echo(f"device {device} of {site} is gone")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A GeoJSON FeatureCollection: docs/operating.md says which properties.")],
    *,
    site: Annotated[str | None, typer.Option(help="The site they belong to, if the file does not name one.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add or change the devices of a file in a site that is there; prints the log-ins of new ones, once."""
    loaded = load(data_dir)
    with database(loaded) as conn:
        known = registry.load(conn)
        wanted = read_devices(file, known, site)
        before = {key for key, one in known.devices.items() if one.registered}
        registry.add_devices(conn, wanted)
        # a simulated device gets its password from the simulator, at each start of it
        new = [one for one in wanted if (one.site, one.device) not in before and not one.simulated]
        given = logins.give(conn, loaded, new)
        logins.follow(conn, loaded, known, wanted)
        version = registry.version(conn)
    logins.wait_taken_up(loaded, version)
    _print_imported(len(wanted), given, as_json=as_json)


def _print_imported(count: int, given: list[logins.GivenLogin], *, as_json: bool) -> None:
    if as_json:
        print_json({"devices": count, "items": [msgspec.structs.asdict(one) for one in given]})
        return
    typer.echo(f"{count} devices are there, {len(given)} of them new; their log-ins, shown this once:", err=True)
    for one in given:
        typer.echo(msgspec.json.encode(one).decode())
