"""Rules run on what was stored: which incidents would have opened, and how far each would have gone up. Pure.

The same openings, joins and chatter as ingest makes of a batch, folded over stored presses and events in order of arrival,
by the registry of today. What people did is taken from what really happened to the incident of the same key: an incident
ends where that one was resolved, and otherwise goes on. Silence, faults and habits are not tried: no event opens them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from alerts import fatigue, openings, timing
from alerts.rules import PRIORITIES, Rules
from alerts.trial_past import Key, Past, Real
from alerts.windows import Windows
from devices.messages import Alarm, Event
from devices.registry import Registry
from store.records import Incident, Priority, Tier

TRACKS_KEPT = 32  # as the store keeps of an incident
LONGEST_LEAD = timedelta(days=1)
_RANKS: Sequence[Priority] = tuple(PRIORITIES.values())


class StoredAlarm(msgspec.Struct, frozen=True):
    """A press or cancel as it arrived, and the incident it opened or joined."""

    alarm: Alarm
    at: datetime
    incident: int | None = None


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it arrived, and the incident it opened or joined."""

    event: Event
    at: datetime
    incident: int | None = None


class GoneUp(msgspec.Struct, frozen=True):
    """A step that its policy would have taken if nobody had come."""

    at: datetime
    tier: Tier
    means: tuple[str, ...]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that would have opened. `reals` are those that its presses and events really opened or joined."""

    incident: Incident
    goes_up: tuple[GoneUp, ...]
    reals: tuple[int, ...]


class _Held:
    """An incident on the trial's board."""

    def __init__(self, incident: Incident, *, seed: bool = False) -> None:
        self.incident = incident
        self.seed = seed
        self.goes_up: list[GoneUp] = []
        self.reals: dict[int, None] = {}
        self.standing = 0  # presses that nobody took back


def lead_in(rules: Rules) -> timedelta:
    """How far before its beginning a trial reads, to know what was going on: joins, and cameras that chatter."""
    joins = max((rule.join_within for rule in rules.incident), default=0.0)
    seconds = max(joins, rules.fatigue.chatter_window + rules.fatigue.chatter_calm)
    return min(timedelta(seconds=seconds), LONGEST_LEAD)


class Trial:
    """The fold: presses and events are given in order of arrival, the incidents are taken at the end."""

    def __init__(
        self, rules: Rules, registry: Registry, windows: Windows, reals: Iterable[Real], begin: datetime
    ) -> None:
        self._rules, self._registry, self._windows = rules, registry, windows
        self._past = Past(list(reals), registry, rules)
        self._raisings = fatigue.Raisings({}, rules.fatigue)
        self._held: dict[Key, _Held] = {}
        self._done: list[_Held] = []
        self._cancels: dict[tuple[str, str, str], datetime] = {}
        self._presses: dict[tuple[str, str, str], tuple[_Held, datetime]] = {}
        for real in self._past.on_the_board(begin):
            self._seed(real)

    def _seed(self, real: Real) -> None:
        """What stood on the board before the beginning and collects without an end: presses, and what chatters."""
        bare: dict[str, Any] = {"grid": None, "lat": None, "lon": None, "address": None}
        incident = Incident(
            site=real.site, join_key=real.join_key, kind=real.kind, priority=real.priority, title=real.title,
            device=real.device, opened_at=real.opened_at, updated_at=real.opened_at, last_event_at=real.opened_at, **bare,
        )  # fmt: skip
        self._held[real.site, real.join_key or ""] = _Held(incident, seed=True)

    def take(self, stored: StoredAlarm | StoredEvent) -> None:
        """The next thing that arrived."""
        if isinstance(stored, StoredEvent):
            self._event(stored)
        elif stored.alarm.action == "press":
            self._press(stored)
        elif stored.alarm.action == "cancel":
            self._cancel(stored.alarm, stored.at)

    def finish(self, first: datetime, last: datetime) -> list[Tried]:
        """The incidents that opened from `first` on and before `last`, in order."""
        for key in list(self._held):
            self._close(key)
        found = [one for one in self._done if not one.seed and first <= one.incident.opened_at < last]
        found.sort(key=lambda one: (one.incident.opened_at, one.incident.site, one.incident.join_key or ""))
        return [Tried(incident=one.incident, goes_up=tuple(one.goes_up), reals=tuple(one.reals)) for one in found]

    def _known(self, at: datetime) -> Windows:
        """The windows that somebody had made by then."""
        return tuple(one for one in self._windows if one.made_at <= at) if self._windows else ()

    def _press(self, stored: StoredAlarm) -> None:
        alarm, at = stored.alarm, stored.at
        name = (alarm.site, alarm.device, alarm.id)
        device = self._registry.devices.get((alarm.site, alarm.device))
        opening = openings.for_press(alarm, device, self._registry, self._rules, at, self._known(at))
        cancelled_at = openings.cancelled_before(at, self._cancels.get(name))
        if cancelled_at is not None:
            opening = openings.taken_back(opening, cancelled_at, self._rules)
        held = self._join(opening, stored.incident)
        if cancelled_at is None:
            held.standing += 1
            self._presses[name] = (held, at)

    def _cancel(self, alarm: Alarm, at: datetime) -> None:
        name = (alarm.site, alarm.device, alarm.id)
        self._cancels.setdefault(name, at)
        held, pressed_at = self._presses.get(name, (None, at))
        if held is None or not openings.cancel_counts(pressed_at, at):
            return
        del self._presses[name]
        held.standing -= 1
        if held.standing == 0 and self._past.ended(held.incident, at) is None:
            self._rise(held, at)
            held.incident = timing.with_clock(msgspec.structs.replace(held.incident, cancelled_at=at), at)

    def _event(self, stored: StoredEvent) -> None:
        event, at = stored.event, stored.at
        opening = openings.for_event(event, self._registry, self._rules, at, self._known(at))
        if opening is None:
            return
        camera = (event.site, event.device)
        if event.phase in {"start", "instant"}:
            chatters, begins = self._raisings.raises(camera, at)
            if begins:
                device = self._registry.devices[camera]
                self._join(openings.for_chatter(device, self._registry, self._rules, at), None)
        else:
            chatters = self._raisings.chatters(camera, at)
        if chatters and opening.quiet is None:
            opening = openings.quietened(opening, self._rules)
        self._join(opening, stored.incident)

    def _join(self, opening: Incident, real: int | None) -> _Held:
        """What `store.incidents.open_or_join` does."""
        key = (opening.site, opening.join_key or "")
        at = opening.last_event_at
        held = self._held.get(key)
        if held is not None:
            after = openings.join_after(opening, self._rules)
            stale = after is not None and held.incident.last_event_at < after and not self._past.shelved(key, at)
            if stale or self._past.ended(held.incident, at) is not None:
                self._close(key)
                held = None
        if held is None:
            held = self._held[key] = _Held(opening)
        elif opening.tracks and set(opening.tracks) <= set(held.incident.tracks):
            latest = max(held.incident.last_event_at, at)
            held.incident = msgspec.structs.replace(held.incident, last_event_at=latest)
        else:
            self._rise(held, at)
            joined = _joined(held.incident, opening)
            held.incident = timing.with_clock(joined, joined.updated_at)
        if real is not None:
            held.reals[real] = None
        return held

    def _rise(self, held: _Held, until: datetime | None) -> None:
        """Take the steps of its policy that were due by then; None: all there are."""
        steps = timing.policy_of(held.incident, self._rules).step
        if not held.goes_up:
            at_once = timing.at_once(held.incident, self._rules)
            held.goes_up += [GoneUp(held.incident.opened_at, one.tier, one.means) for one in at_once]
        while held.incident.escalated < len(steps):
            number = held.incident.escalated
            due = timing.due_steps(held.incident, self._rules).get(f"{timing.ESCALATE}:{number + 1}")
            if due is None or (until is not None and due > until):
                return
            held.goes_up.append(GoneUp(due, steps[number].tier, steps[number].means))
            held.incident = timing.stepped_up(held.incident, steps[number], held.incident.updated_at)

    def _close(self, key: Key) -> None:
        held = self._held.pop(key)
        self._rise(held, None)
        self._done.append(held)


def _joined(held: Incident, opening: Incident) -> Incident:
    """An incident after it happened again; as the statement in store/incidents.py says it."""
    seen = set(held.devices) >= set(opening.devices)
    chatters = "chattering" in {held.quiet, opening.quiet}
    return msgspec.structs.replace(
        held,
        count=held.count + 1,
        updated_at=max(held.updated_at, opening.updated_at),
        last_event_at=max(held.last_event_at, opening.last_event_at),
        tracks=(opening.tracks + held.tracks)[:TRACKS_KEPT],
        devices=held.devices if seen else held.devices + opening.devices,
        priority=min(held.priority, opening.priority, key=_RANKS.index),
        quiet=opening.quiet if chatters else held.quiet,
        cancelled_at=None if held.cancelled_at is None else opening.cancelled_at,
    )


def fold(
    stored: Iterable[StoredAlarm | StoredEvent],
    rules: Rules,
    registry: Registry,
    *,
    windows: Windows = (),
    reals: Iterable[Real] = (),
    first: datetime,
    last: datetime,
) -> list[Tried]:
    """The incidents that these rules would have opened from `first` on and before `last`."""
    trial = Trial(rules, registry, windows, reals, first - lead_in(rules))
    for one in stored:
        trial.take(one)
    return trial.finish(first, last)
