"""Notices sent to a real server that throttles, errs, hangs, breaks off and lies; by one sender, by two, over a crash."""

import base64
import email
import email.policy
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from robot_server import HANG, OK, RESET, Reply, RobotServer, code, running_mailbox, running_robots

from alerts import openings, steps
from alerts.lifecycle import Step
from alerts.notices import addresses, targets
from alerts.notices import sender as senders
from alerts.notices.sender import Sender
from alerts.notices.targets import Message
from alerts.notices.verdicts import Failed, Sent, Throttled
from alerts.notices.wording import Text
from alerts.rules import load_rules
from alerts.steps import Actor
from devices.registry import Site
from store import channels, deliveries, feed, incidents, notices
from store.channels import Channel
from store.connect import connect
from store.notices import Notice
from store.records import Incident
from store.registry import add_site

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Desk:
    """A site with notices, and senders by one made-up clock."""

    def __init__(self, conn: Connection, url: str, robots: RobotServer) -> None:
        self.conn, self.url, self.robots = conn, url, robots
        self.now = NOW

    def sender(self) -> Sender:
        return Sender(load_rules, "https://skynet.example", lambda _conn: self.now)

    def channel(self, name: str, url: str, tier: Any = "community", **more: Any) -> None:
        channels.put(self.conn, Channel(site="s1", channel=name, tier=tier, url=url, **more))

    def incident(self, number: int = 1, **changes: Any) -> Incident:
        values: dict[str, Any] = {
            "site": "s1", "join_key": f"press:b{number}", "grid": None, "kind": "press", "priority": "critical",
            "title": f"一键报警 · {number}号院", "device": f"b{number}", "lat": None, "lon": None, "address": f"{number}号院",
            "opened_at": NOW, "updated_at": NOW, "last_event_at": NOW,
        }  # fmt: skip
        opened = incidents.open_or_join(self.conn, Incident(**(values | changes))).incident
        feed.append(self.conn, [openings.opened(opened)])
        return opened

    def tell(self, about: Incident | None, **changes: Any) -> None:
        values: dict[str, Any] = {
            "site": "s1", "incident": about and about.id, "why": "escalate", "tier": "community", "created_at": self.now,
            "priority": about.priority if about else "high",
        }  # fmt: skip
        notices.put(self.conn, [Notice(**(values | changes))])

    def work(self, *more: Sender) -> None:
        """Turns of senders until nothing can go and nothing is under way."""
        workers = more or (self.sender(),)
        conns = [connect(self.url, part="sender") for _ in workers]
        try:
            idle = 0
            while idle < 2:
                for one, conn in zip(workers, conns, strict=True):
                    one.turn(conn)
                ended = [one.collect(conn, 0.05) for one, conn in zip(workers, conns, strict=True) if one.busy]
                idle = 0 if ended else idle + 1
        finally:
            for conn in conns:
                conn.close()

    def pass_time(self, seconds: float, *more: Sender) -> None:
        self.now += timedelta(seconds=seconds)
        self.work(*more)

    def states(self) -> list[tuple[str | None, str, str | None]]:
        return self.conn.execute(
            "SELECT coalesce(channel, person), state, error FROM deliveries ORDER BY id"
        ).fetchall()


@pytest.fixture(scope="module")
def server() -> Iterator[RobotServer]:
    with running_robots() as found:
        yield found


@pytest.fixture
def robots(server: RobotServer) -> Iterator[RobotServer]:
    server.received.clear()
    server.replies.clear()
    server.default, server.hold = OK, None
    yield server
    if server.hold is not None:
        server.hold.set()


@pytest.fixture
def desk(database: str, robots: RobotServer) -> Iterator[Desk]:
    with connect(database, part="test", autocommit=True) as conn:
        add_site(conn, Site(site="s1", name="止火街社区"))
        conn.execute("INSERT INTO users (name, role) VALUES ('li', 'officer'), ('wu', 'lead')")
        conn.execute("INSERT INTO user_sites VALUES ('li', 's1'), ('wu', 's1')")
        yield Desk(conn, database, robots)


MESSAGE = Message(Text("【高】题目", "正文\n微天网"), ("notice-1", b"{}"))


def send(url: str) -> Any:
    return targets.target_of(url).send(MESSAGE)


# one message to one service


def test_each_robot_gets_its_own_form(robots: RobotServer) -> None:
    assert send(robots.wecom()) == Sent("errcode 0")
    assert send(robots.dingtalk()) == Sent("errcode 0")
    assert send(robots.feishu()) == Sent("code 0")
    wecom, ding, feishu = robots.received
    assert wecom.body == {"msgtype": "text", "text": {"content": "【高】题目\n正文\n微天网"}}
    assert (wecom.path, wecom.query) == ("/cgi-bin/webhook/send", {"key": "wecom-key"})
    assert (ding.path, ding.query) == ("/robot/send", {"access_token": "dingtoken"})
    assert feishu.path == "/open-apis/bot/v2/hook/feishu-token"
    assert {ding.text, feishu.text} == {wecom.text}


def test_secrets_sign_what_dingtalk_and_feishu_get(robots: RobotServer) -> None:
    send(robots.dingtalk(secret="SECabc"))
    send(robots.feishu(secret="fsecret"))
    ding, feishu = robots.received
    text = f"{ding.query['timestamp']}\nSECabc".encode()
    assert base64.b64decode(ding.query["sign"]) == hmac.new(b"SECabc", text, hashlib.sha256).digest()
    key = f"{feishu.body['timestamp']}\nfsecret".encode()
    assert base64.b64decode(feishu.body["sign"]) == hmac.new(key, b"", hashlib.sha256).digest()


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (code(45009, "api freq out of limit"), Throttled("errcode 45009: api freq out of limit")),
        (code(93000, "invalid webhook url wecom-key"), Failed("errcode 93000: invalid webhook url ***", final=True)),
        (Reply(429, b"", {"Retry-After": "7"}), Throttled("HTTP 429", 7.0)),
        (Reply(500, b"oh"), Failed("HTTP 500")),
        (Reply(200, b"<html>"), Failed("HTTP 200, but no errcode in the answer")),
        (Reply(302, b"", {"Location": "/"}), Failed("HTTP 302: it redirects; give the address that it leads to", final=True)),
        (HANG, Failed("no answer in time")),
        (RESET, Failed("no connection, or it broke off")),
    ],
)  # fmt: skip
def test_what_a_robot_answers_is_judged_and_names_no_secret(robots: RobotServer, reply: Reply, verdict: Any) -> None:
    robots.answers("wecom-key", reply)
    assert send(robots.wecom()) == verdict


def test_nobody_there_is_a_failure(robots: RobotServer) -> None:
    assert send("wecomrobot://k123?endpoint=http://127.0.0.1:1") == Failed("no connection, or it broke off")


def test_the_longest_text_fits_each_robot(robots: RobotServer) -> None:
    for url in (robots.wecom(), robots.dingtalk(), robots.feishu()):
        targets.target_of(url).send(Message(Text("题" * 3000, "文" * 9000), ("x", b"")))
    sizes = [len(one.text.encode()) for one in robots.received]
    assert sizes[0] <= 2048
    assert [len(one.raw) <= 20_000 for one in robots.received] == [True] * 3
    assert all(one.text.endswith("…") for one in robots.received)


def test_a_webhook_of_apprise_is_judged_by_its_status(robots: RobotServer) -> None:
    url = f"jsonwebhook://u:pw@127.0.0.1:{robots.port}/hook?+X-Ours=1&:message=text"
    assert send(url) == Sent("HTTP 200")
    [one] = robots.received
    assert (one.path, one.headers["x-ours"]) == ("/hook", "1")
    assert one.headers["authorization"] == "Basic " + base64.b64encode(b"u:pw").decode()
    assert (one.body["title"], one.body["text"]) == ("【高】题目", "正文\n微天网")
    robots.answers("hook", Reply(429, b"", {"Retry-After": "3"}))
    assert send(url) == Throttled("HTTP 429", 3.0)


def test_a_cloudevent_is_signed_and_any_2xx_is_success(robots: RobotServer) -> None:
    robots.answers("hook", Reply(204, b""), Reply(401, b""))
    url = f"cloudevents+http://127.0.0.1:{robots.port}/a/hook?tenant=7&secret={KEY}"
    assert send(url) == Sent("HTTP 204")
    [one] = robots.received
    assert (one.path, one.query, one.raw) == ("/a/hook", {"tenant": "7"}, b"{}")
    assert one.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    signed = f"{one.headers['webhook-id']}.{one.headers['webhook-timestamp']}.".encode() + one.raw
    signature = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert one.headers["webhook-signature"] == f"v1,{signature}"
    assert send(url) == Failed("HTTP 401", final=True)


def test_a_mail_has_the_title_as_its_subject() -> None:
    with running_mailbox() as (port, mails):
        url = addresses.canonical(f"mailto://127.0.0.1:{port}?from=us@example.com&to=lead@example.com")
        assert send(url) == Sent("E-Mail took it")
    [mail] = mails
    read = email.message_from_bytes(mail, policy=email.policy.default)
    assert (read["to"], read["subject"]) == ("lead@example.com", "【高】题目")
    body = read.get_body(("plain", "html"))
    assert body is not None
    assert "正文" in body.get_content()
    assert send(url) == Failed("E-Mail did not take it")  # nobody is there any more


# the outbox


def test_an_escalation_reaches_every_channel_of_its_tier_and_no_other(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom("one"))
    desk.channel("two", desk.robots.feishu("two"))
    desk.channel("far", desk.robots.wecom("far"), tier="district")
    desk.tell(desk.incident())
    desk.work()
    assert desk.states() == [("one", "sent", None), ("two", "sent", None)]
    assert desk.robots.texts("one") == [
        "【紧急】一键报警 · 1号院\n止火街社区 · 升级至社区\n无人认领,已等待0秒\nhttps://skynet.example/?incident=1\n微天网"
    ]
    desk.pass_time(600)
    assert len(desk.robots.received) == 2


def test_means_name_channels_and_a_person_has_a_contact(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom("one"))
    desk.channel("two", desk.robots.wecom("two"))
    channels.put_contact(desk.conn, "li", desk.robots.feishu("li-token"))
    about = desk.incident(state="dispatched", owner="wu")
    desk.tell(about, means=("two", "nobody"))
    desk.tell(about, why="dispatch", person="li", tier=None, facts={"link": "https://skynet.example/go/1"})
    desk.tell(about, why="dispatch", person="wu", tier=None)
    desk.work()
    assert desk.states() == [("two", "sent", None), ("li", "sent", None)]
    assert "https://skynet.example/go/1" in desk.robots.texts("li-token")[0]
    told = deliveries.of_incident(desk.conn, about.id)
    assert [(one["person"], one["channel"], one["state"]) for one in told] == [
        ("wu", None, "unaddressed"), ("li", None, "sent"), (None, "two", "sent"),
    ]  # fmt: skip


def test_what_was_taken_meanwhile_is_spared(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    taken, waits = desk.incident(1), desk.incident(2)
    desk.tell(taken)
    desk.tell(waits)
    step = Step(verb="acknowledge", version=taken.version)
    done = steps.take(desk.conn, load_rules(), taken.id, step, Actor("li", ["s1"]), lambda: NOW)
    assert isinstance(done, steps.Done)
    desk.work()
    assert desk.states() == [("one", "spared", None), ("one", "sent", None)]
    [text] = desk.robots.texts()
    assert "2号院" in text


def test_a_person_escalates_what_they_have(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    about = desk.incident()
    actor = Actor("li", ["s1"])
    with connect(desk.url, part="test") as conn:
        for verb, note in (("acknowledge", None), ("escalate", "need help")):
            now = incidents.by_id(conn, about.id)
            assert now is not None
            step = Step(verb=verb, version=now.version, note=note)  # type: ignore[arg-type]
            assert isinstance(steps.take(conn, load_rules(), about.id, step, actor, lambda: NOW), steps.Done)
    desk.work()
    assert desk.states() == [("one", "sent", None)]
    assert "由li处置" in desk.robots.texts()[0]
    assert "need help" not in desk.robots.texts()[0]


def test_presses_go_first_and_singly_and_the_rest_in_one_digest(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    for number in range(30):
        desk.tell(desk.incident(number, kind="fall", priority="high", title=f"跌倒 · {number}号院"))
    for number in (50, 51, 52):
        desk.tell(desk.incident(number))
    desk.work()
    texts = desk.robots.texts()
    assert [text.splitlines()[0] for text in texts] == [
        "【紧急】一键报警 · 50号院", "【紧急】一键报警 · 51号院", "【紧急】一键报警 · 52号院", "【汇总】30条通知 · 止火街社区",
    ]  # fmt: skip
    assert "升级30条" in texts[3]
    assert "【高】跌倒 · 29号院" in texts[3]
    assert "另有20条" in texts[3]
    assert {state for _, state, _ in desk.states()} == {"sent"}
    assert desk.conn.execute("SELECT count(*) FROM deliveries WHERE digest").fetchone() == (30,)


def test_a_robot_gets_no_more_than_its_bucket_holds_whoever_sends(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.channel("two", desk.robots.wecom(), tier="district")  # the same robot
    for number in range(8):
        desk.tell(desk.incident(number), tier="community" if number % 2 else "district")
    two = (desk.sender(), desk.sender())
    desk.work(*two)
    assert len(desk.robots.received) == 5
    desk.pass_time(3.75, *two)
    assert len(desk.robots.received) == 6
    desk.pass_time(60, *two)
    assert len(desk.robots.received) == 8
    assert len(set(desk.robots.texts())) == 8


def test_a_lie_is_found_out_and_told_by_the_second_way(desk: Desk) -> None:
    desk.channel("two", desk.robots.feishu("two"), tier="district")
    desk.channel("one", desk.robots.wecom("one"), second="two")
    desk.robots.answers("one", code(93000, "invalid webhook url"))
    about = desk.incident()
    desk.tell(about)
    desk.work()
    assert desk.states() == [("one", "failed", "errcode 93000: invalid webhook url"), ("two", "sent", None)]
    assert deliveries.of_incident(desk.conn, about.id)[0]["instead_of"] == "one"


def test_a_failure_is_tried_again_later_and_then_kept_as_failed(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.robots.default = Reply(500, b"")
    desk.tell(desk.incident())
    desk.work()
    assert desk.states() == [("one", "waiting", "HTTP 500")]
    assert len(desk.robots.received) == 1
    desk.pass_time(1)
    desk.pass_time(3)
    assert desk.states() == [("one", "failed", "HTTP 500")]
    desk.pass_time(600)
    assert len(desk.robots.received) == 3


@pytest.mark.parametrize("reply", [Reply(429, b"", {"Retry-After": "7"}), code(45009)])
def test_a_throttled_robot_is_left_alone_and_loses_nothing(desk: Desk, reply: Reply) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.robots.answers("wecom-key", reply, OK)
    desk.tell(desk.incident(1))
    desk.work()
    desk.tell(desk.incident(2))
    desk.pass_time(6)
    assert len(desk.robots.received) == 1
    desk.pass_time(10)
    assert len(desk.robots.received) == 3
    assert {state for _, state, _ in desk.states()} == {"sent"}


def test_a_press_takes_the_second_way_rather_than_wait_for_a_throttled_robot(desk: Desk) -> None:
    desk.channel("two", desk.robots.feishu("two"), tier="district")
    desk.channel("one", desk.robots.wecom("one"), second="two")
    desk.robots.answers("one", Reply(429, b"", {"Retry-After": "120"}))
    desk.tell(desk.incident(1))
    desk.work()
    desk.tell(desk.incident(2))
    desk.tell(desk.incident(3, kind="fall", priority="high"))
    desk.work()
    assert [(name, state) for name, state, _ in desk.states()] == [
        ("one", "failed"), ("two", "sent"), ("one", "failed"), ("one", "waiting"), ("two", "sent"),
    ]  # fmt: skip
    assert len(desk.robots.of("one")) == 1


def test_two_senders_at_once_send_each_notice_once(desk: Desk) -> None:
    desk.channel("one", f"cloudevents+http://127.0.0.1:{desk.robots.port}/hook?secret={KEY}", per_minute=6000)
    for number in range(40):
        desk.tell(desk.incident(number))
    workers = [desk.sender() for _ in range(3)]

    def run(one: Sender) -> None:
        with connect(desk.url, part="sender") as conn:
            for _ in range(200):
                one.turn(conn)
                if one.busy:
                    one.collect(conn, 0.05)
                desk.now += timedelta(milliseconds=20)

    threads = [threading.Thread(target=run, args=(one,)) for one in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    desk.work(*workers)
    ids = [one.headers["webhook-id"] for one in desk.robots.received]
    assert sorted(ids) == sorted(f"notice-{number}" for number in range(1, 41))
    assert {state for _, state, _ in desk.states()} == {"sent"}


def test_a_sender_that_dies_after_spreading_leaves_the_rest_to_another(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.tell(desk.incident())
    with connect(desk.url, part="dies") as conn:
        assert deliveries.spread(conn, desk.now) == 1
        conn.commit()
        assert deliveries.spread(conn, desk.now) == 0
    assert desk.states() == [("one", "waiting", None)]
    desk.work()
    assert desk.states() == [("one", "sent", None)]
    assert len(desk.robots.received) == 1


def test_a_sender_that_dies_while_it_spreads_has_spread_nothing(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.tell(desk.incident())
    with connect(desk.url, part="dies") as conn:
        deliveries.spread(conn, desk.now)
        conn.rollback()
    desk.work()
    assert len(desk.robots.received) == 1


def test_a_sender_that_dies_before_it_noted_the_answer_leads_to_a_second_message_and_no_more(desk: Desk) -> None:
    """At least once: nobody can know whether the message of the dead sender arrived."""
    desk.channel("one", desk.robots.wecom())
    desk.tell(desk.incident())
    with connect(desk.url, part="dies") as conn:
        desk.sender().turn(conn)
    desk.robots.wait_for(1)
    desk.pass_time(100)
    assert desk.states() == [("one", "sending", None)]
    desk.pass_time(25)
    assert desk.states() == [("one", "sent", None)]
    assert len(desk.robots.received) == 2
    desk.pass_time(600)
    assert len(desk.robots.received) == 2


def test_a_message_that_kills_its_senders_is_given_up(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.tell(desk.incident())
    for number in range(5):
        with connect(desk.url, part="dies") as conn:
            desk.sender().turn(conn)
        desk.robots.wait_for(min(3, number + 1))
        desk.now += timedelta(seconds=121)
    assert len(desk.robots.received) == 3
    assert desk.states() == [("one", "failed", "its senders ended before the answer")]


def test_an_answer_that_comes_too_late_changes_nothing(desk: Desk) -> None:
    """Its claim has ended, and another sender has told it since."""
    desk.channel("one", desk.robots.wecom(rto="15"))
    desk.tell(desk.incident())
    desk.robots.hold = threading.Event()
    slow = desk.sender()
    with connect(desk.url, part="slow") as conn:
        slow.turn(conn)
        desk.robots.wait_for(1)
        desk.now += timedelta(seconds=121)
        desk.robots.hold.set()
        desk.robots.answers("wecom-key", Reply(500, b""))
        quick = desk.sender()
        with connect(desk.url, part="quick") as other:
            quick.turn(other)
            assert quick.collect(other, 10)
        before = desk.states()
        assert before == [("one", "waiting", "HTTP 500")]
        assert slow.collect(conn, 10)
    assert desk.states() == before


def test_a_press_does_not_wait_behind_a_message_that_hangs(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom(rto="15"))
    desk.tell(desk.incident(1, kind="fall", priority="high"))
    desk.tell(desk.incident(2, kind="fall", priority="high"))
    desk.robots.answers("wecom-key", HANG, OK)
    one = desk.sender()
    with connect(desk.url, part="sender") as conn:
        one.turn(conn)
        desk.robots.wait_for(1)
        desk.tell(desk.incident(3))
        one.turn(conn)
        desk.robots.wait_for(2)
        assert one.collect(conn, 10)
    assert [(state) for _, state, _ in desk.states()] == ["sending", "waiting", "sent"]


def test_a_dead_channel_is_one_incident_and_heals(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.robots.default = code(93000, "invalid webhook url wecom-key")
    for number in range(4):
        desk.tell(desk.incident(number))
        desk.pass_time(60)
    faults = desk.conn.execute(
        "SELECT join_key, kind, priority, state, count FROM incidents WHERE kind = 'fault'"
    ).fetchall()
    assert faults == [("channel:one", "fault", "low", "open", 1)]
    desk.robots.default = OK
    desk.tell(desk.incident(9))
    desk.pass_time(60)
    state = desk.conn.execute("SELECT state, outcome FROM incidents WHERE kind = 'fault'").fetchall()
    assert state == [("resolved", "real")]
    desk.pass_time(60)
    verbs = desk.conn.execute(
        "SELECT verb FROM changes JOIN incidents ON incidents.id = changes.incident WHERE kind = 'fault' ORDER BY seq"
    ).fetchall()
    assert verbs == [("open",), ("resolve",)]
    assert desk.conn.execute("SELECT count(*) FROM changes WHERE body::text LIKE '%wecom-key%'").fetchone() == (0,)


def test_a_channel_that_was_settled_by_hand_is_told_again_only_when_it_fails_again(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.robots.default = code(93000)
    desk.tell(desk.incident())
    desk.work()
    row = desk.conn.execute("SELECT id FROM incidents WHERE kind = 'fault'").fetchone()
    assert row is not None
    step = Step(verb="resolve", version=1, outcome="false")
    desk.now += timedelta(seconds=10)
    steps.take(desk.conn, load_rules(), row[0], step, Actor("wu", ["s1"]), lambda: desk.now)
    desk.pass_time(60)
    assert desk.conn.execute("SELECT count(*) FROM incidents WHERE kind = 'fault'").fetchone() == (1,)
    desk.tell(desk.incident(2))
    desk.work()
    assert desk.conn.execute("SELECT count(*) FROM incidents WHERE kind = 'fault'").fetchone() == (2,)


def test_what_waits_for_a_channel_that_is_gone_has_failed(desk: Desk) -> None:
    desk.channel("one", desk.robots.wecom())
    desk.tell(desk.incident())
    with connect(desk.url, part="test") as conn:
        deliveries.spread(conn, desk.now)
    channels.remove(desk.conn, "s1", "one")
    desk.work()
    assert desk.states() == [("one", "failed", "the channel was removed")]


def test_the_part_sends_what_it_is_rung_for_and_ends_when_told(desk: Desk, eventually: Callable[..., None]) -> None:
    desk.channel("one", desk.robots.wecom())
    stop = threading.Event()
    part = threading.Thread(target=senders.run, args=(desk.url, load_rules, None, stop), daemon=True)
    part.start()
    about = desk.incident()
    desk.now = feed.clock(desk.conn)
    desk.tell(about)
    eventually(lambda: desk.states() == [("one", "sent", None)])
    with psycopg.connect(desk.url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'skynet notices'"
            " AND datname = current_database()"
        )
    desk.tell(about)
    eventually(lambda: [state for _, state, _ in desk.states()] == ["sent", "sent"])
    stop.set()
    part.join(10)
    assert not part.is_alive()
