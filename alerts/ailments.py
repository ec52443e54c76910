"""What a device says of itself that needs somebody's hand one day: a battery that runs down, a clock that is wrong. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from alerts.rules_figures import Supervision
from alerts.supervision import Watched, of_device
from store.records import Incident

Ailment = Literal["battery", "clock"]
AILMENTS: tuple[Ailment, ...] = ("battery", "clock")

OVER: Mapping[Ailment, str] = {"battery": "电量已恢复", "clock": "时钟已校准"}
"""What the timeline says when it is over."""


class Found(msgspec.Struct, frozen=True):
    """A device that ails."""

    ailment: Ailment
    device: Watched


def ails(device: Watched, ailment: Ailment, rules: Supervision) -> bool:
    """Whether it is so bad that it is to be told."""
    if ailment == "battery":
        return device.battery is not None and device.battery < rules.battery_low
    return device.clock_skew is not None and abs(device.clock_skew) > rules.clock_skew


def well(device: Watched | None, ailment: Ailment, rules: Supervision) -> bool:
    """Whether it is over, with a margin, so that what wavers at its limit is told once. A removed device ails no more."""
    if device is None:
        return True
    if ailment == "battery":
        return device.battery is None or device.battery > rules.battery_ok
    return device.clock_skew is None or abs(device.clock_skew) < rules.clock_skew / 2


def told(device: Watched, ailment: Ailment) -> bool:
    """Whether an incident has told of it."""
    return device.battery_told if ailment == "battery" else device.clock_told


def to_tell(devices: Iterable[Watched], rules: Supervision) -> list[Found]:
    """Registered devices that ail, of which nothing was told yet."""
    return [
        Found(ailment, device)
        for device in devices
        if device.registered
        for ailment in AILMENTS
        if not told(device, ailment) and ails(device, ailment, rules)
    ]


def to_forget(devices: Iterable[Watched], rules: Supervision) -> list[Found]:
    """Devices that are well again: the next time is news."""
    return [
        Found(ailment, device)
        for device in devices
        for ailment in AILMENTS
        if told(device, ailment) and well(device, ailment, rules)
    ]


def title_of(found: Found) -> str:
    """What the incident of an ailment is called."""
    device = found.device
    where = device.address or device.name
    if found.ailment == "battery":
        return f"电量低 · {where} · {device.battery or 0:.0f}%"
    skew = device.clock_skew or 0.0
    return f"时钟不准 · {where} · {'快' if skew > 0 else '慢'}{_span(abs(skew))}"


def _span(seconds: float) -> str:
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f}分钟"
    return f"{seconds / 3600:.0f}小时" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f}天"


def opening_of(found: Found, now: datetime, *, drill: bool = False) -> Incident:
    """The incident of an ailment."""
    key = f"{found.ailment}:{found.device.device}"
    return of_device(found.device, now, kind="fault", key=key, title=title_of(found), drill=drill)
