"""Our own format: what is taken, what is refused, and that no bytes at all make it fail."""

import json
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import formats, jsontext
from devices.messages import INTERNAL, Alarm, Event, Reject, Status, Telemetry, Unregistered
from devices.registry import Device, Registry, Site

LIVE = False  # not a retained copy
NOW = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
REGISTRY = Registry(
    1,
    [Site(site="lake", name="湖边")],
    [],
    [
        Device(site="lake", device="cam-9", kind="camera", name="c"),
        Device(site="lake", device="btn-9", kind="button", name="b"),
        Device(site="lake", device="z", kind="gateway", name="z", format="zigbee2mqtt", prefix="home/z2m"),
        Device(site="lake", device="f", kind="gateway", name="f", format="frigate", prefix="video"),
    ],
)


def say(channel: str, payload: bytes | object, device: str = "cam-9", *, retained: bool = False) -> list[object]:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return list(formats.decode(f"skynet/v1/lake/{device}/{channel}", raw, retained, NOW, REGISTRY))


def one(channel: str, payload: bytes | object, device: str = "cam-9") -> object:
    (said,) = say(channel, payload, device)
    return said


def event(**changed: object) -> dict[str, object]:
    return {"id": "e-1", "ts": "2026-11-24T08:29:59.5+00:00", "kind": "person", "phase": "start"} | changed


def press(**changed: object) -> dict[str, object]:
    return {"id": "p-1", "ts": "2026-11-24T16:30:00+08:00", "action": "press"} | changed


def test_an_event() -> None:
    said = one("event", event(track="t1", confidence=0.5, attrs={"zone": "门"}))
    assert said == Event(
        "lake", "cam-9", "e-1", "person", "start", "t1", 0.5, NOW - timedelta(seconds=0.5), '{"zone":"门"}'.encode()
    )


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"ts": 1_764_000_000_000}, datetime.fromtimestamp(1_764_000_000, UTC)),
        ({"ts": "1970-01-01T00:00:00Z"}, datetime(1970, 1, 1, tzinfo=UTC)),
        ({"ts": "2100-01-01T00:00:00+08:00"}, datetime(2099, 12, 31, 16, tzinfo=UTC)),
        ({"ts": "2026-11-24T08:00:00.123456789Z"}, datetime(2026, 11, 24, 8, 0, 0, 123457, tzinfo=UTC)),
    ],
)
def test_the_clock_of_an_event_is_believed_whatever_it_says(changed: dict[str, object], expected: datetime) -> None:
    said = one("event", event(**changed))
    assert isinstance(said, Event)
    assert said.ts == expected


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ts": None}, "ts"),
        ({"ts": "2026-11-24T08:00:00"}, "timezone"),
        ({"ts": "yesterday"}, "ts"),
        ({"ts": 10**18}, "calendar"),
        ({"ts": "0001-01-01T00:00:00+08:00"}, "calendar"),
        ({"id": "x" * 65}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"id": 7}, "id"),
        ({"id": ""}, "id"),
        ({"kind": "Person"}, "kind"),
        ({"kind": "人"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"phase": "begin"}, "phase"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": "high"}, "confidence"),
        ({"track": 5}, "track"),
        ({"track": "t\0"}, "track"),
        ({"attrs": [1]}, "attrs"),
        ({"attrs": "x"}, "attrs"),
    ],
)
def test_an_event_that_is_refused(changed: dict[str, object], reason: str) -> None:
    said = one("event", event(**changed))
    assert isinstance(said, Reject)
    assert reason in said.reason
    assert (said.site, said.device) == ("lake", "cam-9")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"event"',
        b"\xff\xfe",
        b'{"id":"e","ts":1,"kind":"person","phase":"start","attrs":{"a":NaN}}',
        b'{"id":"e","ts":1,"kind":"person","phase":"start","attrs":{"a":"\xff"}}',
        b'{"id":"e","ts":1,"kind":"person","phase":"start","attrs":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"id":"e","ts":1,"kind":"person","phase":"start","attrs":{"a":' + b"[" * 300 + b"]" * 300 + b"}}",
        b'{"id":"e","ts":1,"kind":"person","phase":"start","x":"' + b"y" * 66_000 + b'"}',
        b'{"id":"e","ts":1,"kind":"person","phase":"start"} trailing',
        b'{"id":"e","ts":1,"kind":"person","phase":"start","attrs":{"a":"\\ud800"}}',
    ],
)
def test_no_event_at_all(payload: bytes) -> None:
    said = one("event", payload)
    assert isinstance(said, Reject)
    assert not said.reason.startswith(INTERNAL)
    assert len(said.reason) < 400


@pytest.mark.parametrize(
    ("attrs", "kept"),
    [
        (b'{"a":"x\\u0000y"}', {"a": "x\ufffdy"}),
        (b'{"a\\u0000":1}', {"a\ufffd": 1}),
        (b'{"a":"\\u4e2d"}', {"a": "中"}),
        (b'{"a":1e999}', {"a": None}),
        (b'{"a":1e300,"b":-1e300}', {"a": "1e300", "b": "-1e300"}),
        (b'{"a":123456789012345678901}', {"a": "123456789012345678901"}),
        (b'{"a":0.' + b"1" * 20_000 + b"}", {"a": 0.1111111111111111}),
        (b'{"a":1.5e3}', {"a": 1500.0}),
    ],
)
def test_attributes_become_what_the_database_can_hold(attrs: bytes, kept: dict[str, object]) -> None:
    said = one("event", b'{"id":"e","ts":1,"kind":"person","phase":"start","attrs":' + attrs + b"}")
    assert isinstance(said, Event)
    assert said.attrs is not None
    assert orjson.loads(said.attrs) == kept


def test_fit_attributes_are_not_touched() -> None:
    raw = b'{ "z": [1, 2.50, {"e": "five \\n"}], "a": null }'
    assert jsontext.storable(raw) is raw


def test_a_press() -> None:
    assert one("alarm", press(), "btn-9") == Alarm("lake", "btn-9", "p-1", "press", NOW)


@pytest.mark.parametrize(
    ("payload", "faults"),
    [
        (b'{"id":"p-1","action":"press"}', ["ts missing"]),
        (b'\xef\xbb\xbf \n{"action":"press","id":"p-1"}\0', ["text after the object", "ts missing"]),
        (b'{"id":"p-1","action":"press","ts":0}', ["ts implausible: 1970-01-01T00:00:00Z"]),
        (b'{"id":"p-1","action":"press","ts":"2100-01-01T00:00:00Z"}', ["ts implausible: 2100-01-01T00:00:00Z"]),
        (b'{"id":"p-1","action":"press","ts":1e99}', ["ts not readable: 1e99"]),
        (b'{"id":"p-1","action":"press","ts":NaN}', ["ts not readable: NaN"]),
        (b'{"id":"p-1","action":"press","ts":{"a":[1]}}', ['ts not readable: {"a":[1]}']),
        (b'{"id":"p-1","action":"press","ts":"2026-11-24 08:30"}', ['ts not readable: "2026-11-24 08:30"']),
        (b'{"id":"p-1","action":"press","ts":1764000000000,"attrs":7}', ["attrs not an object"]),
        (b'{"id":"p-1","action":"press","ts":1764000000000,"attrs":"x"}', ["attrs not an object"]),
        (b'{"id":"p-1","action":"press","ts":1764000000000,"note":"\xff"}', ["not UTF-8"]),
        (b'{"id":"p-1","action":"press","ts":1764000000000,,"x":Infinity,}', []),
        (b'{"id":"p-0","id":"p-1","action":"press","ts":1764000000000}', []),
        (b'{"id":"p-1","action":"press","ts":1764000000000,"x":' + b"[" * 9000 + b"]" * 9000 + b"}", []),
        (
            b'{"id":"p-1","action":"press","ts":1764000000000,"attrs":{"x":' + b"[" * 90 + b"]" * 90 + b"}}",
            ["attrs nested deeper than 64 levels"],
        ),
        (
            b'{"id":"p-1","action":"press","ts":1764000000000,"x":"' + b"y" * 1_000_000 + b'"}',
            ["too large: 1000055 bytes"],
        ),
        (b'{"id":"p-1","action":"press","ts":1764000000000,"x":"' + b'\\"' * 30_000 + b'"}', []),
    ],
)
def test_a_press_needs_only_id_and_action(payload: bytes, faults: list[str]) -> None:
    said = one("alarm", payload, "btn-9")
    assert isinstance(said, Alarm)
    assert (said.id, said.action) == ("p-1", "press")
    assert list(said.faults) == faults


def test_the_attributes_of_a_press_are_mended() -> None:
    said = one("alarm", b'{"id":"p","action":"press","ts":1764000000000,"attrs":{"a":"\\u0000","b":NaN}}', "btn-9")
    assert isinstance(said, Alarm)
    assert said.attrs == {"a": "\ufffd", "b": None}


def test_a_number_is_readable_as_an_id() -> None:
    said = one("alarm", b'{"id":42,"action":"press","ts":1764000000000}', "btn-9")
    assert isinstance(said, Alarm)
    assert (said.id, said.faults) == ("42", ("id is a number",))


@pytest.mark.parametrize(
    ("payload", "alarm_id"),
    [
        (b'{"action":"press"}', None),
        (b'{"id":null,"action":"press"}', None),
        (b'{"id":{"x":1},"action":"press"}', None),
        (b'{"id":"p-1"}', "p-1"),
        (b'{"id":"p-1","action":"push"}', "p-1"),
        (b'{"id":"p-1","action":["press"]}', "p-1"),
        (b'{"id":"","action":"press"}', ""),
        (b'{"id":"p 1","action":"press"}', "p 1"),
        (b'{"id":"p\\u0000","action":"press"}', "p\ufffd"),
        (b'{"id":"\\ud800","action":"press"}', "\ufffd"),
        (b'{"id":"' + b"x" * 10_000 + b'","action":"press"}', "x" * 10_000),
        (b'{"id":"p-1","action":"press"', None),
        (b'{"id":"p-1","action":"press","x":"', None),
        (b'{"id":"p-1","action":"press","x":[1,2', None),
        (b'[{"id":"p-1","action":"press"}]', None),
        (b'"press"', None),
        (b"", None),
        (b"\x00\xff", None),
        (b"{'id':'p-1','action':'press'}", None),
    ],
)
def test_an_alarm_that_is_refused(payload: bytes, alarm_id: str | None) -> None:
    said = one("alarm", payload, "btn-9")
    assert isinstance(said, Reject)
    assert said.alarm_id == alarm_id
    assert not said.reason.startswith(INTERNAL)
    said.reason.encode()  # PostgreSQL must be able to hold it
    assert "\0" not in said.reason


def test_a_hostile_press_is_soon_read() -> None:
    """Reading it in the square of its length would take until the test's time limit."""
    (said,) = say("alarm", b'{"id":"p","action":"press","x":["' + b'\\"' * 500_000, "btn-9")
    assert isinstance(said, Reject)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"online":true}', Status("lake", "cam-9", online=True)),
        (b'{"online":false,"ts":"nonsense","firmware":7}', Status("lake", "cam-9", online=False)),
        (
            b'{"online":true,"ts":1764000000000,"firmware":"v1"}',
            Status("lake", "cam-9", online=True, ts=datetime.fromtimestamp(1_764_000_000, UTC), firmware="v1"),
        ),
    ],
)
def test_status(payload: bytes, expected: Status) -> None:
    assert one("status", payload) == expected


@pytest.mark.parametrize("payload", [b"{}", b'{"online":"true"}', b'{"online":1}', b"online", b"", b"\xff"])
def test_a_status_that_is_refused(payload: bytes) -> None:
    assert isinstance(one("status", payload), Reject)


def test_telemetry_keeps_numbers() -> None:
    said = one(
        "telemetry",
        b'{"ts":1764000000000,"battery":81.5,"rssi":-70,"up":true,"x":"y","deep":{"a":1},"nan":NaN,"\\u0000":1}',
    )
    assert said == Telemetry("lake", "cam-9", datetime.fromtimestamp(1_764_000_000, UTC), 81.5, {"rssi": -70})


@pytest.mark.parametrize("battery", [-1, 101, None, "full", True])
def test_a_battery_that_can_not_be(battery: object) -> None:
    said = one("telemetry", {"ts": 0, "battery": battery, "rssi": 1})
    assert isinstance(said, Telemetry)
    assert said.battery is None


@pytest.mark.parametrize(
    ("channel", "payload"),
    [
        ("alarm", press()),
        ("event", event()),
        ("telemetry", {"ts": 0}),
        ("status", {"online": True}),
        ("alarm", b"rubbish"),
    ],
)
def test_a_retained_copy_raises_nothing(channel: str, payload: object) -> None:
    assert say(channel, payload, retained=True) == []


def test_a_retained_offline_is_a_last_word() -> None:
    assert say("status", {"online": False}, retained=True) == [Status("lake", "cam-9", online=False)]


@pytest.mark.parametrize("channel", ["snapshot/e-1", "receipt", "command"])
def test_channels_that_are_not_read(channel: str) -> None:
    assert say(channel, b"\xff\xd8") == []


@pytest.mark.parametrize(
    ("topic", "reason", "site"),
    [
        ("skynet/v1/lake/cam-9", "the topic is not", None),
        ("skynet/v1/moon/cam-9/event", "unknown site", None),
        ("skynet/v1/lake/Cam_9/event", "can't be a device's name", "lake"),
        ("skynet/v1/lake//event", "can't be a device's name", "lake"),
        ("skynet/v1/lake/cam-9/shout", "unknown channel", "lake"),
        ("skynet/v1/lake/cam-9/event/x", "more levels", "lake"),
        ("somewhere/else", "no gateway", None),
    ],
)
def test_topics_that_are_not_ours(topic: str, reason: str, site: str | None) -> None:
    (said,) = formats.decode(topic, orjson.dumps(event()), LIVE, NOW, REGISTRY)
    assert isinstance(said, Reject)
    assert reason in said.reason
    assert said.site == site


def test_a_name_nobody_registered_is_kept_and_heard() -> None:
    assert say("alarm", press(), "new-1") == [
        Unregistered("lake", "new-1", "button"),
        Alarm("lake", "new-1", "p-1", "press", NOW),
    ]
    stranger, said = say("event", event(), "new-1")
    assert stranger == Unregistered("lake", "new-1", "camera")
    assert isinstance(said, Event)
    assert [type(it) for it in say("event", b"rubbish", "new-1")] == [Reject]  # what says nothing sensible is not kept


TOPICS = st.one_of(
    st.sampled_from(
        [
            *("skynet/v1/lake/cam-9/alarm", "skynet/v1/lake/cam-9/event", "skynet/v1/lake/cam-9/status"),
            *("skynet/v1/lake/x/alarm", "skynet/v1/lake/x/event", "skynet/v1/lake/btn-9/telemetry"),
            *("video/events", "video/reviews", "video/available", "video/stats", "video/c/status/detect"),
            *("home/z2m/bridge/state", "home/z2m/knob", "home/z2m/knob/action", "home/z2m/knob/availability"),
        ]
    ),
    st.text(max_size=60),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
NAMES = [
    "id",
    "ts",
    "action",
    "kind",
    "phase",
    "track",
    "confidence",
    "attrs",
    "online",
    "battery",
    "type",
    "before",
    "after",
    "camera",
    "label",
    "data",
    "state",
]
OBJECTS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8)


@given(TOPICS, st.binary(max_size=200), st.booleans())
def test_no_bytes_make_it_fail(topic: str, payload: bytes, retained: bool) -> None:
    for said in formats.decode(topic, payload, retained, NOW, REGISTRY):
        assert not (isinstance(said, Reject) and said.reason.startswith(INTERNAL)), said


@given(TOPICS, OBJECTS | st.fixed_dictionaries({"type": st.just("new"), "before": OBJECTS, "after": OBJECTS}))
def test_no_object_makes_it_fail(topic: str, fields: dict[str, object]) -> None:
    for said in formats.decode(topic, json.dumps(fields).encode(), LIVE, NOW, REGISTRY):
        assert not (isinstance(said, Reject) and said.reason.startswith(INTERNAL)), said
        if isinstance(said, Event) and said.attrs is not None:
            assert b"\\u0000" not in said.attrs


@given(JSON)
def test_what_is_storable_stays_what_it_was(value: object) -> None:
    raw = json.dumps(value).encode()
    assert json.loads(jsontext.storable(raw)) == json.loads(json.dumps(jsontext.value_of(raw.decode())))


@given(st.binary(max_size=300))
def test_the_lenient_reading_ends(payload: bytes) -> None:
    try:
        found, _ = jsontext.members(b"{" + payload)
    except jsontext.Unreadable:
        return
    for member in found.values():
        assert member.raw
