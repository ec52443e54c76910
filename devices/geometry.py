"""Where things are: distance, direction, and what a camera can see. Pure; degrees in and metres out, WGS-84.

A site is a few kilometres across, so the earth is taken as flat around it: a degree's length follows from the
ellipsoid's radii of curvature at that latitude (J. P. Snyder, "Map Projections: A Working Manual", USGS Professional
Paper 1395, 1987, p. 24-25). At 5 km the error is below a metre, far less than anyone knows of a camera's place.
"""

import math

EQUATOR_RADIUS = 6_378_137.0  # metres, WGS-84
ECCENTRICITY_SQUARED = 0.006694379990141  # WGS-84
DEFAULT_RANGE = 50.0  # metres: a camera nobody measured
DEFAULT_FOV = 90.0  # degrees: a camera with a bearing, and no field of view given
AT_THE_CAMERA = 1.0  # metres: so near, a direction means nothing


def metres_per_degree(lat: float) -> tuple[float, float]:
    """Length of one degree of latitude and of one degree of longitude at this latitude, in metres."""
    phi = math.radians(lat)
    w = 1.0 - ECCENTRICITY_SQUARED * math.sin(phi) ** 2
    meridian = EQUATOR_RADIUS * (1.0 - ECCENTRICITY_SQUARED) / w**1.5
    normal = EQUATOR_RADIUS / math.sqrt(w)
    return math.radians(meridian), math.radians(normal * math.cos(phi))


def offset(lat: float, lon: float, to_lat: float, to_lon: float) -> tuple[float, float]:
    """Metres north and metres east of the first point at which the second lies."""
    north, east = metres_per_degree((lat + to_lat) / 2.0)
    across = (to_lon - lon + 180.0) % 360.0 - 180.0
    return (to_lat - lat) * north, across * east


def moved(lat: float, lon: float, north: float, east: float) -> tuple[float, float]:
    """The point so many metres north and east of this one, as (lat, lon)."""
    per_lat, per_lon = metres_per_degree(lat)
    return lat + north / per_lat, lon + east / per_lon


def distance(lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """Metres between two points."""
    return math.hypot(*offset(lat, lon, to_lat, to_lon))


def bearing(lat: float, lon: float, to_lat: float, to_lon: float) -> float:
    """Direction from the first point to the second: degrees clockwise from north, 0 ≤ b < 360."""
    north, east = offset(lat, lon, to_lat, to_lon)
    return math.degrees(math.atan2(east, north)) % 360.0


def turn(one: float, other: float) -> float:
    """The smaller angle between two directions, in degrees: 0..180."""
    return abs((one - other + 180.0) % 360.0 - 180.0)


def view_score(
    camera: tuple[float, float],
    point: tuple[float, float],
    *,
    facing: float | None,
    fov: float | None,
    reach: float | None,
) -> tuple[float, float] | None:
    """How well a camera at (lat, lon) sees a point: (distance in metres, score), or None when it can't.

    It sees a point within its `reach` (metres) and within half its field of view of where it is `facing`; a camera
    without a bearing, or with a field of view of 360°, looks all round. The score is 0..1, higher is better: seven
    tenths for being near, three tenths for having the point in the middle of the picture. Walls and trees are not
    known.
    """
    limit = DEFAULT_RANGE if reach is None else reach
    away = distance(*camera, *point)
    if away > limit:
        return None
    near = 1.0 - away / limit if limit > 0 else 1.0
    middle = 1.0
    width = DEFAULT_FOV if fov is None else fov
    if facing is not None and width < 360.0 and away > AT_THE_CAMERA:
        aside = turn(bearing(*camera, *point), facing)
        if aside > width / 2.0:
            return None
        middle = 1.0 - aside / (width / 2.0) if width > 0 else 1.0
    return away, round(0.7 * near + 0.3 * middle, 4)
