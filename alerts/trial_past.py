"""What people really did with incidents, by the keys that these would have under the rules that are tried. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime

import msgspec

from alerts import openings
from alerts.rules import Rules
from devices.registry import Registry
from store.records import Incident, Priority, Tier

Key = tuple[str, str]
"""site, join key"""


class Real(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that did open. `moves` are the steps that end or hold it: resolve, reopen, shelve, unshelve, in order."""

    id: int
    site: str
    join_key: str | None
    kind: str
    priority: Priority
    title: str
    device: str | None
    opened_at: datetime
    count: int
    tier: Tier
    answered_at: datetime | None
    resolved_at: datetime | None
    moves: tuple[tuple[str, datetime], ...] = ()


def key_of(real: Real, registry: Registry, rules: Rules) -> str | None:
    """The key that an incident would have by these rules."""
    if real.kind == "press":
        return f"press:{real.device}"
    device = registry.devices.get((real.site, real.device or ""))
    if device is not None and device.kind == "camera" and real.kind not in {"offline", "fault", "unusual"}:
        return openings.place_key(device, real.kind, registry, rules)
    return real.join_key


class Past:
    """What people did, by the keys that incidents would have."""

    def __init__(self, reals: list[Real], registry: Registry, rules: Rules) -> None:
        by_key: dict[Key, list[Real]] = {}
        for real in sorted(reals, key=lambda one: (one.opened_at, one.id)):
            join_key = key_of(real, registry, rules)
            if join_key is not None:
                by_key.setdefault((real.site, join_key), []).append(msgspec.structs.replace(real, join_key=join_key))
        self._ends: dict[Key, list[tuple[datetime, datetime | None]]] = {}
        self._shelved: dict[Key, list[tuple[datetime, datetime | None]]] = {}
        self._by_key = by_key
        for key, ones in by_key.items():
            for number, real in enumerate(ones):
                # a key is one incident's at a time: what is done with it after the next one opened moves no key
                until = ones[number + 1].opened_at if number + 1 < len(ones) else None
                moves = [(verb, at) for verb, at in real.moves if until is None or at < until]
                self._ends.setdefault(key, []).extend(_spans(moves, {"resolve"}, {"reopen"}))
                self._shelved.setdefault(key, []).extend(_spans(moves, {"shelve"}, {"unshelve", "resolve"}))
        for ends in self._ends.values():
            ends.sort(key=lambda span: span[0])

    def ended(self, held: Incident, at: datetime) -> datetime | None:
        """When an incident of the trial was over by `at`, because the real one was resolved; None: it goes on."""
        ends = self._ends.get((held.site, held.join_key or ""), [])
        for begins, again in ends[bisect_left(ends, held.opened_at, key=lambda span: span[0]) :]:
            if begins <= at and (again is None or again > at):
                return begins
        return None

    def shelved(self, key: Key, at: datetime) -> bool:
        """Whether the incident of this key was shelved then."""
        return any(begins <= at and (ends is None or at < ends) for begins, ends in self._shelved.get(key, ()))

    def on_the_board(self, at: datetime) -> list[Real]:
        """The newest incident of each key, of those that collect without an end, that was on the board then."""
        found = []
        for key, ones in self._by_key.items():
            before = [one for one in ones if one.opened_at < at]
            collects = before and (before[-1].kind == "press" or key[1].startswith("chatter:"))
            if collects and not any(
                begins <= at and (again is None or again > at) for begins, again in self._ends.get(key, ())
                if begins >= before[-1].opened_at
            ):  # fmt: skip
                found.append(before[-1])
        return found


def _spans(
    moves: Sequence[tuple[str, datetime]], begins: set[str], ends: set[str]
) -> list[tuple[datetime, datetime | None]]:
    found: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = None
    for verb, at in moves:
        if verb in begins and since is None:
            since = at
        elif verb in ends and since is not None:
            found.append((since, at))
            since = None
    return [*found, (since, None)] if since is not None else found
