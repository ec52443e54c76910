"""The simulator, feeds as files, the virtual clock, the spool and the outbox: all without a broker."""

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import feed, formats, simulator, siteplan
from devices.clock import VirtualClock
from devices.feed import FeedError, Record
from devices.messages import Alarm, Event, Reject, Status, Telemetry
from devices.outbox import FIRST_RESEND, SLOWEST_RESEND, Outbox, Receipt, read_receipt, settles
from devices.presses import WINDOW, PressWindow, made_up_id
from devices.registry import Registry
from devices.scenarios import SCENARIOS, tracks_per_hour
from devices.spool import Kept, Spool

PLAN = siteplan.sample("zhihuo")
REGISTRY = Registry(1, [PLAN.site], PLAN.grids, PLAN.devices)
MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # nine o'clock at the site


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_seed_gives_the_same_feed(name: str) -> None:
    def lines(seed: int) -> list[bytes]:
        return [feed.line(one) for one in simulator.feed(PLAN.devices, SCENARIOS[name], seed, MORNING, 600)]

    assert lines(3) == lines(3)
    assert lines(3) != lines(4)


def test_the_order_devices_are_given_in_changes_nothing() -> None:
    turned = tuple(reversed(PLAN.devices))
    day = SCENARIOS["day"]
    assert list(simulator.feed(turned, day, 1, MORNING, 300)) == list(
        simulator.feed(PLAN.devices, day, 1, MORNING, 300)
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_all_that_is_simulated_is_understood(name: str) -> None:
    kinds: Counter[type] = Counter()
    ids: set[tuple[str, str, str]] = set()
    before = 0.0
    for one in simulator.feed(PLAN.devices, SCENARIOS[name], 11, MORNING, 1800):
        assert before <= one.at < 1800
        before = one.at
        arrival = MORNING + timedelta(seconds=one.at)
        for said in formats.decode(one.topic, one.payload, False, arrival, REGISTRY):  # noqa: FBT003
            assert not isinstance(said, Reject), said
            kinds[type(said)] += 1
            if isinstance(said, Event | Alarm):
                key = (said.device, said.id, said.action if isinstance(said, Alarm) else "")
                assert key not in ids
                ids.add(key)
                assert said.ts is not None
                assert abs(said.ts - arrival) < timedelta(seconds=0.002)
    assert {Event, Status, Telemetry} <= set(kinds)
    assert (Alarm in kinds) == (name != "quiet")


def test_each_device_speaks_every_half_minute_unless_it_is_silent() -> None:
    quiet = SCENARIOS["quiet"]
    said: dict[str, list[float]] = {}
    for one in simulator.feed(PLAN.devices, quiet, 2, MORNING, 300):
        said.setdefault(one.topic.split("/")[3], []).append(one.at)
    assert set(said) == {one.device for one in PLAN.devices}
    for moments in said.values():
        assert max(later - sooner for sooner, later in itertools.pairwise([*moments, 300])) <= 30.001


def test_a_cancel_follows_its_press_and_a_silence_ends() -> None:
    pressed: dict[str, float] = {}
    cancelled = 0
    offline: Counter[str] = Counter()
    for one in simulator.feed(PLAN.devices, SCENARIOS["flood"], 5, MORNING, 3600):
        body = orjson.loads(one.payload)
        if body.get("action") == "press":
            pressed[body["id"]] = one.at
        elif body.get("action") == "cancel":
            cancelled += 1
            assert 0 < one.at - pressed[body["id"]] <= 15
        elif body.get("online") is False:
            offline[one.topic] += 1
    assert cancelled > 10
    assert sum(offline.values()) > 10


def test_a_first_press_comes_soon() -> None:
    alarms = [
        one.at for one in simulator.feed(PLAN.devices, SCENARIOS["day"], 1, MORNING, 60) if one.topic.endswith("/alarm")
    ]
    assert alarms
    assert alarms[0] <= 20


def test_a_day_has_a_rhythm() -> None:
    day, night = SCENARIOS["day"], SCENARIOS["night"]
    assert tracks_per_hour("主街", 18, day) > 10 * tracks_per_hour("主街", 3, day)
    assert tracks_per_hour("学校门口", 16, day) > 3 * tracks_per_hour("学校门口", 15, day)
    assert tracks_per_hour("主街", 23, night) > 3 * tracks_per_hour("主街", 23, day)

    def events(hour: int) -> int:
        begin = datetime(2026, 11, 24, hour, tzinfo=UTC) - timedelta(hours=8)
        records = simulator.feed(PLAN.devices, day, 9, begin, 3600)
        return sum(one.topic.endswith("/event") for one in records)

    assert events(18) > 5 * events(3)


def test_any_number_of_cameras_at_any_rate() -> None:
    records = list(itertools.islice(simulator.crowd("zhihuo", 500, 5000.0, 1, MORNING), 5000))
    assert records[-1].at == pytest.approx(1.0, rel=0.1)
    assert len({one.topic for one in records}) > 450
    assert len({orjson.loads(one.payload)["id"] for one in records}) == 5000
    said = formats.decode(records[0].topic, records[0].payload, False, MORNING, REGISTRY)  # noqa: FBT003
    assert any(isinstance(one, Event) for one in said)


RECORDS = st.builds(
    Record,
    at=st.floats(0, 1e6).map(lambda at: round(at, 6)),
    topic=st.text(st.characters(exclude_characters="#+\0", exclude_categories=["Cs"]), min_size=1, max_size=40),
    payload=st.binary(max_size=80),
    qos=st.sampled_from([0, 1, 2]),
    retain=st.booleans(),
)


@given(st.lists(RECORDS, max_size=5))
def test_what_is_written_is_read(records: list[Record]) -> None:
    assert list(feed.read(b"".join(map(feed.line, records)).splitlines(keepends=True))) == records


def test_a_feed_written_by_hand() -> None:
    assert list(feed.read([b'{"at":1,"topic":"a/b","payload":{"x": [1]}}\n', b"\n"])) == [
        Record(1.0, "a/b", b'{"x":[1]}', 1, retain=False)
    ]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"x", "line 2"),
        (b"[]", "not a JSON object"),
        (b'{"topic":"a","payload":""}', "at is None"),
        (b'{"at":-1,"topic":"a","payload":""}', "at is -1"),
        (b'{"at":true,"topic":"a","payload":""}', "at is True"),
        (b'{"at":0,"topic":"a/#","payload":""}', "topic"),
        (b'{"at":0,"topic":"","payload":""}', "topic"),
        (b'{"at":0,"topic":"a"}', "payload"),
        (b'{"at":0,"topic":"a","payload":"","payload_base64":""}', "payload"),
        (b'{"at":0,"topic":"a","payload_base64":"?"}', "line 2"),
        (b'{"at":0,"topic":"a","payload":"","qos":3}', "qos"),
        (b'{"at":0,"topic":"a","payload":"","retain":1}', "retain"),
    ],
)
def test_a_bad_line_is_named(line: bytes, complaint: str) -> None:
    with pytest.raises(FeedError) as told:
        list(feed.read([b'{"at":0,"topic":"a","payload":"x"}', line]))
    assert "line 2" in str(told.value)
    assert complaint in str(told.value)


@given(st.floats(0.01, 1000), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_virtual_clock(speed: float, started: float, at: float) -> None:
    clock = VirtualClock(started, speed)
    assert clock.at(clock.due(at)) == pytest.approx(at, rel=1e-6, abs=1e-3)
    assert clock.wait(at, clock.due(at)) == 0
    assert clock.wait(at, started) == pytest.approx(at / speed, rel=1e-6, abs=1e-6)


def test_speed_nought_never_waits_and_a_negative_one_is_refused() -> None:
    assert VirtualClock(5.0, 0.0).wait(1e9, 5.0) == 0
    for speed in (-1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="speed"):
            VirtualClock(0.0, speed)


def test_the_spool_keeps_and_forgets(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "new" / "spool.sqlite")
    for number in range(3):
        spool.put(Kept("s.b", f"p{number}", "press", b"x", float(number)))
    spool.put(Kept("s.b", "p1", "press", b"again", 9.0))
    spool.put(Kept("s.b", "p1", "cancel", b"y", 9.0))
    spool.put(Kept("s.c", "p1", "press", b"z", 9.0))
    spool.settle("s.b", "p1", "press")
    spool.close()
    again = Spool(tmp_path / "new" / "spool.sqlite")
    assert [(one.id, one.action) for one in again.pending("s.b")] == [
        ("p0", "press"),
        ("p2", "press"),
        ("p1", "cancel"),
    ]
    assert again.count() == 4
    again.close()


def test_a_killed_process_leaves_its_presses(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from devices.spool import Kept, Spool\n"
        "spool = Spool(Path(sys.argv[1]))\n"
        "for n in range(1000000):\n"
        "    spool.put(Kept('s.b', str(n), 'press', b'x', 0.0)); print(n, flush=True)\n"
    )
    path = tmp_path / "spool.sqlite"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        kept = [process.stdout.readline().strip() for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
    spool = Spool(path)
    assert set(kept) <= {one.id for one in spool.pending("s.b")}
    spool.close()


def test_the_outbox_resends_slower_and_slower_until_it_is_told(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.sqlite")
    outbox = Outbox(spool, "s.b")
    outbox.put("p1", "press", b"P", 1000.0)
    assert outbox.due(0.0) == [b"P"]
    assert outbox.due(FIRST_RESEND - 0.1) == []
    moments = [moment for moment in range(1, 400) if outbox.due(float(moment))]
    pauses = [later - sooner for sooner, later in itertools.pairwise(moments)]
    assert pauses == sorted(pauses)
    assert max(pauses) == SLOWEST_RESEND
    outbox.connected()
    assert outbox.due(400.0) == [b"P"]
    outbox.receive(Receipt("other", "stored"), 1001.0)
    outbox.receive(Receipt("p1", "nonsense"), 1001.0)
    assert outbox.pending == 1
    outbox.receive(Receipt("p1", "stored"), 1001.0)
    assert (outbox.pending, spool.count()) == (0, 0)
    spool.close()


@pytest.mark.parametrize(
    ("action", "stage", "age", "ends"),
    [
        ("press", "stored", 0, True),
        ("press", "acknowledged", 0, True),
        ("press", "coming", 0, True),
        ("press", "closed", 0, True),
        ("press", "cancelled", 0, True),
        ("press", "rejected", 0, True),
        ("press", "seen", 0, False),
        ("test", "stored", 0, True),
        ("cancel", "stored", 3, False),  # it may be its press's receipt
        ("cancel", "acknowledged", 3, False),
        ("cancel", "cancelled", 3, True),
        ("cancel", "rejected", 3, True),
        ("cancel", "stored", 16, True),  # too late to count: any answer will do
    ],
)
def test_what_ends_the_resending(action: str, stage: str, age: float, *, ends: bool) -> None:
    assert settles(action, stage, age) is ends


def test_what_is_no_receipt() -> None:
    for payload in (b"", b"{}", b"[]", b'{"id":1,"stage":"stored"}', b"\xff"):
        assert read_receipt(payload) is None
    assert read_receipt(b'{"id":"a","stage":"stored","more":1}') == Receipt("a", "stored")


def moment(seconds: float) -> datetime:
    return MORNING + timedelta(seconds=seconds)


def test_copies_within_the_window_are_one_press() -> None:
    window = PressWindow()
    let_in = [
        seconds
        for number, seconds in enumerate((0, 0.008, 3, 4.9, 5.0, 9.9, 10.0, 60))
        if window.admit("s", "b", f"id{number}", moment(seconds))
    ]
    assert let_in == [0, 5.0, 10.0, 60]
    assert window.admit("s", "other", "x", moment(60))


def test_the_very_same_message_again_is_let_through() -> None:
    """Its first delivery may not have been stored; if it was, the database knows its id."""
    window = PressWindow()
    assert window.admit("s", "b", "same", moment(0))
    assert window.admit("s", "b", "same", moment(2))
    assert not window.admit("s", "b", "twin", moment(3))


def test_a_restarted_window_remembers_what_the_database_knows() -> None:
    window = PressWindow([("s", "b", "old", moment(0)), ("s", "b", "new", moment(8)), ("s", "b", "mid", moment(4))])
    assert not window.admit("s", "b", "twin", moment(10))
    assert window.admit("s", "b", "next", moment(8) + WINDOW)


def test_an_id_from_the_same_facts_is_the_same() -> None:
    assert made_up_id("z", "a", "b") == made_up_id("z", "a", "b")
    assert made_up_id("z", "a", "b") != made_up_id("z", "ab", "")
