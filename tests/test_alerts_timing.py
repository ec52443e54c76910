"""When something is due on an incident, by tables; and what the auditor makes of it."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import audit, timing
from alerts.rules import load_rules, parse
from store.records import Incident, Quiet

NOW = datetime(2026, 11, 25, 1, 0, 0, tzinfo=UTC)
RULES = load_rules()


def press(**changed: object) -> Incident:
    found = Incident(
        id=1, site="s1", join_key="press:b1", grid=None, kind="press", priority="critical", title="t", device="b1", lat=None,
        lon=None, address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW, clock_since=NOW,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changed)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("changed", "due"),
    [
        ({}, {"escalate:1": 30, "escalate:2": 60, "unshown": 10}),
        ({"shown_at": NOW}, {"escalate:1": 30, "escalate:2": 60}),
        ({"escalated": 1}, {"escalate:2": 60}),
        ({"escalated": 2}, {}),
        ({"clock_ran": 20.0}, {"escalate:1": 10, "escalate:2": 40, "unshown": 10}),
        ({"clock_ran": 45.0, "shown_at": NOW}, {"escalate:1": 0, "escalate:2": 15}),
        ({"clock_since": None, "cancelled_at": NOW}, {}),
        ({"state": "acknowledged", "owner": "li", "progress_at": after(5), "clock_since": None}, {"lease": 605}),
        ({"state": "dispatched", "owner": "li", "progress_at": after(7), "clock_since": None}, {"lease": 607}),
        ({"shelved_until": after(3600), "clock_since": None}, {"unshelve": 3600}),
        (
            {
                "state": "acknowledged",
                "owner": "li",
                "shelved_until": after(60),
                "progress_at": NOW,
                "clock_since": None,
            },
            {"unshelve": 60},
        ),
        ({"state": "resolved", "resolved_at": after(9), "clock_since": None}, {"close": 86_409}),
        ({"state": "closed", "clock_since": None}, {}),
        ({"kind": "tamper", "priority": "high"}, {"escalate:1": 180, "escalate:2": 600}),
        ({"kind": "loitering", "priority": "low"}, {}),
    ],
)
def test_what_is_due(changed: dict[str, object], due: dict[str, float]) -> None:
    assert timing.due_steps(press(**changed), RULES) == {step: after(seconds) for step, seconds in due.items()}


@pytest.mark.parametrize(
    ("changed", "waits"),
    [
        ({}, True),
        ({"state": "acknowledged"}, False),
        ({"cancelled_at": NOW}, False),
        ({"shelved_until": after(1)}, False),
        ({"quiet": "maintenance"}, False),
        ({"quiet": "unusual", "priority": "low"}, False),
        ({"quiet": "chattering", "priority": "high"}, False),
        ({"quiet": "chattering"}, True),  # a fire alarm that will not stop is still a fire alarm
    ],
)
def test_who_waits(changed: dict[str, object], *, waits: bool) -> None:
    assert timing.waits(press(**changed)) == waits


def test_what_comes_with_the_opening() -> None:
    rules = parse('[[escalation]]\nstep = [{after = 0, tier = "community"}, {after = 20, tier = "district"}]')
    begun = timing.begun(press(clock_since=None), rules)
    assert (begun.tier, begun.escalated, begun.clock_since) == ("community", 1, NOW)
    assert set(timing.due_steps(msgspec.structs.replace(begun, shown_at=NOW), rules)) == {"escalate:2"}
    assert [step.tier for step in timing.at_once(begun, rules)] == ["community"]


def test_a_claim_that_lapses_gives_nobody_time_anew() -> None:
    taken = timing.with_clock(press(state="acknowledged", owner="li", progress_at=after(40)), after(40))
    back = timing.lapsed(taken, after(640))
    assert (back.state, back.owner, back.version) == ("open", None, taken.version + 1)
    assert (back.clock_ran, back.clock_since) == (40.0, after(640))
    back = msgspec.structs.replace(back, escalated=1, answered_at=after(40))
    assert timing.due_steps(back, RULES) == {"escalate:2": after(660)}


@given(
    seconds=st.lists(
        st.tuples(st.floats(-100, 1000), st.sampled_from([None, "chattering", "maintenance"])), max_size=12
    )
)
def test_the_clock_never_runs_backwards(seconds: list[tuple[float, Quiet | None]]) -> None:
    """Whatever the machine's clock does: it never loses what it ran, and it runs exactly while somebody is waited for."""
    incident, now, ran = press(priority="high"), NOW, 0.0
    for step, quiet in seconds:
        now += timedelta(seconds=step)
        incident = timing.with_clock(msgspec.structs.replace(incident, quiet=quiet), now)
        assert (incident.clock_since is not None) == timing.waits(incident)
        assert incident.clock_ran >= ran
        ran = incident.clock_ran


@pytest.mark.parametrize(
    ("changed", "lost", "at", "found"),
    [
        ({}, (), 5, []),
        ({}, (), 25.5, [("unshown", "overdue")]),
        ({"shown_at": NOW}, (), 44, []),
        ({"shown_at": NOW}, (), 46, [("escalate:1", "overdue")]),
        ({"shown_at": NOW}, ("escalate:2",), 5, [("escalate:2", "lost")]),
        (
            {"state": "acknowledged", "owner": "li", "progress_at": NOW, "clock_since": None},
            (),
            616,
            [("lease", "overdue")],
        ),
        ({"state": "resolved", "resolved_at": NOW, "clock_since": None}, ("close",), 9, [("close", "lost")]),
        ({"state": "closed", "clock_since": None}, (), 1e6, []),
        ({"escalated": 1, "tier": "community"}, (), 31, [("escalate:1", "untold")]),
    ],
)
def test_the_auditor_finds_what_did_not_run(
    changed: dict[str, object], lost: tuple[str, ...], at: float, found: list[tuple[str, str]]
) -> None:
    incident = press(**changed)
    timers = {step: due for step, due in timing.due_steps(incident, RULES).items() if step not in lost}
    told = audit.findings(incident, timers, escalations=0, rules=RULES, now=after(at))
    assert [(one.step, one.what) for one in told] == found
    assert all(str(one.incident.id) in audit.told(told) for one in told)
