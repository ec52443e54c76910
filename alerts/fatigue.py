"""When less is shown so that more is seen: cameras that chatter, and officers in a flood. Pure.

Figures after ISA-18.2 / IEC 62682: a flood begins with more than 10 alarms in 10 minutes for one operator and ends below 5;
an alarm chatters that comes three times or more in a minute. Suppressed are sound and notices, never an event, and never
a press.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from alerts.rules_figures import Fatigue

Camera = tuple[str, str]
"""site, device"""
MOST_RAISED = 100  # moments of each camera: no rule may count further
Raised = tuple[tuple[datetime, ...], datetime | None]
"""The newest moments at which it raised something, and until when it chatters."""


def chatters_until(
    raised: Sequence[datetime], quiet_until: datetime | None, at: datetime, rules: Fatigue
) -> datetime | None:
    """Until when a camera counts as chattering, after it raised something at `at`; None: it does not.

    `raised` are the moments of its newest raisings, in any order, this one among them. Once it chatters, each raising puts
    the end off: it must be calm for `chatter_calm`.
    """
    until = at + timedelta(seconds=rules.chatter_calm)
    if quiet_until is not None and at < quiet_until:
        return max(quiet_until, until)
    since = at - timedelta(seconds=rules.chatter_window)
    return until if sum(since < one <= at for one in raised) >= rules.chatter_count else None


class Raisings:
    """Cameras that raise one thing after the other, judged in order of arrival, however many come at once."""

    def __init__(self, known: Mapping[Camera, Raised], rules: Fatigue) -> None:
        self._known = dict(known)
        self._rules = rules
        self.until: dict[Camera, datetime] = {}
        """Until when cameras chatter, of those for which it was judged anew."""

    def raises(self, camera: Camera, at: datetime) -> tuple[bool, bool]:
        """It raised something: whether it chatters now, and whether that begins with this."""
        before, quiet_until = self._known.get(camera, ((), None))
        raised = (at, *before)[:MOST_RAISED]
        ends = chatters_until(raised, quiet_until, at, self._rules)
        if ends is None:
            self._known[camera] = (raised, quiet_until)
            return False, False
        self._known[camera] = (raised, ends)
        self.until[camera] = ends
        return True, quiet_until is None or quiet_until <= at

    def chatters(self, camera: Camera, at: datetime) -> bool:
        """Whether it is known to chatter then."""
        quiet_until = self._known.get(camera, ((), None))[1]
        return quiet_until is not None and at < quiet_until


def flooded(opened: Iterable[datetime], now: datetime, *, before: bool, rules: Fatigue) -> bool:
    """Whether an officer is in a flood, given the openings of their incidents and whether they were in one before."""
    since = now - timedelta(seconds=rules.flood_window)
    fresh = sum(since < one <= now for one in opened)
    return fresh >= rules.flood_out if before else fresh > rules.flood_in
