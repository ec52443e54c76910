"""What goes on at a simulated site: how much by the hour and by the place, and the named scenarios. Plain figures,
pure.
"""

import msgspec

# tracks an hour before an ordinary camera, from midnight to midnight: asleep, the way to work and school, the evening
# walk
_BY_HOUR = (1, 0.6, 0.4, 0.3, 0.4, 1.5, 4, 8, 9, 8, 7, 7, 8, 6, 6, 6, 7, 9, 10, 10, 8, 5, 3, 1.5)

# a word of a camera's name, its share of that, and the hours in which it is five times as busy
_BY_PLACE: tuple[tuple[str, float, tuple[int, ...]], ...] = (
    ("学校", 0.6, (7, 8, 12, 16, 17)),
    ("广场", 1.0, (19, 20, 21)),
    ("健身", 0.7, (6, 7, 19, 20)),
    ("菜市场", 1.2, (6, 7, 8, 9)),
    ("公交", 1.2, (7, 8, 17, 18)),
    ("主街", 3.0, ()),
    ("村口", 1.6, ()),
    ("停车场", 0.8, ()),
    ("河边", 0.6, (19, 20)),
    ("背街", 0.4, ()),
)
_VEHICLE_PLACES = ("主街", "村口", "停车场", "公交")


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """How much goes on. The hourly figures are for a site of 60 buttons and 33 cameras; others have their share."""

    name: str
    activity: float = 1.0  # times the ordinary number of tracks
    night: float = 1.0  # times that again between 20:00 and 04:00
    presses_per_hour: float = 0.0
    tests_per_hour: float = 0.0
    cancelled: float = 0.2  # share of presses that are taken back
    notable_per_hour: float = 0.0  # camera events that may open an incident
    offline_per_hour: float = 0.0  # devices that fall silent for some minutes
    first_press: float | None = None  # seconds from the start: life on the screen soon
    telemetry_every: float = 30.0  # seconds between two reports of a device's figures; 0: none
    begins_at: int | None = None  # hour of the site's day at which it begins; None: the hour that it is


SCENARIOS: dict[str, Scenario] = {
    one.name: one
    for one in (
        Scenario(name="quiet", activity=0.3),
        Scenario(
            name="day",
            presses_per_hour=12,
            tests_per_hour=4,
            notable_per_hour=8,
            offline_per_hour=3,
            first_press=12,
        ),
        Scenario(
            name="night",
            night=4.0,
            presses_per_hour=30,
            tests_per_hour=2,
            notable_per_hour=40,
            offline_per_hour=6,
            first_press=8,
            begins_at=21,
        ),
        Scenario(
            name="flood",
            activity=4.0,
            presses_per_hour=900,
            tests_per_hour=30,
            cancelled=0.1,
            notable_per_hour=1200,
            offline_per_hour=60,
            first_press=2,
        ),
    )
}


def tracks_per_hour(name: str, hour: int, scenario: Scenario) -> float:
    """How many people and vehicles pass a camera of this name in an hour of the day."""
    rate = _BY_HOUR[hour] * scenario.activity
    for word, share, busy in _BY_PLACE:
        if word in name:
            rate *= share * (5.0 if hour in busy else 1.0)
            break
    return rate * (scenario.night if hour >= 20 or hour < 4 else 1.0)


def vehicle_share(name: str) -> float:
    """The share of vehicles among what passes a camera of this name."""
    return 0.5 if any(word in name for word in _VEHICLE_PLACES) else 0.15


def notable_kinds(hour: int) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Kinds that may open an incident, and how likely each is at this hour."""
    kinds = ("loitering", "intrusion", "fall", "crowd", "noise", "smoke", "fire", "tamper")
    if hour >= 22 or hour < 6:
        return kinds, (0.34, 0.34, 0.05, 0.02, 0.16, 0.03, 0.03, 0.03)
    return kinds, (0.30, 0.10, 0.22, 0.20, 0.10, 0.04, 0.02, 0.02)
