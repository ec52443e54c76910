"""Which sites, grids and devices there are, as one immutable snapshot that decoders and rules look things up in. Pure.

The database's tables are the truth (store/registry.py loads this from them); a running part replaces its snapshot as a
whole when `version` has moved on.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from devices import geometry

Kind = Literal["camera", "button", "gateway"]

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")  # a site's or a device's name, as it stands in topics
NAME_RULE = "lower-case letters, digits and '-', at most 48, not beginning with '-'"

SELF_SITE, PROBE = "skynet-self", "probe"
"""The system's own site and its button, by which the pipeline proves itself; no person ever sees them."""

NO_EXPECTATION = 90_000.0  # seconds, 25 h: behind a gateway, what nobody registered may sleep, or have nothing to see


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One community: the unit of topics, feed, rules and officers. An `internal` one is the system's own."""

    site: str
    name: str
    timezone: str = "Asia/Shanghai"
    lat: float | None = None
    lon: float | None = None
    invented: bool = False
    internal: bool = False


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """A polygon of a site with its grid officer; `parent` makes a tree. `geometry` is GeoJSON, WGS-84."""

    site: str
    grid: str
    name: str
    geometry: dict[str, Any]
    parent: str | None = None
    officer: str | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A camera, a button or a gateway.

    `bearing` and `fov` are degrees (clockwise from north), `range` metres, `expect` seconds between two signs of life
    (None: the protocol's 30 s). `via` and `native` name it as its gateway does; `format` and `prefix` are a gateway's
    own.
    """

    site: str
    device: str
    kind: Kind
    name: str
    grid: str | None = None
    address: str | None = None
    lat: float | None = None
    lon: float | None = None
    bearing: float | None = None
    fov: float | None = None
    range: float | None = None
    expect: float | None = None
    registered: bool = True
    simulated: bool = False
    via: str | None = None
    native: str | None = None
    format: str | None = None
    prefix: str | None = None


class Registry:
    """All sites, grids and devices as of one `version`; never changed after it is made."""

    __slots__ = ("__dict__", "_natives", "_prefixes", "devices", "grids", "sites", "version")

    def __init__(
        self, version: int = 0, sites: Iterable[Site] = (), grids: Iterable[Grid] = (), devices: Iterable[Device] = ()
    ) -> None:
        self.version = version
        self.sites: Mapping[str, Site] = {site.site: site for site in sites}
        self.grids: Mapping[tuple[str, str], Grid] = {(grid.site, grid.grid): grid for grid in grids}
        self.devices: Mapping[tuple[str, str], Device] = {(one.site, one.device): one for one in devices}
        self._prefixes = {one.prefix: one for one in self.devices.values() if one.kind == "gateway" and one.prefix}
        self._natives = {
            (one.site, one.via, one.native): one
            for one in self.devices.values()
            if one.via is not None and one.native is not None
        }

    def gateways(self) -> list[Device]:
        """All gateways that speak another maker's format below a prefix."""
        return list(self._prefixes.values())

    def gateway_for(self, topic: str) -> Device | None:
        """The gateway below whose prefix this topic lies; prefixes never overlap."""
        end = len(topic)
        while (end := topic.rfind("/", 0, end)) > 0:
            gateway = self._prefixes.get(topic[:end])
            if gateway is not None:
                return gateway
        return None

    def native(self, site: str, gateway: str, name: str) -> Device | None:
        """The device that a gateway calls `name`, registered or not."""
        return self._natives.get((site, gateway, name))

    def cameras_seeing(self, site: str, lat: float, lon: float) -> tuple[tuple[str, float], ...]:
        """The cameras of a site that see a point, as (device, score), nearest first."""
        seen: list[tuple[float, str, float]] = []
        for camera, at in self._cameras.get(site, ()):
            view = geometry.view_score(at, (lat, lon), facing=camera.bearing, fov=camera.fov, reach=camera.range)
            if view is not None:
                seen.append((view[0], camera.device, view[1]))
        return tuple((name, score) for _, name, score in sorted(seen))

    def grid_at(self, site: str, lat: float, lon: float) -> str | None:
        """The deepest grid of a site's tree that holds a point; of two equally deep ones the first by name."""
        point = shapely.Point(lon, lat)
        for _, name, area in self._areas.get(site, ()):
            if area.intersects(point):
                return name
        return None

    @cached_property
    def communities(self) -> Mapping[str, Site]:
        """The sites that people work for: all but the system's own."""
        return {name: site for name, site in self.sites.items() if not site.internal}

    def way_up(self, site: str, grid: str | None) -> tuple[str, ...]:
        """A grid of a site and those it lies in, the nearest first."""
        return way_up(grid, lambda one: known.parent if (known := self.grids.get((site, one))) else None)

    @cached_property
    def _cameras(self) -> dict[str, list[tuple[Device, tuple[float, float]]]]:
        found: dict[str, list[tuple[Device, tuple[float, float]]]] = {}
        for one in self.devices.values():
            if one.kind == "camera" and one.lat is not None and one.lon is not None:
                found.setdefault(one.site, []).append((one, (one.lat, one.lon)))
        return found

    @cached_property
    def _areas(self) -> dict[str, list[tuple[int, str, BaseGeometry]]]:
        found: dict[str, list[tuple[int, str, BaseGeometry]]] = {}
        for grid in self.grids.values():
            area = shape(grid.geometry)
            shapely.prepare(area)
            found.setdefault(grid.site, []).append((-self._depth(grid), grid.grid, area))
        for areas in found.values():
            areas.sort(key=lambda area: area[:2])
        return found

    def _depth(self, grid: Grid) -> int:
        """How many grids stand above this one; only those that are there count."""
        return sum((grid.site, above) in self.grids for above in self.way_up(grid.site, grid.parent))


def way_up(grid: str | None, above: Callable[[str], str | None]) -> tuple[str, ...]:
    """A grid and those it lies in, the nearest first; a ring of parents (which the import refuses) ends it."""
    found: list[str] = []
    while grid is not None and grid not in found:
        found.append(grid)
        grid = above(grid)
    return tuple(found)


def is_name(text: str) -> bool:
    """Whether this can be a site's or device's name (NAME_RULE)."""
    return NAME.fullmatch(text) is not None


def prefix_fault(prefix: str, others: Iterable[str]) -> str | None:
    """Why a gateway can't have this topic prefix, or None when it can; `others` are the prefixes of other gateways."""
    if not prefix or len(prefix) > 128:
        return "a prefix has 1 to 128 characters"
    if any(sign in prefix for sign in "#+$\0"):
        return f"the prefix {prefix!r} holds '#', '+' or '$'; give the plain topic that the gateway publishes below"
    if any(not part for part in prefix.split("/")):
        return f"the prefix {prefix!r} begins or ends with '/' or has an empty level; leave the '/' out"
    if prefix.split("/", maxsplit=1)[0] == "skynet":
        return f"the prefix {prefix!r} belongs to the devices that speak our own format; choose another"
    for other in others:
        if prefix == other or prefix.startswith(other + "/") or other.startswith(prefix + "/"):
            return f"the prefix {prefix!r} overlaps {other!r} of another gateway; choose one beside it"
    return None


def name_for_native(gateway: str, native: str) -> str:
    """A device name for a native name that nobody registered: readable if it can be, and always the same one."""
    digest = hashlib.blake2b(f"{gateway}\0{native}".encode(errors="replace"), digest_size=4).hexdigest()
    words = re.sub(r"[^a-z0-9]+", "-", native.lower()).strip("-")[:30].strip("-")
    readable = any(letter.isalpha() for letter in words)  # what is left of a Chinese name may be a lone number
    return f"{words}-{digest}" if readable else f"unnamed-{digest}"
