"""The invented sample sites: drawn from a seed. Pure but for `write`.

Nothing in them is real: the outlines, the grids and the places are drawn by chance in the middle of a desert, where
nobody lives; only the kind of community (three former villages, 33 cameras) follows a real example. `python -m
devices.samples` writes the files anew; a test keeps files and generator the same.
"""

import math
from typing import Any

import msgspec
import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPoint, Point, Polygon, mapping
from shapely.geometry.base import BaseGeometry

from devices import geometry
from devices.siteplan import sample_path

_Points = NDArray[np.float64]

_NOTE = {
    "zh": "虚构的示例站点:边界、网格、探头、按钮和地址均为随机生成,坐标位于无人居住的沙漠,与任何真实地点、人员无关。",
    "en": "An invented sample site: outlines, grids, cameras, buttons and addresses are drawn by chance, and lie in a "
    "desert where nobody lives. It shows no real place and no real person.",
}
_CAMERA_PLACES = ("村口", "主街", "广场", "学校门口", "河边步道", "背街", "停车场", "菜市场", "公交站", "健身场")
_BUTTON_PLACES = ("{group}组{house}号", "{group}组{house}号", "{group}组{house}号", "{street}{house}号", "{public}")
_PUBLIC = ("卫生室", "老年活动室", "便民小卖部", "公共厕所旁", "文化广场", "公交站台", "日间照料中心", "村委会")
_FIELDS_OF_VIEW = (60.0, 75.0, 90.0, 90.0, 110.0, 360.0)


class Area(msgspec.Struct, frozen=True):
    """One part of a sample site: a former village or the like, cut into so many grids."""

    grid: str
    name: str
    street: str
    grids: int
    cameras: int
    buttons: int


class Sample(msgspec.Struct, frozen=True):
    """What a sample site is drawn from; `radius` in metres."""

    site: str
    name: str
    lat: float
    lon: float
    radius: float
    seed: int
    areas: tuple[Area, ...]


SAMPLES = (
    Sample(
        "zhihuo",
        "止火街社区(示例)",
        39.2,
        83.5,
        680.0,
        20241,
        (
            Area("zw", "展望村", "展望路", 6, 11, 20),
            Area("lh", "莲花村", "莲花巷", 5, 9, 17),
            Area("zh", "止火街", "止火街", 7, 13, 23),
        ),
    ),
    Sample("liujiang", "柳江古镇(示例)", 39.05, 83.8, 330.0, 20242, (Area("gz", "古镇", "临江街", 3, 5, 8),)),
)


def draw(sample: Sample) -> bytes:
    """A sample site as GeoJSON text; the same sample gives the same bytes."""
    return _Drawing(sample).text()


def write() -> None:
    """Write all sample sites' files anew."""
    for sample in SAMPLES:
        sample_path(sample.site).write_bytes(draw(sample))


class _Drawing:
    """Works in metres east and north of the site's middle; only the features carry degrees."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._random = np.random.default_rng(sample.seed)
        self._features: list[dict[str, Any]] = []
        self._cameras: list[tuple[float, float, float, float, float]] = []
        self._camera_number = 0
        self._button_number = 0

    def text(self) -> bytes:
        sample = self._sample
        outline = self._outline()
        cells = self._cells(outline, 90 * sum(area.grids for area in sample.areas) // 3)
        self._add(Point(0, 0), type="site", site=sample.site, name=sample.name, timezone="Asia/Shanghai", invented=True)
        whole = shapely.union_all(cells)
        self._add(whole, type="grid", grid=sample.site, name=sample.name.removesuffix("(示例)"), officer="社区值班长")
        for area, parts in zip(sample.areas, self._shares(cells, [area.grids for area in sample.areas]), strict=True):
            self._draw_area(area, parts)
        document = {
            "type": "FeatureCollection",
            "invented": True,
            "note": _NOTE,
            "features": self._features,
        }
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def _draw_area(self, area: Area, cells: list[Polygon]) -> None:
        whole = shapely.union_all(cells)
        self._add(
            whole, type="grid", grid=area.grid, parent=self._sample.site, name=area.name, officer=f"{area.name}网格长"
        )
        shapes = [shapely.union_all(share) for share in self._shares(cells, [1] * area.grids)]
        for number, shape in enumerate(shapes, 1):
            name = f"{area.name}第{number}网格"
            officer = f"{area.name}{number}号网格员"
            self._add(shape, type="grid", grid=f"{area.grid}-{number:02}", parent=area.grid, name=name, officer=officer)
        for number in range(area.cameras):
            at = number % area.grids
            self._add_camera(area, shapes[at], f"{area.grid}-{at + 1:02}")
        own = self._cameras[-area.cameras :]
        for number in range(area.buttons):
            hidden = number % 7 == 6  # some corners no camera sees
            spot = self._unseen(whole) if hidden else self._seen_by(own[number % len(own)], whole)
            at = next(index for index, shape in enumerate(shapes) if shape.intersects(spot))
            self._add_button(area, spot, f"{area.grid}-{at + 1:02}")

    def _outline(self) -> Polygon:
        """An irregular round outline."""
        angles = np.linspace(0, 2 * math.pi, 48, endpoint=False)
        swing = sum(
            self._random.uniform(0.03, 0.12) * np.sin(k * angles + self._random.uniform(0, 6.3)) for k in (2, 3, 5, 7)
        )
        radii = self._sample.radius * (1 + swing)
        return Polygon(np.column_stack([1.25 * radii * np.cos(angles), 0.9 * radii * np.sin(angles)]))

    def _cells(self, outline: Polygon, count: int) -> list[Polygon]:
        """The outline cut into many small cells, from which grids with crooked borders are put together."""
        points = MultiPoint([self._inside(outline) for _ in range(count)])
        cut = shapely.voronoi_polygons(points, extend_to=outline).geoms
        # snapping all corners to one lattice keeps borders between neighbours the same on both sides
        pieces = [shapely.set_precision(shapely.intersection(cell, outline), 0.1) for cell in cut]
        return [piece for piece in pieces if isinstance(piece, Polygon) and not piece.is_empty]

    def _inside(self, area: BaseGeometry) -> Point:
        west, south, east, north = area.bounds
        while True:
            spot = Point(self._random.uniform(west, east), self._random.uniform(south, north))
            if area.contains(spot):
                return spot

    def _shares(self, cells: list[Polygon], weights: list[int]) -> list[list[Polygon]]:
        """The cells divided among so many neighbours, each share in one piece."""
        middles: _Points = np.array([[cell.centroid.x, cell.centroid.y] for cell in cells])
        while True:
            seeds = middles[self._random.choice(len(middles), sum(weights), replace=False)]
            for _ in range(12):  # Lloyd's algorithm: each seed moves to the middle of what is nearest to it
                nearest = self._nearest(middles, seeds)
                seeds = np.array([middles[nearest == k].mean(axis=0) for k in range(len(seeds))])
            seeds = seeds[np.argsort(seeds[:, 0])]  # from west to east: neighbours share a part
            owner = np.repeat(np.arange(len(weights)), weights)[self._nearest(middles, seeds)]
            shares = [[cell for cell, k in zip(cells, owner, strict=True) if k == part] for part in range(len(weights))]
            if all(isinstance(shapely.union_all(share), Polygon) for share in shares):
                return shares

    @staticmethod
    def _nearest(points: _Points, seeds: _Points) -> NDArray[np.intp]:
        distances: _Points = ((points[:, None, :] - seeds[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(np.argmin(distances, axis=1), dtype=np.intp)

    def _add_camera(self, area: Area, shape: BaseGeometry, grid: str) -> None:
        spot = self._inside(shapely.buffer(shape, -12.0))
        facing = float(self._random.integers(0, 72) * 5)
        fov = float(self._random.choice(_FIELDS_OF_VIEW))
        reach = float(self._random.integers(7, 15) * 10) if fov < 360 else 50.0
        place = _CAMERA_PLACES[self._camera_number % len(_CAMERA_PLACES)]
        self._camera_number += 1
        self._cameras.append((spot.x, spot.y, facing, fov, reach))
        self._add(
            spot,
            type="camera",
            device=f"cam-{self._camera_number:02}",
            name=f"{self._camera_number:02}号探头 {area.name}{place}",
            address=f"{area.name}{place}",
            grid=grid,
            bearing=facing,
            fov=fov,
            range=reach,
            simulated=True,
        )

    def _add_button(self, area: Area, spot: Point, grid: str) -> None:
        self._button_number += 1
        public = str(self._random.choice(_PUBLIC))
        place = str(self._random.choice(_BUTTON_PLACES)).format(
            group=self._random.integers(1, 7), house=self._random.integers(1, 120), street=area.street, public=public
        )
        self._add(
            spot,
            type="button",
            device=f"btn-{self._button_number:03}",
            name=f"{self._button_number:03}号按钮",
            address=f"{area.name}{place}",
            grid=grid,
            simulated=True,
        )

    def _seen_by(self, camera: tuple[float, float, float, float, float], whole: BaseGeometry) -> Point:
        """A spot in a camera's view and inside of the area."""
        x, y, facing, fov, reach = camera
        while True:
            aside = self._random.uniform(-0.45, 0.45) * min(fov, 359.0)
            away = self._random.uniform(0.15, 0.85) * reach
            direction = math.radians(facing + aside)
            spot = Point(x + away * math.sin(direction), y + away * math.cos(direction))
            if whole.contains(spot):
                return spot
            if self._random.random() < 0.02:  # a camera that looks out of the area: any spot will do
                return self._inside(whole)

    def _unseen(self, whole: BaseGeometry) -> Point:
        """A spot farther from every camera than any of them reaches, where there is one."""
        for slack in np.linspace(1.0, 0.0, 200):
            spot = self._inside(whole)
            if all(math.hypot(spot.x - x, spot.y - y) > reach * slack for x, y, *_, reach in self._cameras):
                return spot
        return self._inside(whole)

    def _add(self, shape: BaseGeometry, **properties: object) -> None:
        degrees = shapely.transform(shape, self._to_degrees)
        self._features.append({"type": "Feature", "properties": properties, "geometry": _plain(mapping(degrees))})

    def _to_degrees(self, metres: _Points) -> _Points:
        per_lat, per_lon = geometry.metres_per_degree(self._sample.lat)
        sample = self._sample
        degrees: _Points = np.column_stack([sample.lon + metres[:, 0] / per_lon, sample.lat + metres[:, 1] / per_lat])
        return degrees.round(6)


def _plain(value: object) -> Any:  # noqa: ANN401 - GeoJSON: dicts, lists and numbers, nested
    """Tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


if __name__ == "__main__":
    write()
