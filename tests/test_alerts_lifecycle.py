"""The life cycle: every verb in every state by a table, and any order of steps by a state machine."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.lifecycle import VERBS, Conflict, NotAllowed, Step, Taken, Verb, note_of, take_step
from alerts.timing import waits
from store.records import UNRESOLVED, Incident, State

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
STATES: tuple[State, ...] = get_args(State)


def incident(state: State = "open", owner: str | None = None, **changed: object) -> Incident:
    found = Incident(
        id=1, site="s1", join_key="press:b1", grid=None, kind="press", priority="critical", title="t", device="b1", lat=None,
        lon=None, address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW, version=4, state=state, owner=owner,
        deadline=NOW + timedelta(seconds=30) if state == "open" else None,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changed)


def step(verb: Verb, version: int = 4, **given: str) -> Step:
    needed: dict[str, dict[str, str]] = {
        "assign": {"to": "wang", "note": "he is nearer"},
        "dispatch": {"to": "张三"},
        "resolve": {"outcome": "real"},
        "note": {"note": "seen"},
        "reopen": {"note": "not over"},
        "escalate": {"note": "nobody comes"},
        "shelve": {"note": "known", "until": (NOW + timedelta(hours=1)).isoformat()},
    }
    return msgspec.convert({"verb": verb, "version": version} | needed.get(verb, {}) | given, Step)


# verb → what each state becomes, "-" where it is not a step; owner is `li` where the state has one
TABLE: dict[Verb, dict[State, tuple[State, str | None] | None]] = {
    "acknowledge": {"open": ("acknowledged", "me")},
    "assign": {
        "open": ("acknowledged", "wang"), "acknowledged": ("acknowledged", "wang"), "dispatched": ("dispatched", "wang"),
    },
    "dispatch": {"open": ("dispatched", "me"), "acknowledged": ("dispatched", "li"), "dispatched": ("dispatched", "li")},
    "arrive": {"dispatched": ("dispatched", "li")},
    "release": {"acknowledged": ("open", None), "dispatched": ("open", None)},
    "escalate": {"open": ("open", None), "acknowledged": ("acknowledged", "li"), "dispatched": ("dispatched", "li")},
    "note": {
        "open": ("open", None), "acknowledged": ("acknowledged", "li"), "dispatched": ("dispatched", "li"),
        "resolved": ("resolved", "li"), "closed": ("closed", "li"),
    },
    "resolve": {"open": ("resolved", None), "acknowledged": ("resolved", "li"), "dispatched": ("resolved", "li")},
    "close": {"resolved": ("closed", "li")},
    "reopen": {"resolved": ("open", None), "closed": ("open", None)},
    "shelve": {"open": ("open", None), "acknowledged": ("acknowledged", "li"), "dispatched": ("dispatched", "li")},
    "unshelve": {"open": ("open", None), "acknowledged": ("acknowledged", "li"), "dispatched": ("dispatched", "li")},
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", get_args(Verb))
def test_every_verb_in_every_state(verb: Verb, state: State) -> None:
    shelved = {"shelved_until": NOW + timedelta(hours=1), "shelved_by": "li"} if verb == "unshelve" else {}
    before = incident(state, None if state == "open" else "li", **shelved)
    later = NOW + timedelta(seconds=9)
    found = take_step(before, step(verb), "me", later)
    wanted = TABLE[verb].get(state)
    if wanted is None:
        assert isinstance(found, NotAllowed)
        assert verb in found.reason
        assert state in found.reason
        return
    assert isinstance(found, Taken)
    after = found.incident
    assert (after.state, after.owner) == wanted
    assert after.version == 4 + ((after.state, after.owner) != (before.state, before.owner))
    assert after.updated_at == later
    assert (after.count, after.opened_at, after.cancelled_at) == (1, NOW, None)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS)
def test_another_version_is_a_conflict_before_anything_else(verb: Verb, state: State) -> None:
    bare = Step(verb=verb, version=3)  # whatever else is missing
    assert take_step(incident(state, "li"), bare, "me", NOW) == Conflict(incident(state, "li"))


@pytest.mark.parametrize(
    ("verb", "state", "missing"),
    [("assign", "open", "to"), ("dispatch", "open", "to"), ("note", "open", "note"), ("resolve", "open", "outcome"),
     ("reopen", "closed", "note"), ("escalate", "open", "note"), ("shelve", "open", "note")],
)  # fmt: skip
def test_what_is_missing_is_named(verb: Verb, state: State, missing: str) -> None:
    found = take_step(incident(state), Step(verb=verb, version=4), "me", NOW)
    assert isinstance(found, NotAllowed)
    assert f"`{missing}`" in found.reason


def test_escalation_ends_at_the_district() -> None:
    tiers = []
    now = incident()
    while isinstance(found := take_step(now, step("escalate"), "me", NOW), Taken):
        now = found.incident
        tiers.append(now.tier)
    assert tiers == ["community", "district"]
    assert "district" in found.reason if isinstance(found, NotAllowed) else False


@pytest.mark.parametrize(
    ("actor", "to", "note", "taken"),
    [("me", "me", None, False), ("me", "me", "li is away", True), ("me", "wang", None, False), ("li", "wang", None, True),
     ("me", "li", None, True)],
)  # fmt: skip
def test_taking_over_needs_a_reason(actor: str, to: str, note: str | None, *, taken: bool) -> None:
    asked = Step(verb="assign", version=4, to=to, note=note)
    assert isinstance(take_step(incident("acknowledged", "li"), asked, actor, NOW), Taken) == taken


@pytest.mark.parametrize("hours", [-1, 0, 24 * 8])
def test_a_shelving_ends_and_not_too_late(hours: int) -> None:
    asked = Step(verb="shelve", version=4, note="known", until=NOW + timedelta(hours=hours))
    found = take_step(incident(), asked, "me", NOW)
    assert isinstance(found, NotAllowed)
    assert "`until`" in found.reason


def test_the_escalation_clock_stands_still_while_a_person_has_it() -> None:
    waiting = incident(clock_since=NOW)
    taken = take_step(waiting, step("acknowledge"), "me", NOW + timedelta(seconds=20))
    assert isinstance(taken, Taken)
    assert (taken.incident.clock_since, taken.incident.clock_ran) == (None, 20.0)
    later = NOW + timedelta(minutes=5)
    back = take_step(taken.incident, step("release", 5), "me", later)
    assert isinstance(back, Taken)
    assert (back.incident.clock_since, back.incident.clock_ran) == (later, 20.0)
    assert (back.incident.answered_at, back.incident.progress_at) == (NOW + timedelta(seconds=20), None)


def test_arrival_is_noted_once_and_ends_with_its_dispatch() -> None:
    first = take_step(incident("dispatched", "li"), step("arrive"), "me", NOW)
    assert isinstance(first, Taken)
    again = take_step(first.incident, step("arrive"), "me", NOW + timedelta(minutes=1))
    assert isinstance(again, Taken)
    assert (first.incident.arrived_at, again.incident.arrived_at) == (NOW, NOW)
    released = take_step(again.incident, step("release"), "me", NOW)
    assert isinstance(released, Taken)
    assert released.incident.arrived_at is None


def test_reopening_forgets_how_it_ended() -> None:
    ended = incident("closed", "li", outcome="false", resolved_at=NOW, arrived_at=NOW)
    found = take_step(ended, step("reopen"), "me", NOW)
    assert isinstance(found, Taken)
    after = found.incident
    assert (after.outcome, after.resolved_at, after.arrived_at, after.owner) == (None, None, None, None)
    assert found.note == "not over"


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, None), ({"note": "x"}, "x"), ({"to": "张三"}, "→ 张三"), ({"to": "张三", "note": "x"}, "→ 张三: x")],
)
def test_what_the_timeline_says(given: dict[str, str], said: str | None) -> None:
    assert note_of(Step(verb="dispatch", version=1, **given)) == said  # type: ignore[arg-type]


PEOPLE = st.sampled_from(["li", "wang", "chen"])


class LifeCycle(RuleBasedStateMachine):
    """People take steps, late ones and wrong ones among them, while time goes on."""

    @initialize()
    def open(self) -> None:
        self.now = NOW
        self.incident = incident()
        self.before = self.incident
        self.taken: Step | None = None

    @rule(verb=st.sampled_from(VERBS), actor=PEOPLE, late=st.integers(0, 3), seconds=st.integers(-5, 60), to=PEOPLE,
          outcome=st.sampled_from([None, "real", "false"]), note=st.sampled_from([None, "why"]),
          hours=st.sampled_from([None, 1]))  # fmt: skip
    def take(
        self,
        verb: str,
        actor: str,
        late: int,
        seconds: int,
        to: str,
        outcome: str | None,
        note: str | None,
        hours: int | None,
    ) -> None:
        self.now += timedelta(seconds=seconds)  # clocks jump back, too
        asked = msgspec.convert(
            {
                "verb": verb,
                "version": self.incident.version - late,
                "to": to,
                "outcome": outcome,
                "note": note,
                "until": None if hours is None else (self.now + timedelta(hours=hours)).isoformat(),
            },
            Step,
        )
        found = take_step(self.incident, asked, actor, self.now)
        assert isinstance(found, Conflict) == (late > 0)
        self.before, self.taken = self.incident, None
        if isinstance(found, Taken):
            self.incident, self.taken = found.incident, asked

    @precondition(lambda self: self.taken is not None)
    @invariant()
    def version_counts_state_and_owner(self) -> None:
        moved = (self.incident.state, self.incident.owner) != (self.before.state, self.before.owner)
        assert self.incident.version == self.before.version + moved
        assert self.incident.updated_at >= self.before.updated_at

    @invariant()
    def who_answers_owns(self) -> None:
        if self.incident.state in {"acknowledged", "dispatched"}:
            assert self.incident.owner is not None
            assert self.incident.answered_at is not None
        if self.incident.state == "open":
            assert self.incident.owner is None

    @precondition(lambda self: self.taken is not None)
    @invariant()
    def its_clock_runs_only_while_it_waits(self) -> None:
        assert (self.incident.clock_since is not None) == waits(self.incident)
        assert self.incident.clock_ran >= 0

    @invariant()
    def how_it_ended_belongs_to_the_end(self) -> None:
        ended = self.incident.state not in UNRESOLVED
        assert (self.incident.outcome is not None) == ended
        assert (self.incident.resolved_at is not None) == ended

    @invariant()
    def only_reopening_reopens(self) -> None:
        if self.before.state not in UNRESOLVED and self.incident.state in UNRESOLVED and self.taken is not None:
            assert self.taken.verb == "reopen"


TestLifeCycle = LifeCycle.TestCase
