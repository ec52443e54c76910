"""Whether each due step of an incident ran, worked out from the incident itself and not from the timers. Pure.

The timers are how steps come to be done; that they were done is proven apart from them: what an incident must have by now
follows from its clock, its claim and the rules (alerts/timing.py), and a step that was taken stands in its timeline.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from alerts import timing
from alerts.rules import Rules
from store.records import Incident

GRACE = timedelta(seconds=15)
"""So late may a step be: a tick each second, a restart of the engine within ten."""


class Finding(msgspec.Struct, frozen=True):
    """A step that did not run, or would not have: `overdue`, `lost` (no timer for it) or `untold` (not in the timeline)."""

    incident: Incident
    step: str
    due_at: datetime | None
    what: str


def findings(
    incident: Incident, timers: Mapping[str, datetime], *, escalations: int, rules: Rules, now: datetime
) -> list[Finding]:
    """What is wrong with an incident's steps; `escalations` is how often its timeline says that it went up."""
    found: list[Finding] = []
    for step, due_at in timing.due_steps(incident, rules).items():
        if due_at + GRACE < now:
            found.append(Finding(incident, step, due_at, "overdue"))
        elif step not in timers:
            found.append(Finding(incident, step, due_at, "lost"))
    if incident.escalated > len(timing.at_once(incident, rules)) and escalations == 0 and incident.state == "open":
        found.append(Finding(incident, f"{timing.ESCALATE}:{incident.escalated}", None, "untold"))
    return found


_WORDS = {"overdue": "到期未执行", "lost": "定时丢失(已补上)", "untold": "时间线中没有记录"}


def told(found: list[Finding], most: int = 10) -> str:
    """What the auditor's incident says of its findings."""
    lines = [f"警情{one.incident.id} {one.step} {_WORDS[one.what]}" for one in found[:most]]
    return "; ".join(lines) + (f" 等{len(found)}项" if len(found) > most else "")
