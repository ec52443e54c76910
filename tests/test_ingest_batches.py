"""A press and its cancel taken in one batch, whichever stands first, are what they are one by one."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from psycopg import Connection

from alerts.rules import Rules, load_rules
from alerts.timing import due_steps
from devices.messages import Alarm, Event
from devices.registry import Device, Site
from ingest.sorting import Sorted
from ingest.writing import write
from store import incidents, registry
from store.connect import connect
from store.events import Arrived

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
PRESS = Alarm("s1", "b1", "p1", "press", NOW)
CANCEL = Alarm("s1", "b1", "p1", "cancel", NOW)
OTHER = Alarm("s1", "b2", "p1", "press", NOW)


@pytest.mark.parametrize("order", [(PRESS, CANCEL), (CANCEL, PRESS), (PRESS, PRESS, CANCEL, CANCEL, PRESS)])
@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "each by itself"])
def test_a_press_and_its_cancel(database: str, order: tuple[Alarm, ...], apart: bool) -> None:
    arrived = [(alarm, NOW + timedelta(seconds=n)) for n, alarm in enumerate((*order, OTHER))]
    batches = [[one] for one in arrived] if apart else [arrived]
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        for name in ("b1", "b2"):
            registry.add_device(conn, Device(site="s1", device=name, kind="button", name=name))
        known, rules = registry.load(conn), load_rules(None)
        told = [
            (r.device, r.stage) for batch in batches for r in write(conn, Sorted(alarms=batch), known, rules).receipts
        ]
        stood = conn.execute(
            "SELECT incidents.device, count, incidents.cancelled_at IS NOT NULL, alarms.cancelled_at IS NOT NULL"
            " FROM alarms JOIN incidents ON incidents.id = alarms.incident ORDER BY 1"
        ).fetchall()
    assert stood == [("b1", 1, True, True), ("b2", 1, False, False)]
    of_b1 = [stage for device, stage in told if device == "b1"]
    assert of_b1[-2:] == ["stored", "cancelled"]
    assert told[-1] == ("b2", "stored")


EVENTS = [
    # (seconds, phase, track): the third raising within a minute makes it chatter; what goes on of it then is quiet, too
    (0, "start", "a"), (5, "update", "a"), (20, "start", "b"), (21, "update", "b"), (40, "start", "c"), (41, "update", "c"),
    (70, "instant", None), (71, "update", "d"),
]  # fmt: skip


@pytest.mark.parametrize("apart", [False, True], ids=["one batch", "each by itself"])
def test_a_camera_that_begins_to_chatter_within_a_batch(database: str, apart: bool) -> None:
    arrived = [
        Arrived(Event("s1", "c1", f"e{n}", "fall", phase, track, None, NOW, None), NOW + timedelta(seconds=at))  # type: ignore[arg-type]
        for n, (at, phase, track) in enumerate(EVENTS)
    ]
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        registry.add_device(conn, Device(site="s1", device="c1", kind="camera", name="c1"))
        known, rules = registry.load(conn), load_rules(None)
        for batch in [[one] for one in arrived] if apart else [arrived]:
            write(conn, Sorted(events=batch), known, rules)
        told = conn.execute(
            "SELECT verb, body->>'kind', body->>'quiet', body->>'count' FROM changes ORDER BY incident, seq"
        ).fetchall()
        assert_timers_follow(conn, rules)
    falls = [(verb, quiet) for verb, kind, quiet, _ in told if kind == "fall"]
    assert falls == [
        ("open", None),
        ("repeat", None),
        ("repeat", "chattering"),
        ("repeat", "chattering"),
        ("repeat", "chattering"),
    ]
    assert [(verb, count) for verb, kind, _, count in told if kind == "fault"] == [("open", "1")]


def assert_timers_follow(conn: Connection, rules: Rules) -> None:
    """Every incident has just the timers that it must have."""
    for (incident_id,) in conn.execute("SELECT id FROM incidents").fetchall():
        incident = incidents.by_id(conn, incident_id)
        assert incident is not None
        stored: dict[str, datetime] = dict(
            conn.execute("SELECT step, due_at FROM timers WHERE incident = %s", (incident_id,)).fetchall()
        )
        assert stored == due_steps(incident, rules)


@pytest.mark.parametrize("order", [(CANCEL, PRESS), (PRESS, CANCEL)])
def test_a_press_taken_back_before_it_came_does_not_go_up(database: str, order: tuple[Alarm, ...]) -> None:
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        registry.add_device(conn, Device(site="s1", device="b1", kind="button", name="b1"))
        known, rules = registry.load(conn), load_rules(None)
        write(conn, Sorted(alarms=[(alarm, NOW + timedelta(seconds=n)) for n, alarm in enumerate(order)]), known, rules)
        assert conn.execute("SELECT step FROM timers").fetchall() == []
        again = msgspec.structs.replace(PRESS, id="p2")
        write(conn, Sorted(alarms=[(again, NOW + timedelta(seconds=60))]), known, rules)
        row = conn.execute("SELECT cancelled_at, count, deadline, clock_since FROM incidents").fetchone()
        ran = 0 if order[0] is CANCEL else 1  # seconds that it waited before it was taken back
        assert row == (None, 2, NOW + timedelta(seconds=90 - ran), NOW + timedelta(seconds=60))
        assert_timers_follow(conn, rules)


def test_a_cancel_sent_again_beside_its_late_press_counts(database: str) -> None:
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        registry.add_device(conn, Device(site="s1", device="b1", kind="button", name="b1"))
        known, rules = registry.load(conn), load_rules(None)
        write(conn, Sorted(alarms=[(CANCEL, NOW)]), known, rules)
        write(conn, Sorted(alarms=[(PRESS, NOW), (CANCEL, NOW)]), known, rules)
        assert conn.execute("SELECT cancelled_at FROM incidents").fetchone() == (NOW,)
