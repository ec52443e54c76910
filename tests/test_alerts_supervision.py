"""Silence: when it counts, when it is ours, and when many are one. Decided without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts import supervision
from alerts.rules import Supervision
from alerts.supervision import Listening, Watched
from store.records import Incident

RULES = Supervision()
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
GRACE = timedelta(seconds=60)


def device(name: str = "b1", **changed: Any) -> Watched:
    known = Watched(
        site="s1", device=name, kind="button", name=f"名{name}", grid=None, address=None, lat=None, lon=None, expect=None,
        via=None, prefix=None, registered=True, state="online", state_since=LONG_AGO, last_seen=LONG_AGO, silent_since=None,
        silence_told=False,
    )  # fmt: skip
    return msgspec.structs.replace(known, **changed)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def is_silent(one: Watched, listening_since: datetime = LONG_AGO) -> bool:
    return bool(supervision.silent([one], RULES, listening_since, GRACE, NOW))


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({"kind": "button"}, 90),
        ({"kind": "gateway"}, 90),
        ({"kind": "camera"}, 180),
        ({"expect": 10.0}, 15),
        ({"kind": "camera", "expect": 3600.0}, 5400),
        ({"via": "gw"}, 25 * 3600 * 1.5),
        ({"via": "gw", "expect": 100.0}, 150),
        ({"kind": "gateway", "prefix": "frigate", "expect": 60.0}, 90),
        ({"state": "offline"}, 90),
    ],
    ids=[
        "button",
        "gateway",
        "camera",
        "expects",
        "sleeps",
        "by a gateway",
        "by one, expects",
        "maker's",
        "by its word",
    ],
)
def test_each_has_its_deadline(changed: dict[str, Any], seconds: float) -> None:
    assert not is_silent(device(last_seen=ago(seconds - 0.1), **changed))
    assert is_silent(device(last_seen=ago(seconds), **changed))


def test_a_makers_gateway_that_promised_nothing_may_be_silent() -> None:
    assert not is_silent(device(kind="gateway", prefix="frigate"))


def test_silence_is_found_once() -> None:
    assert not is_silent(device(silent_since=ago(5), state="offline"))


@pytest.mark.parametrize(
    ("changed", "listening", "silent"),
    [
        ({}, 89, False),
        ({}, 90, True),
        ({"kind": "camera"}, 179, False),
        ({"expect": 4.0}, 11, False),
        ({"expect": 4.0}, 12, True),
        ({"expect": 30.0}, 59, False),
        ({"expect": 30.0}, 60, True),
    ],
    ids=["its deadline anew", "over", "camera", "twice a short one", "over", "the grace", "over"],
)
def test_silence_before_we_listened_is_ours(changed: dict[str, Any], listening: float, *, silent: bool) -> None:
    assert is_silent(device(last_seen=ago(10_000), **changed), ago(listening)) == silent


@pytest.mark.parametrize(
    ("ready", "beat", "since"),
    [(100, 1, 100), (100, 10, 100), (100, 10.1, None), (None, 1, None), (100, None, None)],
    ids=["listening", "just", "dead", "not ready", "never"],
)
def test_who_listens(ready: float | None, beat: float | None, since: float | None) -> None:
    listening = Listening(None if ready is None else ago(ready), None if beat is None else ago(beat))
    assert listening.since(NOW) == (None if since is None else ago(since))


def told(devices: list[Watched]) -> list[str]:
    return [one.device for group in supervision.to_tell(devices, RULES, NOW).values() for one in group]


def fallen(name: str, seconds: float, **changed: Any) -> Watched:
    return device(name, **({"state": "offline", "silent_since": ago(seconds)} | changed))


def test_an_incident_waits_for_the_settling() -> None:
    assert told([fallen("b1", 31.9)]) == []
    assert told([fallen("b1", 32)]) == ["b1"]
    assert told([fallen("b1", 11.9, expect=10.0)]) == []
    assert told([fallen("b1", 12, expect=10.0)]) == ["b1"]


def test_what_was_told_or_is_nobodys_is_not_told() -> None:
    assert told([fallen("b1", 99, silence_told=True), fallen("b2", 99, registered=False)]) == []


def test_few_settle_each_and_many_settle_together() -> None:
    few = [fallen("b0", 32), *[fallen(f"b{number}", 1) for number in range(1, 4)]]
    assert told(few) == ["b0"]
    assert told([*few, fallen("b4", 1)]) == ["b0", "b1", "b2", "b3", "b4"]


def opened(devices: list[Watched], *, outage_open: bool = False) -> list[tuple[str | None, str]]:
    found = supervision.openings(devices, RULES, NOW, outage_open=outage_open)
    assert all((one.kind, one.priority) == ("offline", "low") for one in found)
    return [(one.join_key, one.title) for one in found]


def test_few_are_an_incident_each_and_many_are_one() -> None:
    assert opened([]) == []
    two = [fallen("b1", 30, address="3号院"), fallen("b2", 30)]
    assert opened(two) == [("offline:b1", "离线 · 3号院"), ("offline:b2", "离线 · 名b2")]
    assert opened([fallen(f"b{number}", 30) for number in range(5)]) == [("outage", "断线 · 5台设备同时离线")]


def test_in_an_outage_another_joins_it() -> None:
    assert [key for key, _ in opened([fallen("b1", 30)], outage_open=True)] == ["outage"]


def test_names_of_many_are_cut() -> None:
    many = [device(str(number)) for number in range(25)]
    assert supervision.names_of(many[:2]) == "名0、名1"
    assert supervision.names_of(many).endswith("名19 等25台")


def offline_incident(name: str | None) -> Incident:
    return Incident(
        id=1, site="s1", join_key="k", grid=None, kind="offline", priority="low", title="t", device=name, lat=None, lon=None,
        address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "state", "offline", "over"),
    [
        ("b1", "online", 3, True),
        ("b1", "offline", 1, False),
        ("b1", "fault", 1, False),
        ("gone", "offline", 1, True),
        (None, "offline", 1, False),
        (None, "online", 0, True),
    ],
    ids=["back", "away", "faulty", "removed", "outage with one away", "outage over"],
)
def test_what_is_over(name: str | None, state: str, offline: int, *, over: bool) -> None:
    found = supervision.recovered([offline_incident(name)], {("s1", "b1"): state}, {"s1": offline})
    assert bool(found) == over
