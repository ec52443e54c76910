"""Maintenance and drills: times for which a site, a grid or a device is expected to raise what nobody need answer. Pure.

Maintenance keeps quiet what cameras raise and what silence opens; a press is never kept quiet (GB 50394: a panic device
can't be disarmed). A drill changes nothing but the word: what opens within it is shown as an exercise and counted nowhere.
"""

from collections.abc import Collection
from datetime import datetime

from store.records import Purpose, Window

Windows = tuple[Window, ...]


def holds(window: Window, site: str, grids: Collection[str], device: str | None, at: datetime) -> bool:
    """Whether a window is in force for such a device at this moment; `grids` are its grid and those it lies in."""
    if site != window.site or not window.starts_at <= at < window.ends_at:
        return False
    if window.device is not None:
        return device == window.device
    return window.grid is None or window.grid in grids


def in_force(
    windows: Windows, purpose: Purpose, site: str, grids: Collection[str], device: str | None, at: datetime
) -> bool:
    """Whether a window of this purpose is in force there and then."""
    return any(one.purpose == purpose and holds(one, site, grids, device, at) for one in windows)
