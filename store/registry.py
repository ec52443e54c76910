"""The registry's tables: sites, grids, devices and the credentials of devices. Every change moves the version and rings."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import orjson
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from devices.registry import SELF_SITE, Device, Grid, Registry, Site, prefix_fault
from devices.siteplan import SitePlan

CHANNEL = "skynet_registry"
_ADDING = 0x5C1DE  # any number, the same for every command that adds devices

_DEVICE_FIELDS = tuple(Device.__struct_fields__)
_DEVICE_COLUMNS = ", ".join(_DEVICE_FIELDS)
_SITE_COLUMNS = ", ".join(Site.__struct_fields__)
_GRID_COLUMNS = ", ".join(Grid.__struct_fields__)
_DEVICE_VALUES = ", ".join(f"%({name})s" for name in _DEVICE_FIELDS)
_UPSERT_DEVICE = (
    f"INSERT INTO devices ({_DEVICE_COLUMNS}) VALUES ({_DEVICE_VALUES}) ON CONFLICT (site, device) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _DEVICE_FIELDS if name not in {"site", "device"})
)


class RegistryError(Exception):
    """The registry can't hold this; the message says what to do."""


class Credentials(msgspec.Struct, frozen=True):
    """What the broker checks a device's password against: PBKDF2-HMAC-SHA512, base64."""

    username: str
    site: str
    device: str
    salt: str
    iterations: int
    password_hash: str


def load(conn: Connection) -> Registry:
    """The whole registry as one snapshot."""
    number = version(conn)
    with conn.cursor(row_factory=class_row(Site)) as cur:
        sites = cur.execute(f"SELECT {_SITE_COLUMNS} FROM sites").fetchall()
    with conn.cursor(row_factory=class_row(Grid)) as cur:
        grids = cur.execute(f"SELECT {_GRID_COLUMNS} FROM grids").fetchall()
    with conn.cursor(row_factory=class_row(Device)) as cur:
        devices = cur.execute(f"SELECT {_DEVICE_COLUMNS} FROM devices").fetchall()
    return Registry(number, sites, grids, devices)


def version(conn: Connection) -> int:
    """How often the registry has changed; read before its tables, so that a snapshot is never older than its version."""
    row = conn.execute("SELECT version FROM registry_version").fetchone()
    assert row is not None
    return int(row[0])


def changed(conn: Connection) -> None:
    """Let every part take up what has changed of sites, grids, devices or windows."""
    conn.execute("UPDATE registry_version SET version = version + 1")
    conn.execute(f"NOTIFY {CHANNEL}")


def add_site(conn: Connection, site: Site) -> None:
    """Add a site with its feed, or change its name, place and time zone.

    Raises RegistryError for the name that is the system's own.
    """
    if site.site == SELF_SITE:
        raise RegistryError(f"{SELF_SITE} is the system's own site: take another name")
    values = msgspec.structs.asdict(site)
    conn.execute(
        f"INSERT INTO sites ({_SITE_COLUMNS}) VALUES ({', '.join(f'%({name})s' for name in values)})"
        " ON CONFLICT (site) DO UPDATE SET name = excluded.name, timezone = excluded.timezone, lat = excluded.lat,"
        " lon = excluded.lon, invented = excluded.invented",
        values,
    )
    conn.execute("INSERT INTO feed_counters (site) VALUES (%s) ON CONFLICT DO NOTHING", (site.site,))
    changed(conn)


def import_site(conn: Connection, plan: SitePlan) -> None:
    """Take over a site's plan: what it names is added or changed, grids it does not name go, other devices stay.

    Raises RegistryError as add_device does.
    """
    add_site(conn, plan.site)
    kept = [grid.grid for grid in plan.grids]
    conn.execute("UPDATE devices SET grid = NULL WHERE site = %s AND NOT grid = ANY(%s)", (plan.site.site, kept))
    conn.execute("DELETE FROM grids WHERE site = %s AND NOT grid = ANY(%s)", (plan.site.site, kept))
    with conn.cursor() as cur:
        cur.executemany(
            f"INSERT INTO grids ({_GRID_COLUMNS}) VALUES"
            " (%(site)s, %(grid)s, %(name)s, %(geometry)s, %(parent)s, %(officer)s)"
            " ON CONFLICT (site, grid) DO UPDATE SET name = excluded.name, geometry = excluded.geometry,"
            " parent = excluded.parent, officer = excluded.officer",
            [_grid_values(grid) for grid in plan.grids],
        )
    add_devices(conn, plan.devices)


def _grid_values(grid: Grid) -> dict[str, Any]:
    return msgspec.structs.asdict(grid) | {"geometry": Jsonb(grid.geometry, dumps=orjson.dumps)}


def remove_site(conn: Connection, site: str) -> bool:
    """Remove a site that has no history yet; whether there was one.

    Raises RegistryError when it has incidents: those are records to be kept.
    """
    if site != SELF_SITE and conn.execute("SELECT 1 FROM incidents WHERE site = %s LIMIT 1", (site,)).fetchone():
        raise RegistryError(f"site {site} has incidents, which are records to be kept: remove its devices instead")
    gone = conn.execute("DELETE FROM sites WHERE site = %s AND NOT internal", (site,)).rowcount > 0
    changed(conn)
    return gone


def add_device(conn: Connection, device: Device) -> None:
    """Add a device, or change it; it counts as registered from now on, if it says so.

    Raises RegistryError when its site, gateway or grid is unknown, or its prefix or native name is taken.
    """
    add_devices(conn, [device])


def add_devices(conn: Connection, devices: Sequence[Device]) -> None:
    """Add devices, or change them; an unregistered device that held a native name of theirs goes.

    Raises RegistryError as add_device does.
    """
    # two commands at once would each see no overlap with the other's prefix
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (_ADDING,))
    known = load(conn)
    gateways = {_key(one): one.prefix for one in known.gateways()} | {_key(one): one.prefix for one in devices}
    for device in sorted(devices, key=lambda one: one.kind != "gateway"):  # before what speaks through them
        if device.via is not None:
            _release_native(conn, device)
        _check(known, device, [prefix for key, prefix in gateways.items() if prefix and key != _key(device)])
        conn.execute(_UPSERT_DEVICE, msgspec.structs.asdict(device))
        if device.kind == "gateway":
            known = load(conn)
    changed(conn)


def _check(known: Registry, device: Device, other_prefixes: list[str]) -> None:
    if device.site not in known.communities:
        raise RegistryError(f"no site {device.site!r}: add it with `skynet sites add {device.site} --name NAME`")
    if device.grid is not None and (device.site, device.grid) not in known.grids:
        raise RegistryError(
            f"no grid {device.grid!r} in site {device.site!r}: `skynet sites import` brings a site's grids"
        )
    if device.via is not None:
        _check_native(known, device)
    if device.prefix is not None and (fault := prefix_fault(device.prefix, other_prefixes)):
        raise RegistryError(fault)


def _check_native(known: Registry, device: Device) -> None:
    gateway = known.devices.get((device.site, device.via or ""))
    if gateway is None or gateway.kind != "gateway":
        raise RegistryError(f"no gateway {device.via!r} in site {device.site!r}: add it first with --kind gateway")
    holder = known.native(device.site, gateway.device, device.native or "")
    if holder is not None and _key(holder) != _key(device) and holder.registered:
        raise RegistryError(
            f"{device.native!r} of gateway {device.via!r} is already device {holder.device!r}: remove it first"
        )


def _key(device: Device) -> tuple[str, str]:
    return (device.site, device.device)


def _release_native(conn: Connection, device: Device) -> None:
    """Let the unregistered device that held this native name go, now that somebody registers the name."""
    conn.execute(
        "DELETE FROM devices WHERE site = %s AND via = %s AND native = %s AND device <> %s AND NOT registered",
        (device.site, device.via, device.native, device.device),
    )


def keep_unregistered(conn: Connection, devices: Iterable[Device]) -> None:
    """Keep devices that nobody registered; those that are known by now stay as they are."""
    kept = 0
    for device in devices:
        kept += conn.execute(
            f"INSERT INTO devices ({_DEVICE_COLUMNS}) SELECT {_DEVICE_VALUES}"
            " WHERE EXISTS (SELECT FROM sites WHERE site = %(site)s) ON CONFLICT DO NOTHING",
            msgspec.structs.asdict(device),
        ).rowcount
    if kept:
        changed(conn)


def remove_device(conn: Connection, site: str, device: str) -> bool:
    """Remove a device, its credentials and, of a gateway, what speaks through it; whether there was one."""
    gone = (
        conn.execute(
            "DELETE FROM devices WHERE site = %s AND device = %s"
            " AND site IN (SELECT site FROM sites WHERE NOT internal)",
            (site, device),
        ).rowcount
        > 0
    )
    changed(conn)
    return gone


def put_credentials(conn: Connection, all_of_them: Sequence[Credentials]) -> None:
    """Keep what devices' passwords are checked against; earlier ones of the same devices end."""
    with conn.cursor() as cur:
        cur.executemany(
            "INSERT INTO credentials (username, site, device, salt, iterations, password_hash)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (username) DO UPDATE SET salt = excluded.salt,"
            " iterations = excluded.iterations, password_hash = excluded.password_hash, created_at = now()",
            [msgspec.structs.astuple(one) for one in all_of_them],
        )


def drop_credentials(conn: Connection, site: str, device: str) -> bool:
    """Forget the log-in of a device that speaks through a gateway from now on; whether it had one."""
    return conn.execute("DELETE FROM credentials WHERE site = %s AND device = %s", (site, device)).rowcount > 0


def has_credentials(conn: Connection, site: str, device: str) -> bool:
    """Whether a device has a log-in of its own."""
    row = conn.execute("SELECT 1 FROM credentials WHERE site = %s AND device = %s", (site, device)).fetchone()
    return row is not None


def all_credentials(conn: Connection) -> list[Credentials]:
    """The credentials of all devices, for making the broker's own file anew."""
    with conn.cursor(row_factory=class_row(Credentials)) as cur:
        return cur.execute(
            "SELECT username, site, device, salt, iterations, password_hash FROM credentials ORDER BY username"
        ).fetchall()
