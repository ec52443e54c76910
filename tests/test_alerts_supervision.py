"""Silence: when it counts, when it is ours, and when it is over. Decided without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alerts import supervision
from alerts.rules_figures import Supervision
from alerts.supervision import Listening, Places, Watched
from store.records import Incident, Window

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


def fallen(name: str, seconds: float, **changed: Any) -> Watched:
    return device(name, **({"state": "offline", "silent_since": ago(seconds)} | changed))


def is_settled(one: Watched) -> bool:
    return supervision.settled(one, RULES, NOW)


def test_an_incident_waits_for_the_settling() -> None:
    assert not is_settled(fallen("b1", 31.9))
    assert is_settled(fallen("b1", 32))
    assert not is_settled(fallen("b1", 11.9, expect=10.0))
    assert is_settled(fallen("b1", 12, expect=10.0))


def test_what_was_told_or_is_nobodys_is_not_waited_for() -> None:
    known = [fallen("b1", 99, silence_told=True), fallen("b2", 99, registered=False), fallen("b3", 99), device("b4")]
    assert [one.device for one in supervision.waiting(known)] == ["b3"]


def offline_incident(*names: str) -> Incident:
    return Incident(
        id=1, site="s1", join_key="k", grid=None, kind="offline", priority="low", title="t", device=None, lat=None, lon=None,
        address=None, opened_at=NOW, updated_at=NOW, last_event_at=NOW, devices=names,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "seconds", "back"),
    [
        ({"state": "online"}, 29.9, False),
        ({"state": "online"}, 30, True),
        ({"state": "online", "expect": 10.0}, 9.9, False),
        ({"state": "online", "expect": 10.0}, 10, True),
        ({"state": "online", "expect": 3600.0}, 30, True),
        ({"state": "online", "via": "gw"}, 30, True),
        ({"state": "online", "prefix": "frigate"}, 30, True),
        ({"state": "offline"}, 1000, False),
        ({"state": "fault"}, 1000, False),
    ],
)
def test_back_is_back_for_a_while(changed: dict[str, Any], seconds: float, *, back: bool) -> None:
    assert supervision.is_back(device(state_since=ago(seconds), **changed), RULES, NOW) == back


@pytest.mark.parametrize(
    ("parts", "over"),
    [(("b1",), True), (("b2",), False), (("gone",), True), (("b1", "gone"), True), (("b1", "b2"), False), ((), False)],
    ids=["back", "away", "removed", "outage over", "outage with one away", "of an older version"],
)
def test_what_is_over(parts: tuple[str, ...], *, over: bool) -> None:
    known = {("s1", one.device): one for one in (device("b1"), fallen("b2", 9))}
    assert bool(supervision.recovered([offline_incident(*parts)], known, RULES, NOW)) == over


PLACES = Places({"s1": "一"}, {("s1", "a"): ("东", "all"), ("s1", "all"): ("全", None), ("s1", "x"): ("环", "x")})


def test_grids_lie_in_grids() -> None:
    assert PLACES.chain("s1", "a") == ("a", "all")
    assert PLACES.chain("s1", None) == ()
    assert PLACES.chain("s1", "x") == ("x",)


@pytest.mark.parametrize(
    ("window", "one", "held"),
    [
        ({"device": "b1"}, {}, True),
        ({"device": "b2"}, {}, False),
        ({"device": "gw"}, {"via": "gw"}, True),
        ({"grid": "all"}, {"grid": "a"}, True),
        ({"grid": "b"}, {"grid": "a"}, False),
        ({}, {}, True),
        ({"site": "s2"}, {}, False),
        ({"ends_at": NOW}, {}, False),
        ({"purpose": "drill"}, {}, False),
    ],
    ids=[
        "its own",
        "another's",
        "its gateway's",
        "above its grid",
        "beside",
        "the site's",
        "another site's",
        "over",
        "drill",
    ],
)
def test_maintenance_holds_for_what_it_names(window: dict[str, Any], one: dict[str, Any], *, held: bool) -> None:
    fields: dict[str, Any] = {
        "id": 1, "site": "s1", "purpose": "maintenance", "grid": None, "device": None, "starts_at": ago(60),
        "ends_at": NOW + timedelta(seconds=60), "reason": "r", "made_by": "li", "made_at": ago(60),
    } | window  # fmt: skip
    windows = (Window(**fields),)
    assert supervision.in_window(device(**one), "maintenance", windows, PLACES, NOW) == held
