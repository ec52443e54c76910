"""Incidents that rules would have opened, beside those that did. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from alerts.trial_past import Real
from alerts.trying import Tried


class Beside(msgspec.Struct, frozen=True):
    """One line of the comparison.

    `what`: `only tried` (nobody was called), `only real` (nobody would be), `merged` (it would be part of another), `split`
    (it would be one of its own), `changed` (priority or count), `same`.
    """

    what: str
    tried: Tried | None
    real: Real | None


def beside(tried: Sequence[Tried], reals: Mapping[int, Real]) -> list[Beside]:
    """Incidents that would have opened beside those that did, the differences first, each in order of time."""
    lines: list[Beside] = []
    paired: set[int] = set()
    within: dict[int, Tried] = {}
    for one in tried:
        there = [reals[number] for number in one.reals if number in reals]
        within.update((real.id, one) for real in there)
        twin = next((real for real in there if real.opened_at == one.incident.opened_at), None)
        if twin is None and not one.reals:
            twin = _alike(one, reals)
        if twin is not None:
            paired.add(twin.id)
            changed = (twin.priority, twin.count) != (one.incident.priority, one.incident.count)
            lines.append(Beside("changed" if changed else "same", one, twin))
        else:
            lines.append(Beside("split" if one.reals else "only tried", one, there[0] if there else None))
    lines += [
        Beside("merged" if real.id in within else "only real", within.get(real.id), real)
        for real in reals.values()
        if real.id not in paired
    ]
    return sorted(lines, key=lambda line: (line.what == "same", _when(line), line.what))


def _alike(one: Tried, reals: Mapping[int, Real]) -> Real | None:
    """The real incident that no event leads to: what says that a camera chatters."""
    key = (one.incident.site, one.incident.join_key, one.incident.opened_at)
    return next((real for real in reals.values() if (real.site, real.join_key, real.opened_at) == key), None)


def _when(line: Beside) -> datetime:
    if line.real is not None and line.what in {"merged", "only real"}:
        return line.real.opened_at
    assert line.tried is not None
    return line.tried.incident.opened_at
