"""Deadlines at a real database: presses that nobody takes, claims that lapse, shelving, the auditor, chatter and floods."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from alerts import auditing, steps
from alerts.engine import Engine
from alerts.lifecycle import Step
from alerts.rules import load_rules
from alerts.steps import Actor, Done, NotTheirs
from devices.messages import Alarm, Event
from devices.registry import Device, Registry, Site
from ingest.sorting import Sorted
from ingest.writing import write
from store import feed, floods, incidents, people, registry, shown, windows
from store.connect import connect
from store.events import Arrived
from store.records import Incident, Window

NOW = datetime(2026, 11, 24, 15, 0, 0, tzinfo=UTC)  # 23:00 in China
RULES = load_rules()


class Night:
    """A site by a made-up clock: devices speak, people step, the engine ticks."""

    def __init__(self, conn: Connection, url: str, known: Registry) -> None:
        self.conn, self.url, self.known = conn, url, known
        self.now = NOW
        self.engine = Engine(load_rules, timedelta(seconds=60))
        self.number = 0

    def press(self, device: str = "b1") -> Incident:
        self.number += 1
        alarm = Alarm("s1", device, f"p{self.number}", "press", None)
        write(self.conn, Sorted(alarms=[(alarm, self.now)]), self.known, RULES)
        self.conn.commit()
        return self.incident(f"press:{device}")

    def cancel(self, device: str = "b1") -> None:
        alarm = Alarm("s1", device, f"p{self.number}", "cancel", None)
        write(self.conn, Sorted(alarms=[(alarm, self.now)]), self.known, RULES)
        self.conn.commit()

    def event(self, device: str, kind: str = "intrusion", phase: str = "instant", track: str | None = None) -> None:
        self.number += 1
        event = Event("s1", device, f"e{self.number}", kind, phase, track, None, None, None)  # type: ignore[arg-type]
        held = windows.current(self.conn, self.now)
        write(self.conn, Sorted(events=[Arrived(event, self.now)]), self.known, RULES, held)
        self.conn.commit()

    def incident(self, key: str) -> Incident:
        row = self.conn.execute("SELECT max(id) FROM incidents WHERE join_key = %s", (key,)).fetchone()
        self.conn.rollback()
        assert row is not None
        found = incidents.by_id(self.conn, row[0])
        self.conn.rollback()
        assert found is not None
        return found

    def pass_time(self, seconds: float, *, engines: int = 1) -> None:
        self.now += timedelta(seconds=seconds)
        with ThreadPoolExecutor(engines) as pool:
            list(pool.map(lambda _: self.tick(), range(engines)))

    def tick(self) -> None:
        with connect(self.url, part="engine") as own:
            self.engine.tick(own, self.now)

    def step(self, incident: Incident, verb: str, actor: str = "li", *, leads: bool = False, **given: Any) -> Any:
        version = self.incident(incident.join_key or "").version
        asked = Step(verb=verb, version=version, **given)  # type: ignore[arg-type]
        return steps.take(self.conn, RULES, incident.id, asked, Actor(actor, {"s1"}, leads=leads), lambda: self.now)

    def verbs(self, incident: Incident) -> list[str]:
        rows = self.conn.execute(
            "SELECT actor || ' ' || verb FROM changes WHERE incident = %s ORDER BY seq", (incident.id,)
        ).fetchall()
        self.conn.rollback()
        return [said for (said,) in rows]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        found = self.conn.execute(query).fetchall()
        self.conn.rollback()
        return found


@pytest.fixture
def night(database: str) -> Iterator[Night]:
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="One"))
        for name in ("b1", "b2"):
            registry.add_device(conn, Device(site="s1", device=name, kind="button", name=name))
        for number, lon in enumerate((103.3, 103.3002, 103.31), start=1):
            name = f"c{number}"
            registry.add_device(
                conn, Device(site="s1", device=name, kind="camera", name=name, lat=29.9, lon=lon, range=30.0)
            )
        for name, role in (("li", "officer"), ("wang", "officer"), ("zhao", "lead")):
            people.add_user(conn, name, role, ["s1"], None)  # type: ignore[arg-type]
        conn.commit()
        known = registry.load(conn)
        conn.rollback()
        yield Night(conn, database, known)


def test_a_press_that_nobody_takes_goes_up_twice_and_each_step_once(night: Night) -> None:
    incident = night.press()
    shown.report(night.conn, ["s1"], {incident.id: 1}, night.now)
    night.conn.commit()
    for seconds in (9, 20, 1, 29, 1, 600):
        night.pass_time(seconds, engines=3)
    assert night.verbs(incident) == ["device:b1 open", "system escalate", "system escalate"]
    found = night.incident("press:b1")
    assert (found.tier, found.escalated, found.version, found.deadline) == ("district", 2, 1, None)
    told = night.rows("SELECT why, tier, means, created_at FROM notices ORDER BY id")
    assert told == [
        ("escalate", "community", ["*"], NOW + timedelta(seconds=30)),
        ("escalate", "district", ["*"], NOW + timedelta(seconds=60)),
    ]


def test_what_fell_due_while_no_engine_ran_fires_at_once_and_in_order(night: Night) -> None:
    incident = night.press()
    night.pass_time(3600, engines=3)
    assert night.verbs(incident) == ["device:b1 open", "system escalate", "system escalate"]
    assert night.incident("press:b1").tier == "district"


def test_a_press_that_no_console_showed_goes_up_at_once(night: Night) -> None:
    incident = night.press()
    night.pass_time(9)
    assert night.incident("press:b1").tier == "grid"
    night.pass_time(1)
    assert night.incident("press:b1").tier == "community"
    notes = night.rows("SELECT note FROM changes WHERE verb = 'escalate'")
    assert notes == [("10秒内没有任何值班屏显示",)]
    night.pass_time(49)
    assert night.incident("press:b1").tier == "community"
    night.pass_time(1)
    assert night.incident("press:b1").tier == "district"
    assert len(night.verbs(incident)) == 3


def test_a_report_of_an_earlier_press_says_nothing_of_a_newer_one(night: Night) -> None:
    incident = night.press()
    night.press()
    assert shown.report(night.conn, ["s1"], {incident.id: 1}, night.now) == 0
    assert shown.report(night.conn, ["s2"], {incident.id: 2}, night.now) == 0
    assert shown.report(night.conn, ["s1"], {incident.id: 2}, night.now) == 1
    assert shown.report(night.conn, ["s1"], {incident.id: 2}, night.now) == 0
    night.conn.commit()
    night.pass_time(11)
    assert night.incident("press:b1").tier == "grid"


def test_a_claim_stops_the_clock_and_lapses_without_progress(night: Night) -> None:
    incident = night.press()
    night.pass_time(5)
    assert isinstance(night.step(incident, "acknowledge"), Done)
    night.pass_time(599)
    assert isinstance(night.step(incident, "note", "wang", note="he is on the phone"), Done)
    night.pass_time(599)
    found = night.incident("press:b1")
    assert (found.owner, found.tier, found.deadline) == ("li", "grid", night.now + timedelta(seconds=1))
    night.pass_time(1, engines=3)
    found = night.incident("press:b1")
    assert (found.state, found.owner, found.version, found.tier) == ("open", None, 3, "grid")
    assert found.deadline == night.now + timedelta(seconds=25)
    night.pass_time(25)
    assert night.incident("press:b1").tier == "community"
    assert night.verbs(incident) == [
        "device:b1 open", "li acknowledge", "wang note", "system release", "system escalate",
    ]  # fmt: skip


def test_what_is_resolved_stays_so_whatever_falls_due(night: Night) -> None:
    incident = night.press()
    night.step(incident, "acknowledge")
    night.step(incident, "resolve", outcome="false")
    night.pass_time(4000, engines=2)
    assert night.incident("press:b1").state == "resolved"
    assert night.verbs(incident)[-1] == "li resolve"


def test_a_timer_that_the_incident_no_longer_asks_for_does_nothing(night: Night) -> None:
    incident = night.press()
    night.step(incident, "acknowledge")
    night.conn.execute("INSERT INTO timers VALUES (%s, 'escalate:1', %s), (%s, 'close', %s)", (1, NOW, 1, NOW))
    night.conn.commit()
    night.pass_time(1)
    assert night.verbs(incident) == ["device:b1 open", "li acknowledge"]
    assert night.rows("SELECT step FROM timers") == [("lease",)]


def test_a_press_taken_back_does_not_go_up_and_a_new_one_does(night: Night) -> None:
    incident = night.press()
    night.now += timedelta(seconds=3)
    night.cancel()
    night.pass_time(600)
    assert night.incident("press:b1").tier == "grid"
    assert night.rows("SELECT step FROM timers") == []
    night.press()
    night.pass_time(27)
    assert night.incident("press:b1").tier == "community"
    assert night.verbs(incident)[:3] == ["device:b1 open", "device:b1 cancel", "device:b1 repeat"]


def test_shelving_keeps_repeats_quiet_until_it_ends(night: Night) -> None:
    night.event("c1")
    incident = night.incident("event:c1:intrusion")
    assert isinstance(night.step(incident, "shelve", note="builders", until=night.now + timedelta(hours=8)), Done)
    night.now += timedelta(hours=7)  # far beyond the window in which repeats join
    night.event("c1")
    night.pass_time(1)
    found = night.incident("event:c1:intrusion")
    assert (found.id, found.count, found.tier) == (incident.id, 2, "grid")
    night.pass_time(3600)
    found = night.incident("event:c1:intrusion")
    assert (found.shelved_until, found.clock_since) == (None, night.now)
    assert night.verbs(incident)[-1] == "system unshelve"


def test_a_button_is_shelved_by_a_lead_only(night: Night) -> None:
    incident = night.press()
    asked: dict[str, Any] = {"note": "it is stuck", "until": night.now + timedelta(hours=1)}
    assert isinstance(night.step(incident, "shelve", **asked), NotTheirs)
    assert isinstance(night.step(incident, "shelve", "zhao", leads=True, **asked), Done)
    assert isinstance(night.step(incident, "unshelve"), NotTheirs)
    night.press()
    night.pass_time(60)
    assert night.incident("press:b1").tier == "grid"


def test_the_tier_that_was_called_hears_the_end(night: Night) -> None:
    incident = night.press()
    night.pass_time(11)
    night.step(incident, "resolve", outcome="real", note="brought home")
    assert night.rows("SELECT why, tier, facts FROM notices ORDER BY id") == [
        ("escalate", "community", {"note": "10秒内没有任何值班屏显示"}),
        ("resolve", "community", {"note": "brought home"}),
    ]


def test_escalating_by_hand_is_not_done_again_by_the_clock(night: Night) -> None:
    incident = night.press()
    assert isinstance(night.step(incident, "escalate", note="three calls at once"), Done)
    night.pass_time(31)
    assert (night.incident("press:b1").tier, night.incident("press:b1").escalated) == ("community", 1)
    night.pass_time(29)
    assert night.verbs(incident) == ["device:b1 open", "li escalate", "system escalate"]


def test_cameras_of_one_place_are_one_incident_that_takes_the_higher_priority(night: Night) -> None:
    night.event("c2", "smoke", "start", "t1")
    night.event("c1", "fire", "start", "t1")
    night.event("c2", "smoke", "update", "t1")
    night.event("c3", "fire")
    found = night.incident("event:c1:fire")
    assert (found.device, found.devices, found.count) == ("c2", ("c2", "c1"), 2)
    assert [view.device for view in found.cameras[:2]] == ["c1", "c2"]
    assert night.incident("event:c3:fire").devices == ("c3",)


def test_a_camera_that_chatters_is_quiet_and_one_incident_says_so(night: Night) -> None:
    for _ in range(5):
        night.event("c3")
        night.now += timedelta(seconds=5)
    night.now += timedelta(seconds=700)  # the incident's window to join is over: what comes next opens anew
    fault = night.incident("chatter:c3")
    assert (fault.kind, fault.priority, fault.count) == ("fault", "low", 1)
    assert night.rows("SELECT count, quiet FROM incidents WHERE kind = 'intrusion'") == [(5, "chattering")]
    assert night.rows("SELECT count(*) FROM events") == [(5,)]
    night.pass_time(0)
    assert night.incident("chatter:c3").state == "resolved"
    night.event("c3")
    assert night.incident("event:c3:intrusion").quiet is None


def test_maintenance_keeps_cameras_quiet_and_never_a_press_and_a_drill_is_shown_as_one(night: Night) -> None:
    def window(purpose: str) -> Window:
        return Window(
            id=0, site="s1", purpose=purpose, grid=None, device=None, starts_at=NOW,  # type: ignore[arg-type]
            ends_at=NOW + timedelta(days=3650), reason="r", made_by="zhao", made_at=NOW,
        )  # fmt: skip

    for purpose in ("maintenance", "drill"):
        windows.add(night.conn, window(purpose))
    held = windows.current(night.conn, night.now)
    night.conn.commit()
    night.event("c3")
    alarm = Alarm("s1", "b2", "p", "press", None)
    write(night.conn, Sorted(alarms=[(alarm, night.now)]), night.known, RULES, held)
    night.conn.commit()
    camera, press = night.incident("event:c3:intrusion"), night.incident("press:b2")
    assert (camera.quiet, camera.drill, camera.clock_since) == ("maintenance", True, None)
    assert (press.quiet, press.drill, press.clock_since) == (None, True, NOW)
    assert windows.end(night.conn, held[0].id, ["s2"], "x", NOW + timedelta(days=1)) is None
    ended = windows.end(night.conn, held[0].id, ["s1"], "zhao", NOW + timedelta(days=1))
    assert ended is not None
    assert (ended.ended_by, ended.ends_at) == ("zhao", NOW + timedelta(days=1))


def test_a_flood_begins_above_ten_and_ends_below_five(night: Night) -> None:
    for number in range(11):
        opening = Incident(
            site="s1", join_key=f"k{number}", grid=None, kind="fall", priority="high", title="t", device=None, lat=None,
            lon=None, address=None, opened_at=night.now, updated_at=night.now, last_event_at=night.now,
        )  # fmt: skip
        incidents.open_or_join(night.conn, opening)
        night.conn.commit()
        night.pass_time(40)
        assert set(floods.current(night.conn)) == ({"li", "wang", "zhao"} if number == 10 else set())
        night.conn.rollback()
    told = night.rows("SELECT tier, facts FROM notices WHERE why = 'flood'")
    assert told == [("community", {"name": "li", "count": 11})]
    night.pass_time(360)  # five are left
    assert set(floods.current(night.conn)) == {"li", "wang", "zhao"}
    night.pass_time(40)
    assert floods.current(night.conn) == {}
    assert night.rows("SELECT DISTINCT peak FROM floods") == [(11,)]


def test_the_auditor_sets_right_what_was_lost_and_says_so(night: Night) -> None:
    night.now = feed.clock(night.conn)  # the auditor has a clock of its own: the database's
    incident = night.press()
    auditing.audit_once(night.conn, RULES)
    assert night.rows("SELECT count(*) FROM incidents") == [(1,)]
    night.conn.execute("DELETE FROM timers")
    night.conn.execute("DELETE FROM jobs")
    night.conn.commit()
    auditing.audit_once(night.conn, RULES)
    assert {step for (step,) in night.rows("SELECT step FROM timers WHERE incident = 1")} == {
        "escalate:1", "escalate:2", "unshown",
    }  # fmt: skip
    said = night.incident("audit")
    assert (said.kind, said.priority, said.title) == ("fault", "high", "到期步骤未执行 · 3项")
    assert f"警情{incident.id} escalate:1" in night.rows("SELECT note FROM changes WHERE note IS NOT NULL")[0][0]
    night.conn.execute("DELETE FROM jobs")
    night.conn.commit()
    auditing.audit_once(night.conn, RULES)
    assert night.incident("audit").state == "resolved"
