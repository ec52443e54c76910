"""Presses without an id of their own: systems that say only "this button was pressed", often more than once. Pure.

A Zigbee button's press arrives as a JSON message, as a plain text twin of it, and now and then as the same radio frame
twice. What a registered button says again within WINDOW of its press is a copy of it. The window is counted from the
press that counted, not from its last copy, so that who presses on and on is heard again every WINDOW.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=5)


class PressWindow:
    """The last press of each button; whoever takes presses in keeps one, and fills it from the database at its start.

    A message that comes a second time with the very same id (delivered again after a crash) is let through: the
    database knows it, and it must not be lost if that first delivery never was stored.
    """

    __slots__ = ("_last",)

    def __init__(self, presses: Iterable[tuple[str, str, str, datetime]] = ()) -> None:
        """Begin with the newest presses known, each (site, device, id, received_at)."""
        self._last: dict[tuple[str, str], tuple[datetime, str]] = {}
        for site, device, press_id, at in presses:
            known = self._last.get((site, device))
            if known is None or known[0] < at:
                self._last[site, device] = (at, press_id)

    def admit(self, site: str, device: str, press_id: str, received_at: datetime) -> bool:
        """Whether this is a press, and remember it if so; False for a copy of one that was let in before."""
        known = self._last.get((site, device))
        if known is not None and press_id != known[1] and abs(received_at - known[0]) < WINDOW:
            return False
        if known is None or press_id != known[1]:
            self._last[site, device] = (received_at, press_id)
        return True


def made_up_id(maker: str, *facts: str) -> str:
    """An id for a press that has none: from the same facts the same id, so that redelivery makes no second press."""
    digest = hashlib.blake2b("\0".join(facts).encode(errors="replace"), digest_size=12).hexdigest()
    return f"{maker}-{digest}"
