"""What a message turned out to be, in our own terms. Plain frozen data, whichever maker's format it came in. Pure.

Times are aware UTC. Texts are such that PostgreSQL can hold them (no U+0000, no lone surrogate).
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from devices.registry import Device, Kind

Action = Literal["press", "cancel", "test"]
Phase = Literal["start", "update", "end", "instant"]


class Alarm(msgspec.Struct, frozen=True):
    """A button was pressed, the press was taken back, or the button was tried.

    `ts` is the device's own clock, None when unreadable. `faults` says what was wrong with the message and did not
    matter. `anonymous`: its maker's system gives presses no id (ours was made up from what is there), so that copies
    within `presses.WINDOW` are one press.
    """

    site: str
    device: str
    id: str
    action: Action
    ts: datetime | None
    faults: tuple[str, ...] = ()
    attrs: dict[str, Any] | None = None
    anonymous: bool = False


class Event(msgspec.Struct, frozen=True, gc=False):
    """What a device saw. `attrs` is the JSON text of an object, as PostgreSQL takes it; `confidence` is 0..1."""

    site: str
    device: str
    id: str
    kind: str
    phase: Phase
    track: str | None
    confidence: float | None
    ts: datetime | None
    attrs: bytes | None


class Status(msgspec.Struct, frozen=True):
    """A device says that it is there, or (often by its will) that it is gone."""

    site: str
    device: str
    online: bool
    ts: datetime | None = None
    firmware: str | None = None


class Telemetry(msgspec.Struct, frozen=True):
    """Figures of a device; `battery` is percent 0..100, None when it said none that can be believed."""

    site: str
    device: str
    ts: datetime | None
    battery: float | None
    values: dict[str, float]


class Alive(msgspec.Struct, frozen=True):
    """A sign of life, and nothing else worth keeping: a gateway that speaks for others, a camera in its recorder's
    figures.
    """

    site: str
    device: str


class Reject(msgspec.Struct, frozen=True):
    """A message that could not be made an event, and why.

    `alarm_id` is the id of an alarm that we can't take, when it was readable: its device is told so by a `rejected`
    receipt. A reason that begins with INTERNAL is a fault of ours, not of the message.
    """

    reason: str
    site: str | None = None
    device: str | None = None
    alarm_id: str | None = None


INTERNAL = "internal: "


class Unregistered(msgspec.Struct, frozen=True):
    """Nobody registered this name: it is to be kept as a device with `registered: false`. Stands before what the name
    said.

    `gateway` and `native` are None for a device that speaks our own format.
    """

    site: str
    device: str
    kind: Kind
    gateway: str | None = None
    native: str | None = None
    expect: float | None = None

    def as_device(self) -> Device:
        """The device to keep."""
        return Device(
            site=self.site,
            device=self.device,
            kind=self.kind,
            name=(self.native or self.device)[:128],
            registered=False,
            via=self.gateway,
            native=self.native,
            expect=self.expect,
        )


Decoded = Alarm | Event | Status | Telemetry | Alive | Reject | Unregistered
