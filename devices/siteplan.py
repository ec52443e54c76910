"""A site as a file: one GeoJSON FeatureCollection (RFC 7946) with the site, its grids and its devices. Pure.

Each feature says in `properties.type` what it is:

- `site` (one; geometry Point or null): `site`, `name`, `timezone`?, `invented`?
- `grid` (Polygon or MultiPolygon): `grid`, `name`, `parent`?, `officer`?
- `camera`, `button` (Point or null), `gateway`: `device`, `name`, `address`?, `grid`?, `bearing`?, `fov`?, `range`?,
  `expect`?, `simulated`?, `via`?, `native`?, `format`?, `prefix`?

A device without a `grid` gets the deepest grid that its point lies in.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args
from zoneinfo import ZoneInfo

import msgspec
import orjson
from shapely import GEOSException
from shapely.geometry import shape
from shapely.validation import explain_validity

from devices.registry import NAME_RULE, Device, Grid, Kind, Registry, Site, is_name, prefix_fault

SAMPLES = Path(__file__).parent / "sites"

_T = TypeVar("_T")

_DEVICE_KINDS: tuple[str, ...] = get_args(Kind)
_PLAIN = ("grid", "address", "bearing", "fov", "range", "expect", "simulated", "via", "native", "format", "prefix")


class SitePlan(msgspec.Struct, frozen=True):
    """A site with all that is to stand in the registry for it."""

    site: Site
    grids: tuple[Grid, ...]
    devices: tuple[Device, ...]


class SitePlanError(ValueError):
    """The file can't be taken; the message names the feature and says what to change."""


def sample_path(name: str) -> Path:
    """Where the file of an invented sample site lies (see devices.samples)."""
    return SAMPLES / f"{name}.geojson"


def sample(name: str) -> SitePlan:
    """An invented sample site: zhihuo or liujiang. Raises SitePlanError for another name."""
    return read_plan(sample_path(name))


def read_plan(file: Path) -> SitePlan:
    """Read and check a site file.

    Raises SitePlanError when it can't be opened, or at its first fault.
    """
    return read(_text_of(file))


def _text_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as exc:
        raise SitePlanError(f"{file} can't be read: {exc.strerror}") from exc


def read(text: bytes) -> SitePlan:
    """Read and check a site file's text.

    Raises SitePlanError at the first fault.
    """
    parts = _features_of(text)
    sites = [part for part in parts if part.type == "site"]
    if len(sites) != 1:
        raise SitePlanError(f"there are {len(sites)} features of type 'site'; there must be exactly one")
    site = sites[0].site()
    grids = tuple(part.grid(site.site) for part in parts if part.type == "grid")
    _check_grids(grids)
    devices = tuple(part.device(site.site) for part in parts if part.type in _DEVICE_KINDS)
    return SitePlan(site, grids, tuple(_placed(site, grids, devices)))


def _features_of(text: bytes) -> "list[_Feature]":
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise SitePlanError(f"this is not JSON ({exc}); give a GeoJSON FeatureCollection") from exc
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise SitePlanError('this is not a GeoJSON FeatureCollection: the top needs "type": "FeatureCollection"')
    features = document.get("features")
    if not isinstance(features, list):
        raise SitePlanError("the FeatureCollection has no list of features")
    return [_Feature(number, feature) for number, feature in enumerate(features, 1)]


def read_devices(file: Path, known: Registry, site: str | None = None) -> tuple[Device, ...]:
    """Read and check the devices of a file for a site that `known` has, with its grids; grids of the file are passed
    over.

    The site is the file's own, or `site` where the file has none. A device may speak through a gateway that `known`
    has. Raises SitePlanError at the first fault.
    """
    parts = _features_of(_text_of(file))
    named = {part.site().site for part in parts if part.type == "site"} | ({site} if site else set())
    if len(named) != 1:
        raise SitePlanError("it must be clear which site the devices belong to: name one, in the file or beside it")
    whose = known.sites.get(named.pop())
    if whose is None:
        raise SitePlanError("the file's site is not known yet: `skynet sites import` takes the whole file")
    devices = tuple(part.device(whose.site) for part in parts if part.type in _DEVICE_KINDS)
    grids = tuple(grid for grid in known.grids.values() if grid.site == whose.site)
    others = {one.device: one for (of, _), one in known.devices.items() if of == whose.site and one.registered}
    return tuple(_placed(whose, grids, devices, others))


class _Feature:
    """One feature while it is read; every complaint of its names it."""

    def __init__(self, number: int, feature: object) -> None:
        self.label = f"feature {number}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise SitePlanError(f"{self.label} is not a GeoJSON Feature")
        properties = feature.get("properties")
        if not isinstance(properties, dict):
            raise SitePlanError(f"{self.label} has no properties; it needs at least a type")
        self.properties: dict[str, Any] = properties
        self.geometry = feature.get("geometry")
        self.type = properties.get("type")
        if self.type not in ("site", "grid", *_DEVICE_KINDS):
            raise SitePlanError(
                f"{self.label} has the type {self.type!r}; properties.type is site, grid, camera, button or gateway"
            )
        name = properties.get("device" if self.type in _DEVICE_KINDS else self.type)
        self.label = f"feature {number} ({self.type} {name!r})"

    def wrong(self, what: str) -> SitePlanError:
        return SitePlanError(f"{self.label}: {what}")

    def site(self) -> Site:
        at = self._point()
        plain = self._given("timezone", "invented")
        made = self._made(
            Site,
            {"site": self._name("site"), "name": self._text("name"), "lat": at and at[0], "lon": at and at[1], **plain},
        )
        try:
            ZoneInfo(made.timezone)
        except (KeyError, ValueError, OSError):
            raise self.wrong(f"no such time zone {made.timezone!r}; write one like Asia/Shanghai") from None
        return made

    def grid(self, site: str) -> Grid:
        plain = self._given("parent", "officer")
        made = self._made(
            Grid,
            {"site": site, "grid": self._name("grid"), "name": self._text("name"), "geometry": self.geometry, **plain},
        )
        if made.geometry.get("type") not in ("Polygon", "MultiPolygon"):
            raise self.wrong("a grid's geometry is a Polygon or a MultiPolygon")
        try:
            area = shape(made.geometry)
            fault = None if area.is_valid and not area.is_empty else explain_validity(area)
        except (GEOSException, AttributeError, IndexError, KeyError, TypeError, ValueError) as exc:
            raise self.wrong(f"its polygon can't be read ({exc})") from exc
        if fault is not None:
            raise self.wrong(f"its polygon is not a sound one ({fault}); mend it in a GIS program")
        west, south, east, north = area.bounds
        if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
            raise self.wrong("its polygon lies outside the world; coordinates are [longitude, latitude] in WGS-84")
        return made

    def device(self, site: str) -> Device:
        at = self._point()
        plain = self._given(*_PLAIN)
        place = {"lat": at and at[0], "lon": at and at[1]}
        made = self._made(
            Device,
            {
                "site": site,
                "device": self._name("device"),
                "kind": self.type,
                "name": self._text("name"),
                **place,
                **plain,
            },
        )
        fault = device_fault(made)
        if fault is not None:
            raise self.wrong(fault)
        return made

    def _given(self, *keys: str) -> dict[str, Any]:
        return {key: self.properties[key] for key in keys if key in self.properties}

    def _made(self, kind: type[_T], fields: dict[str, Any]) -> _T:
        try:
            return msgspec.convert(fields, kind)
        except msgspec.ValidationError as exc:
            raise self.wrong(str(exc).replace("$.", "")) from exc

    def _name(self, key: str) -> str:
        name = self.properties.get(key)
        if not isinstance(name, str) or not is_name(name):
            raise self.wrong(f"properties.{key} is {name!r}; a name is {NAME_RULE}")
        return name

    def _text(self, key: str) -> str:
        text = self.properties.get(key)
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise self.wrong(f"properties.{key} is missing; give it a text for people to read")
        return text

    def _point(self) -> tuple[float, float] | None:
        """Latitude and longitude of the feature, None without geometry."""
        if self.geometry is None:
            return None
        coordinates = self.geometry.get("coordinates") if isinstance(self.geometry, dict) else None
        if not isinstance(coordinates, list) or self.geometry.get("type") != "Point" or len(coordinates) < 2:
            raise self.wrong("its geometry is a Point with [longitude, latitude], or null")
        lon, lat = coordinates[:2]
        for value, limit, word in ((lon, 180, "longitude"), (lat, 90, "latitude")):
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= limit:
                raise self.wrong(f"the {word} {value!r} is not a number from -{limit} to {limit}")
        return float(lat), float(lon)


def device_fault(device: Device) -> str | None:
    """What is wrong with a device's own particulars, or None; beyond this, names and prefixes must not be taken."""
    if not is_name(device.device):
        return f"the name {device.device!r} can't be: a name is {NAME_RULE}"
    for word, value, low, high in (
        ("bearing", device.bearing, 0.0, 360.0),
        ("fov", device.fov, 1.0, 360.0),
        ("range", device.range, 1.0, 10_000.0),
        ("expect", device.expect, 1.0, 31 * 86_400.0),
        ("lat", device.lat, -90.0, 90.0),
        ("lon", device.lon, -180.0, 180.0),
    ):
        if value is not None and not (math.isfinite(value) and low <= value <= high):
            return f"{word} is {value:g}; it must be from {low:g} to {high:g}"
    for one, other, meaning in (
        ("lat", "lon", "give both or neither"),
        ("via", "native", "the gateway, and the name that it uses for this device"),
        ("format", "prefix", "what the gateway speaks, and the topic it speaks below"),
    ):
        if (getattr(device, one) is None) != (getattr(device, other) is None):
            return f"{one} and {other} go together: {meaning}"
    if device.prefix is None:
        return None
    return prefix_fault(device.prefix, ()) if device.kind == "gateway" else "only a gateway has a format and a prefix"


def _check_grids(grids: tuple[Grid, ...]) -> None:
    parents: dict[str, str | None] = {}
    for grid in grids:
        if grid.grid in parents:
            raise SitePlanError(f"the grid {grid.grid!r} stands there twice")
        parents[grid.grid] = grid.parent
    for name, parent in parents.items():
        seen = {name}
        above = parent
        while above is not None:
            if above not in parents:
                raise SitePlanError(f"the grid {name!r} lies below {above!r}, which is not in the file")
            if above in seen:
                raise SitePlanError(f"the grids {sorted(seen)} lie below each other in a ring; one must be on top")
            seen.add(above)
            above = parents[above]


def _placed(
    site: Site, grids: tuple[Grid, ...], devices: tuple[Device, ...], others: dict[str, Device] | None = None
) -> Iterator[Device]:
    """The devices with their grids, after the checks that need to see each other and the site's `others`."""
    names: dict[str, Device] = {}
    for device in devices:
        if device.device in names:
            raise SitePlanError(f"the device {device.device!r} stands there twice")
        names[device.device] = device
    _check_gateways((others or {}) | names)
    map_of_site = Registry(0, [site], grids)
    for device in devices:
        if device.grid is not None and (site.site, device.grid) not in map_of_site.grids:
            raise SitePlanError(f"the device {device.device!r}: there is no grid {device.grid!r} in the file")
        if device.grid is None and device.lat is not None and device.lon is not None:
            grid = map_of_site.grid_at(site.site, device.lat, device.lon)
            yield msgspec.structs.replace(device, grid=grid)
        else:
            yield device


def _check_gateways(names: dict[str, Device]) -> None:
    natives: set[tuple[str, str | None]] = set()
    prefixes: list[str] = []
    for device in names.values():
        if device.via is not None:
            if device.via not in names or names[device.via].kind != "gateway":
                raise SitePlanError(f"the device {device.device!r}: there is no gateway {device.via!r} in the file")
            if (device.via, device.native) in natives:
                raise SitePlanError(f"two devices are called {device.native!r} by the gateway {device.via!r}")
            natives.add((device.via, device.native))
        if device.prefix is not None:
            fault = prefix_fault(device.prefix, prefixes)
            if fault is not None:
                raise SitePlanError(f"the gateway {device.device!r}: {fault}")
            prefixes.append(device.prefix)
