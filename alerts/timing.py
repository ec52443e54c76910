"""When something is due on an incident: escalation while it waits, the lease while a person has it, its closing. Pure.

Everything follows from the incident and the rules in force: `due_steps` says which timers there must be, now and after any
crash, and whoever audits the timers asks the same function.

The escalation clock runs while an incident waits on the board for somebody, and stands still while a person has it: a claim
that lapses does not give the tiers their time anew.
"""

from datetime import datetime, timedelta

import msgspec

from alerts.rules import EscalationPolicy, EscalationStep, Rules
from store.records import TIERS, UNRESOLVED, Incident, Tier

CLOSE_AFTER = timedelta(hours=24)

ESCALATE, LEASE, UNSHOWN, UNSHELVE, CLOSE = "escalate", "lease", "unshown", "unshelve", "close"


def policy_of(incident: Incident, rules: Rules) -> EscalationPolicy:
    """The escalation policy of an incident."""
    return rules.policy(incident.kind, incident.priority, incident.site)


def waits(incident: Incident) -> bool:
    """Whether the incident waits for somebody, so that its escalation clock runs.

    What a resident took back, what is shelved and what is quiet waits for nobody in a hurry; a critical one of a camera that
    chatters does all the same.
    """
    loud = incident.quiet is None or (incident.quiet == "chattering" and incident.priority == "critical")
    return incident.state == "open" and loud and incident.cancelled_at is None and incident.shelved_until is None


def with_clock(incident: Incident, now: datetime) -> Incident:
    """The incident with its escalation clock running or standing still, as it should at `now`."""
    if waits(incident):
        if incident.clock_since is None:
            return msgspec.structs.replace(incident, clock_since=now)
    elif incident.clock_since is not None:
        ran = incident.clock_ran + max(0.0, (now - incident.clock_since).total_seconds())
        return msgspec.structs.replace(incident, clock_since=None, clock_ran=ran)
    return incident


def due_steps(incident: Incident, rules: Rules) -> dict[str, datetime]:
    """Which timers the incident must have, by step, and when each is due; empty once it is closed.

    `escalate:N` is the Nth step of its policy, of which `escalated` were taken.
    """
    if incident.state == "resolved":
        return {} if incident.resolved_at is None else {CLOSE: incident.resolved_at + CLOSE_AFTER}
    if incident.state not in UNRESOLVED:
        return {}
    if incident.shelved_until is not None:
        return {UNSHELVE: incident.shelved_until}
    policy = policy_of(incident, rules)
    if incident.state != "open":
        since = incident.progress_at or incident.updated_at
        return {LEASE: since + timedelta(seconds=policy.lease)}
    if incident.clock_since is None:
        return {}
    due = {
        f"{ESCALATE}:{number}": incident.clock_since + timedelta(seconds=max(0.0, step.after - incident.clock_ran))
        for number, step in enumerate(policy.step, start=1)
        if number > incident.escalated
    }
    if (
        incident.kind == "press"
        and incident.shown_at is None
        and incident.escalated == 0
        and incident.answered_at is None
    ):
        due[UNSHOWN] = incident.last_event_at + timedelta(seconds=rules.press.shown_within)
    return due


def with_deadline(incident: Incident, rules: Rules) -> Incident:
    """The incident with the moment by which a person should do something: take it before it goes up, or move it before
    the claim lapses.
    """
    due = [at for step, at in due_steps(incident, rules).items() if step == LEASE or step.startswith(ESCALATE)]
    return msgspec.structs.replace(incident, deadline=min(due, default=None))


def next_step(incident: Incident, rules: Rules) -> EscalationStep | None:
    """The step of its policy that comes next; None when all were taken."""
    steps = policy_of(incident, rules).step
    return steps[incident.escalated] if incident.escalated < len(steps) else None


def stepped_up(incident: Incident, step: EscalationStep, now: datetime) -> Incident:
    """The incident after the next step of its policy was taken; a tier never comes down."""
    return msgspec.structs.replace(
        incident,
        tier=higher(incident.tier, step.tier),
        escalated=incident.escalated + 1,
        updated_at=max(incident.updated_at, now),
    )


def at_once(incident: Incident, rules: Rules) -> tuple[EscalationStep, ...]:
    """The steps of its policy that come with the opening itself."""
    return tuple(step for step in policy_of(incident, rules).step if step.after == 0) if waits(incident) else ()


def begun(opening: Incident, rules: Rules) -> Incident:
    """An opening with its escalation clock started and the steps that come at once behind it."""
    opening = with_clock(opening, opening.opened_at)
    for step in at_once(opening, rules):
        opening = stepped_up(opening, step, opening.opened_at)
    return opening


def higher(one: Tier, other: Tier) -> Tier:
    """The higher of two tiers."""
    return max(one, other, key=TIERS.index)


def steps_up_to(tier: Tier, policy: EscalationPolicy) -> int:
    """How many steps of a policy an incident at this tier has behind it."""
    return sum(TIERS.index(step.tier) <= TIERS.index(tier) for step in policy.step)


def lapsed(incident: Incident, now: datetime) -> Incident:
    """A claim without progress ends: back to the board, nobody's, and the escalation clock runs on."""
    back = msgspec.structs.replace(
        incident,
        state="open",
        owner=None,
        progress_at=None,
        arrived_at=None,
        version=incident.version + 1,
        updated_at=now,
    )
    return with_clock(back, now)


def unshelved(incident: Incident, now: datetime) -> Incident:
    """A shelving ends: it is on the board as before."""
    return with_clock(msgspec.structs.replace(incident, shelved_until=None, shelved_by=None, updated_at=now), now)
