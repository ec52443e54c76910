"""What a stored batch says of its devices' lives. Pure."""

from datetime import datetime, timedelta
from typing import Protocol

from devices.registry import Registry
from ingest.life import REWRITE_AFTER
from ingest.sorting import Sorted
from store.device_states import SignOfLife


class Life(Protocol):
    """Where signs of life go."""

    def seen(self, site: str, device: str, at: datetime, *, rewrite_after: timedelta = ...) -> None: ...
    def told(self, sign: SignOfLife) -> None: ...
    def forget(self, site: str, device: str) -> None: ...


def note_signs(batch: Sorted, life: Life, registry: Registry) -> None:
    """Note who spoke and what it said of itself: a press or test proves a button end to end."""
    for one in batch.events:
        life.seen(one.event.site, one.event.device, one.received_at)
    for alarm, at in batch.alarms:
        life.told(SignOfLife(alarm.site, alarm.device, at, proven_at=at))
    for telemetry, at in batch.telemetry:
        life.told(SignOfLife(telemetry.site, telemetry.device, at, battery=telemetry.battery))
    for status, at in batch.statuses:
        if not status.online:
            life.forget(status.site, status.device)
        elif status.firmware is not None:
            life.told(SignOfLife(status.site, status.device, at, firmware=status.firmware))
        else:
            life.seen(status.site, status.device, at, rewrite_after=_rewrite_after(registry, status.site, status.device))


def _rewrite_after(registry: Registry, site: str, device: str) -> timedelta:
    """A device that must be heard of every few seconds is written as often, or its silence would seem to begin early."""
    known = registry.devices.get((site, device))
    if known is None or known.expect is None:
        return REWRITE_AFTER
    return min(REWRITE_AFTER, timedelta(seconds=known.expect / 4))
