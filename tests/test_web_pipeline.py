"""When the pipeline counts as working, and where a synthetic alarm is stuck. Decided without servers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.probing import NOBODY
from store.pipeline import PipelineFacts
from web.pipeline import Proof, stuck_at

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def ok_after(clock: Clock, proof: Proof, seconds: float) -> bool:
    clock.at += seconds
    return proof.ok


def test_a_start_has_its_grace_and_then_each_one_lasts() -> None:
    clock = Clock()
    proof = Proof(clock)
    assert ok_after(clock, proof, 19.9)
    assert not ok_after(clock, proof, 0.1)
    assert proof.proven_at is None
    proof.saw(timedelta(seconds=1))
    assert proof.proven_at is not None
    assert ok_after(clock, proof, 14.9)
    assert not ok_after(clock, proof, 0.1)
    proof.saw(timedelta(seconds=20))
    assert ok_after(clock, proof, 0)


def test_one_that_was_sent_long_ago_proves_nothing() -> None:
    clock = Clock()
    proof = Proof(clock)
    clock.at += 30
    proof.saw(timedelta(seconds=20.1))
    assert (proof.ok, proof.proven_at) == (False, None)


def test_one_at_the_start_does_not_end_the_grace() -> None:
    clock = Clock()
    proof = Proof(clock)
    proof.saw(timedelta(seconds=0))
    assert ok_after(clock, proof, 19.9)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tried_at": None}, "was sent yet: look at `skynet alerts`"),
        ({"tried_at": ago(13)}, "was sent for 13 s: look at `skynet alerts`"),
        ({"fault": "not authorised"}, "(not authorised): look at the broker"),
        ({"fault": NOBODY}, "look at `skynet ingest`"),
        ({"stored": None}, "sent 5 s ago was not stored: look at `skynet ingest`"),
        ({"stored": ago(15)}, "sent 5 s ago was not stored: look at `skynet ingest`"),
        ({}, "look at `skynet web`"),
    ],
)
def test_the_reason_names_what_to_look_at(changed: dict[str, Any], said: str) -> None:
    fields: dict[str, Any] = {"now": NOW, "tried_at": ago(5), "sent_at": ago(5), "fault": None, "stored": ago(5)}
    assert said in stuck_at(PipelineFacts(**(fields | changed)))
