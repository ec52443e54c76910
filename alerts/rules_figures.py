"""The parts of a rules file that are figures: cameras of one place, less that is shown, silence, unusual counts. Pure."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from alerts.saying import Saying

Seconds = Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)]
Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Grouping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which cameras' events are of one place: those of cameras at most `within` metres apart. 0: every camera for itself.

    Kinds of one family are one incident there (fire and smoke); any other kind is by itself.
    """

    within: Annotated[float, msgspec.Meta(ge=0, le=2000)] = 60.0
    families: tuple[tuple[str, ...], ...] = (("fire", "smoke"),)

    def family(self, kind: str) -> str:
        """What stands for this kind: the first of its family, or itself."""
        return next((family[0] for family in self.families if kind in family), kind)


class Fatigue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When less is shown so that more is seen. Chattering: a camera that raises `chatter_count` times within
    `chatter_window` seconds, until it was quiet for `chatter_calm`. Flood (ISA-18.2): more than `flood_in` new incidents in
    `flood_window` seconds for an officer, until fewer than `flood_out`.
    """

    chatter_count: Annotated[int, msgspec.Meta(ge=2, le=100)] = 3
    chatter_window: Seconds = 60.0
    chatter_calm: Seconds = 600.0
    flood_in: Annotated[int, msgspec.Meta(ge=1)] = 10
    flood_out: Annotated[int, msgspec.Meta(ge=1)] = 5
    flood_window: Seconds = 600.0


class Supervision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a device's silence counts, in seconds (EN 50136 DP4: 90 s; GB/T 28181: 3 × 60 s), and when many are one: more than
    `outage_share` of what hangs on one cause, silent within `outage_within` seconds of each other.

    Batteries in percent: a warning below `battery_low`, over above `battery_ok`. A clock is wrong by more than `clock_skew`
    seconds. A device counts as unproven that did not prove itself end to end for `prove_every_days`.
    """

    button_silence: Seconds = 90.0
    camera_silence: Seconds = 180.0
    expected_every: Seconds = 30.0
    settle: Seconds = 30.0
    outage_at_least: Annotated[int, msgspec.Meta(ge=2)] = 5
    outage_share: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    outage_within: Seconds = 120.0
    battery_low: Percent = 20.0
    battery_ok: Percent = 30.0
    clock_skew: Seconds = 300.0
    prove_every_days: Annotated[float, msgspec.Meta(gt=0, le=3650)] = 30.0


class Unusual(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a camera's count of an hour is unusual, beside the same hour of the `weeks` before (alerts/habits.py).

    `above`: robust standard deviations over habit. Silent: `silent_hours` in a row without an event where there were always
    `least_usual` or more. Nothing is said with fewer than `least_weeks` of that hour known.
    """

    enabled: bool = True
    weeks: Annotated[int, msgspec.Meta(ge=1, le=26)] = 8
    least_weeks: Annotated[int, msgspec.Meta(ge=1, le=26)] = 3
    above: Annotated[float, msgspec.Meta(ge=2, le=100)] = 5.0
    silent_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 2
    least_usual: Annotated[int, msgspec.Meta(ge=1)] = 10


def figure_faults(part: object) -> Iterator[Saying]:
    """What is wrong with figures that stand beside each other in one part of the file."""
    if isinstance(part, Fatigue) and part.flood_out > part.flood_in:
        yield Saying(
            "flood_out 大于 flood_in;警情潮结束的界限必须低于开始的界限",
            "flood_out is above flood_in; a flood must end below where it begins",
        )
    if isinstance(part, Supervision) and part.battery_ok < part.battery_low:
        yield Saying(
            "battery_ok 小于 battery_low;低电量提醒结束的界限必须高于开始的界限",
            "battery_ok is below battery_low; a warning must end above where it begins",
        )
    if isinstance(part, Unusual) and part.least_weeks > part.weeks:
        yield Saying(
            "least_weeks 大于 weeks;这样永远得不出习惯",
            "least_weeks is above weeks; no habit could ever be known",
        )
