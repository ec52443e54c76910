"""The registry snapshot, geometry, site files and the sample sites."""

import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import geometry, samples, siteplan
from devices.registry import Device, Grid, Registry, Site, is_name, name_for_native, prefix_fault
from devices.siteplan import SitePlanError

LAT, LON = 39.0, 83.0


def at(north: float, east: float) -> tuple[float, float]:
    return geometry.moved(LAT, LON, north, east)


def camera(name: str, north: float, east: float, **more: object) -> Device:
    lat, lon = at(north, east)
    fields = {"site": "s", "device": name, "kind": "camera", "name": name, "lat": lat, "lon": lon, **more}
    return Device(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("point", "metres", "direction"),
    [((100, 0), 100, 0), ((0, 100), 100, 90), ((-100, 0), 100, 180), ((0, -100), 100, 270), ((300, 400), 500, 53.13)],
)
def test_distance_and_bearing(point: tuple[float, float], metres: float, direction: float) -> None:
    there = at(*point)
    assert geometry.distance(LAT, LON, *there) == pytest.approx(metres, abs=0.05)
    assert geometry.bearing(LAT, LON, *there) == pytest.approx(direction, abs=0.05)


def test_a_degree_is_as_long_as_the_tables_say() -> None:
    north, east = geometry.metres_per_degree(45.0)
    assert north == pytest.approx(111_131.8, abs=1)  # Snyder 1987, table 2
    assert east == pytest.approx(78_846.8, abs=1)


@given(st.floats(-80, 80), st.floats(-180, 180), st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_there_and_back(lat: float, lon: float, north: float, east: float) -> None:
    there = geometry.moved(lat, lon, north, east)
    assert geometry.distance(lat, lon, *there) == pytest.approx(math.hypot(north, east), rel=0.01, abs=0.01)


@pytest.mark.parametrize(
    ("bearing", "fov", "reach", "point", "seen"),
    [
        (0, 90, 100, (50, 0), True),
        (0, 90, 100, (101, 0), False),
        (0, 90, 100, (50, 49), True),
        (0, 90, 100, (50, 52), False),
        (0, 90, 100, (-50, 0), False),
        (350, 40, 100, (50, 5), True),
        (0, 360, 100, (-50, 0), True),
        (None, None, 100, (-50, 0), True),
        (None, 60, 100, (-50, 0), True),
        (90, None, 100, (0, 50), True),
        (90, None, 100, (0, -50), False),
        (0, 90, None, (49, 0), True),
        (0, 90, None, (51, 0), False),
        (180, 10, 100, (0.2, 0), True),  # right beneath it
    ],
)
def test_what_a_camera_sees(
    bearing: float | None, fov: float | None, reach: float | None, point: tuple[float, float], *, seen: bool
) -> None:
    known = Registry(1, [], [], [camera("c", 0, 0, bearing=bearing, fov=fov, range=reach)])
    assert bool(known.cameras_seeing("s", *at(*point))) is seen


def test_the_nearest_camera_comes_first_and_scores_best() -> None:
    known = Registry(
        1, [], [], [camera("far", 90, 0, range=100), camera("near", 10, 0, range=100), camera("away", 900, 0)]
    )
    views = known.cameras_seeing("s", LAT, LON)
    assert [name for name, _ in views] == ["near", "far"]
    assert 1 >= views[0][1] > views[1][1] >= 0
    assert known.cameras_seeing("other", LAT, LON) == ()


def square(site: str, name: str, parent: str | None, low: float, high: float) -> Grid:
    corners = [at(low, low), at(low, high), at(high, high), at(high, low), at(low, low)]
    ring = [[lon, lat] for lat, lon in corners]
    return Grid(site=site, grid=name, name=name, parent=parent, geometry={"type": "Polygon", "coordinates": [ring]})


def test_the_deepest_grid_wins() -> None:
    grids = [square("s", "top", None, -500, 500), square("s", "low", "mid", 0, 100), square("s", "mid", "top", 0, 300)]
    known = Registry(1, [], grids)
    assert known.grid_at("s", *at(50, 50)) == "low"
    assert known.grid_at("s", *at(200, 200)) == "mid"
    assert known.grid_at("s", *at(-200, 200)) == "top"
    assert known.grid_at("s", *at(900, 0)) is None
    assert known.grid_at("other", *at(0, 0)) is None


def gateway(name: str, prefix: str) -> Device:
    return Device(site="s", device=name, kind="gateway", name=name, format="frigate", prefix=prefix)


def test_a_gateway_is_found_by_its_prefix() -> None:
    known = Registry(1, [], [], [gateway("a", "frigate"), gateway("b", "home/frigate")])
    assert known.gateway_for("frigate/events") == known.devices["s", "a"]
    assert known.gateway_for("home/frigate/x/y") == known.devices["s", "b"]
    for topic in ("frigate", "frigate2/events", "home/other", "", "/frigate/events"):
        assert known.gateway_for(topic) is None


@pytest.mark.parametrize("prefix", ["frigate", "home/z2m", "家里/z2m", "a b"])
def test_prefixes_that_can_be(prefix: str) -> None:
    assert prefix_fault(prefix, ["zigbee2mqtt", "home/z2"]) is None


@pytest.mark.parametrize(
    "prefix",
    ["", "#", "a/#", "a/+/b", "$SYS", "a$b", "skynet", "skynet/v1", "/a", "a/", "a//b", "home", "home/z2/x", "home/z2"],
)
def test_prefixes_that_can_not_be(prefix: str) -> None:
    assert prefix_fault(prefix, ["home/z2"])


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_made_up_name_is_a_name_and_its_own(one: str, other: str) -> None:
    assert is_name(name_for_native("gw", one))
    assert (name_for_native("gw", one) == name_for_native("gw", other)) == (one == other)


def feature(kind: str, geometry_: object = None, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": {"type": kind, **properties}, "geometry": geometry_}


def point(lat: float = LAT, lon: float = LON) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


SITE = feature("site", point(), site="s", name="站")
GRID = feature("grid", square("s", "g", None, -500, 500).geometry, grid="g", name="格")
BUTTON = feature("button", point(), device="b", name="按钮")
GATEWAY = feature("gateway", None, device="gw", name="网关", format="frigate", prefix="frigate")


def read(*features: object) -> siteplan.SitePlan:
    return siteplan.read(orjson.dumps({"type": "FeatureCollection", "features": features}))


def test_a_site_file() -> None:
    plan = read(
        SITE, GRID, BUTTON, GATEWAY, feature("camera", point(50, 10), device="c", name="头", via="gw", native="x")
    )
    assert plan.site == Site(site="s", name="站", lat=LAT, lon=LON)
    assert [(one.device, one.kind, one.grid) for one in plan.devices] == [
        ("b", "button", "g"),
        ("gw", "gateway", None),
        ("c", "camera", None),
    ]


@pytest.mark.parametrize(
    ("features", "complaint"),
    [
        ([GRID], "0 features of type 'site'"),
        ([SITE, SITE], "2 features of type 'site'"),
        ([SITE, "x"], "feature 2 is not"),
        ([SITE, {"type": "Feature", "properties": None}], "feature 2 has no properties"),
        ([SITE, feature("lamp", None, device="l")], "feature 2 has the type 'lamp'"),
        ([feature("site", None, site="S!", name="x")], "properties.site is 'S!'"),
        ([feature("site", None, site="s")], "properties.name is missing"),
        ([feature("site", None, site="s", name="x", timezone="Mars/Base")], "time zone"),
        ([SITE, feature("grid", point(), grid="g", name="x")], "feature 2 (grid 'g'): a grid's geometry"),
        ([SITE, feature("grid", None, grid="g", name="x")], "feature 2 (grid 'g')"),
        ([SITE, feature("grid", {"type": "Polygon", "coordinates": [[0]]}, grid="g", name="x")], "can't be read"),
        (
            [
                SITE,
                feature(
                    "grid",
                    {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
                    grid="g",
                    name="x",
                ),
            ],
            "Self-intersection",
        ),
        (
            [
                SITE,
                feature(
                    "grid",
                    {"type": "Polygon", "coordinates": [[[0, 0], [900, 0], [900, 80], [0, 0]]]},
                    grid="g",
                    name="x",
                ),
            ],
            "outside the world",
        ),
        ([SITE, GRID, GRID], "the grid 'g' stands there twice"),
        ([SITE, {**GRID, "properties": {"type": "grid", "grid": "g", "name": "x", "parent": "h"}}], "below 'h'"),
        ([SITE, {**GRID, "properties": {"type": "grid", "grid": "g", "name": "x", "parent": "g"}}], "in a ring"),
        ([SITE, BUTTON, BUTTON], "the device 'b' stands there twice"),
        ([SITE, feature("button", point(95), device="b", name="x")], "latitude 95"),
        ([SITE, feature("button", {"type": "Point", "coordinates": ["a", 1]}, device="b", name="x")], "longitude 'a'"),
        ([SITE, feature("button", {"type": "Line"}, device="b", name="x")], "Point"),
        ([SITE, feature("camera", None, device="c", name="x", bearing=400)], "bearing is 400"),
        ([SITE, feature("camera", None, device="c", name="x", fov="wide")], "feature 2 (camera 'c')"),
        ([SITE, feature("camera", None, device="c", name="x", via="gw")], "via and native"),
        ([SITE, feature("camera", None, device="c", name="x", via="gw", native="y")], "no gateway 'gw'"),
        ([SITE, feature("camera", None, device="c", name="x", format="f", prefix="p")], "only a gateway"),
        ([SITE, feature("gateway", None, device="w", name="x", format="frigate", prefix="a/#")], "'#'"),
        ([SITE, GATEWAY, {**GATEWAY, "properties": {**GATEWAY["properties"], "device": "h"}}], "overlaps"),  # type: ignore[dict-item]
        ([SITE, feature("button", None, device="b", name="x", grid="nowhere")], "no grid 'nowhere'"),
    ],
)
def test_a_site_file_that_is_refused(features: list[object], complaint: str) -> None:
    with pytest.raises(SitePlanError) as told:
        read(*features)
    assert complaint in str(told.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"type":"Feature"}', b'{"type":"FeatureCollection"}'])
def test_what_is_no_site_file(text: bytes) -> None:
    with pytest.raises(SitePlanError):
        siteplan.read(text)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(SitePlanError, match="can't be read"):
        siteplan.sample("atlantis")


@pytest.mark.parametrize("sample", samples.SAMPLES, ids=lambda one: one.site)
def test_the_sample_files_are_what_the_generator_draws(sample: samples.Sample) -> None:
    assert siteplan.sample_path(sample.site).read_bytes() == samples.draw(sample)


@pytest.mark.parametrize(
    ("name", "villages", "grids", "cameras", "buttons"), [("zhihuo", 3, 15, 33, 60), ("liujiang", 1, 3, 5, 8)]
)
def test_the_sample_sites(name: str, villages: int, grids: int, cameras: int, buttons: int) -> None:
    plan = siteplan.sample(name)
    known = Registry(1, [plan.site], plan.grids, plan.devices)
    document = orjson.loads(siteplan.sample_path(name).read_bytes())
    assert plan.site.invented
    assert document["invented"] is True
    assert "虚构" in document["note"]["zh"]
    (top,) = [one.grid for one in plan.grids if one.parent is None]
    middle = [one.grid for one in plan.grids if one.parent == top]
    assert len(middle) == villages
    assert len([one for one in plan.grids if one.parent in middle]) >= grids
    assert len([one for one in plan.devices if one.kind == "camera"]) == cameras
    pressed = [one for one in plan.devices if one.kind == "button"]
    assert len(pressed) == buttons
    assert all(one.address and one.simulated for one in pressed)
    for one in plan.devices:
        assert one.lat is not None
        assert one.lon is not None
        assert known.grid_at(name, one.lat, one.lon) == one.grid
        if one.kind == "camera":
            assert None not in (one.bearing, one.fov, one.range)
    unseen = [one for one in pressed if not known.cameras_seeing(name, one.lat or 0, one.lon or 0)]
    assert 0 < len(unseen) <= buttons / 4
