"""Which cameras look at one place, so that what they tell at one time is one thing. Pure.

A fixed partition of a site's cameras rather than a radius around each event: two writers that never met then use the same
key for the same place, and a unique index settles the rest. Clusters are of complete linkage (no two cameras of one are
further apart than `within`), so that a street full of cameras does not chain into a single place. Method: sequential
leader clustering (J. A. Hartigan, "Clustering Algorithms", 1975, ch. 3) with that criterion, in the order of the names.
"""

import math
from collections.abc import Iterable, Mapping

from devices import geometry
from devices.registry import Device


def looks_at(camera: Device) -> tuple[float, float] | None:
    """The middle of what a camera sees, (lat, lon); where it stands, if it looks all round; None: nobody knows."""
    if camera.lat is None or camera.lon is None:
        return None
    if camera.bearing is None or (camera.fov is not None and camera.fov >= 360.0):
        return camera.lat, camera.lon
    ahead = (geometry.DEFAULT_RANGE if camera.range is None else camera.range) / 2.0
    angle = math.radians(camera.bearing)
    return geometry.moved(camera.lat, camera.lon, ahead * math.cos(angle), ahead * math.sin(angle))


def scenes(cameras: Iterable[Device], within: float) -> Mapping[str, str]:
    """By camera of one site, the camera that gives its place its name; a camera that stands for itself is its own.

    `within` is in metres; 0: every camera by itself.
    """
    clusters: list[list[tuple[str, tuple[float, float]]]] = []
    named: dict[str, str] = {}
    for camera in sorted(cameras, key=lambda one: one.device):
        at = looks_at(camera)
        if at is None or within <= 0:
            named[camera.device] = camera.device
            continue
        near = [(_reach(at, cluster), number) for number, cluster in enumerate(clusters)]
        reach, number = min(near, default=(math.inf, 0))
        if reach <= within:
            clusters[number].append((camera.device, at))
        else:
            number = len(clusters)
            clusters.append([(camera.device, at)])
        named[camera.device] = clusters[number][0][0]
    return named


def _reach(at: tuple[float, float], cluster: list[tuple[str, tuple[float, float]]]) -> float:
    """Metres to the furthest of a cluster."""
    return max(geometry.distance(*at, *other) for _, other in cluster)
