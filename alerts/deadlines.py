"""Deadlines that fell due, acted on: escalation, the end of a claim, of a shelving, of an incident's time on the board."""

from datetime import datetime

from psycopg import Connection

from alerts import lifecycle, timing
from alerts.rules import EscalationStep, Rules
from alerts.steps import SYSTEM, keep, take_as_system
from store import feed, incidents, notices, timers
from store.connect import settled
from store.notices import Notice
from store.records import Change, Incident

BATCH = 200
MOST_BATCHES = 50  # in one tick: silence and the beat must not wait for ever behind a flood of deadlines


def fire_due(conn: Connection, rules: Rules, now: datetime) -> None:
    """Do every step whose time has come, longest ago first; each in a transaction of its own."""
    for _ in range(MOST_BATCHES):
        due = timers.due(conn, now, BATCH)
        conn.rollback()
        for incident_id, step in due:
            settled(conn, lambda one=incident_id, step=step: _fire(conn, rules, one, step, now))  # type: ignore[misc]
        if len(due) < BATCH:
            return


def _fire(conn: Connection, rules: Rules, incident_id: int, step: str, now: datetime) -> None:
    """A timer fell due. The incident is held first, as everywhere; then the timer, unless another engine has it.

    What the incident no longer asks for (it was taken meanwhile) goes without a word; what is due later now is set anew.
    """
    incident = incidents.lock(conn, incident_id)
    if incident is None or not timers.take(conn, incident_id, step, now):
        return
    due_at = timing.due_steps(incident, rules).get(step)
    if due_at is None or due_at > now:
        keep(conn, rules, incident)
    elif step == timing.CLOSE:
        close = lifecycle.Step(verb="close", version=incident.version)
        take_as_system(conn, rules, incident, close, None, now)
    elif step == timing.LEASE:
        after = keep(conn, rules, timing.lapsed(incident, now))
        note = f"{incident.owner} 认领后超时没有进展,自动放回"
        feed.append(conn, [Change(incident=after, actor=SYSTEM, verb="release", note=note)])
    elif step == timing.UNSHELVE:
        after = keep(conn, rules, timing.unshelved(incident, now))
        feed.append(conn, [Change(incident=after, actor=SYSTEM, verb="unshelve", note="搁置到期")])
    else:
        _escalate(conn, rules, incident, step, now)


def _escalate(conn: Connection, rules: Rules, incident: Incident, why: str, now: datetime) -> None:
    step = timing.next_step(incident, rules) or EscalationStep(after=0.0, tier="community")
    after = keep(conn, rules, timing.stepped_up(incident, step, now))
    unshown = why == timing.UNSHOWN
    note = f"{rules.press.shown_within:g}秒内没有任何值班屏显示" if unshown else f"等待{step.after:g}秒无人认领"
    told = Notice(
        site=after.site,
        incident=after.id,
        why="escalate",
        priority=after.priority,
        tier=after.tier,
        means=step.means,
        facts={"note": note},
        created_at=now,
    )
    notices.put(conn, [told])
    feed.append(conn, [Change(incident=after, actor=SYSTEM, verb="escalate", note=note)])
