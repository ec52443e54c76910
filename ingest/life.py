"""Signs of life: what messages say of their devices, gathered in memory and written by one thread, away from the lanes.

Any message of a device proves that it lives. Writing that with each batch would make the lanes wait for each other's row
locks, an alarm behind the bulk among them; so they only note it here, and a device is written when it has something new
to say or was last written a while ago.
"""

import threading
from datetime import datetime, timedelta

from devices.registry import Registry
from ingest.sorting import Sorted
from store.device_states import SignOfLife

REWRITE_AFTER = timedelta(seconds=5)
PROVE_AFTER = timedelta(seconds=60)


class SignsOfLife:
    """Gathers signs of life of devices; thread-safe, latest wins field by field."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._signs: dict[tuple[str, str], SignOfLife] = {}
        self._written: dict[tuple[str, str], datetime] = {}
        self._proven: dict[tuple[str, str], datetime] = {}

    def seen(self, site: str, device: str, at: datetime, *, rewrite_after: timedelta = REWRITE_AFTER) -> None:
        """A message came from it. Cheap when it was written lately."""
        key = (site, device)
        written = self._written.get(key)
        if written is not None and at - written < rewrite_after:
            return
        self.told(SignOfLife(site, device, at))

    def proven(self, site: str, device: str, at: datetime, *, rewrite_after: timedelta) -> None:
        """Something it saw came through, which proves it end to end. Cheap when that was written lately."""
        written = self._proven.get((site, device))
        if written is not None and at - written < PROVE_AFTER:
            self.seen(site, device, at, rewrite_after=rewrite_after)
            return
        self._proven[site, device] = at
        self.told(SignOfLife(site, device, at, proven_at=at))

    def told(self, sign: SignOfLife) -> None:
        """A message of it said something to keep: a battery, a firmware, a proof of its button."""
        key = (sign.site, sign.device)
        with self._lock:
            old = self._signs.get(key)
            self._signs[key] = sign if old is None else _merged(old, sign)
            self._written[key] = sign.seen_at

    def forget(self, site: str, device: str) -> None:
        """It said that it goes offline: its next sign of life is news, however soon."""
        with self._lock:
            self._written.pop((site, device), None)

    def take(self) -> list[SignOfLife]:
        """What is to be written now; the caller puts it back with `told` when writing fails."""
        with self._lock:
            signs = list(self._signs.values())
            self._signs.clear()
        return signs


def _merged(old: SignOfLife, new: SignOfLife) -> SignOfLife:
    return SignOfLife(
        new.site,
        new.device,
        max(old.seen_at, new.seen_at),
        new.proven_at or old.proven_at,
        old.battery if new.battery is None else new.battery,
        new.firmware or old.firmware,
        old.clock_skew if new.clock_skew is None else new.clock_skew,
    )


def note_signs(batch: Sorted, life: SignsOfLife, registry: Registry) -> None:
    """Note who spoke and what it said of itself: a press or test proves a button end to end, an event a camera.

    Clocks are read from what is said at the moment: an alarm or an event may have waited on a device's disk.
    """
    for one in batch.events:
        site, device = one.event.site, one.event.device
        life.proven(site, device, one.received_at, rewrite_after=_rewrite_after(registry, site, device))
    for alarm, at in batch.alarms:
        life.told(SignOfLife(alarm.site, alarm.device, at, proven_at=at))
    for alive, at in batch.alive:
        life.seen(alive.site, alive.device, at)
    for telemetry, at in batch.telemetry:
        skew = _skew(telemetry.ts, at)
        life.told(SignOfLife(telemetry.site, telemetry.device, at, battery=telemetry.battery, clock_skew=skew))
    for status, at in batch.statuses:
        if not status.online:
            life.forget(status.site, status.device)
        elif status.firmware is not None or status.ts is not None:
            skew = _skew(status.ts, at)
            life.told(SignOfLife(status.site, status.device, at, firmware=status.firmware, clock_skew=skew))
        else:
            life.seen(
                status.site, status.device, at, rewrite_after=_rewrite_after(registry, status.site, status.device)
            )


def _skew(ts: datetime | None, at: datetime) -> float | None:
    return None if ts is None else round((ts - at).total_seconds(), 3)


def _rewrite_after(registry: Registry, site: str, device: str) -> timedelta:
    """A device that must be heard of every few seconds is written as often, or its silence would seem to begin early."""
    known = registry.devices.get((site, device))
    if known is None or known.expect is None:
        return REWRITE_AFTER
    return min(REWRITE_AFTER, timedelta(seconds=known.expect / 4))
