"""What is decided about notices: how fast, what an answer means, what follows from it, which goes next, in which words."""

import base64
import hashlib
import hmac
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notices import addresses, bucket, cloudevents, fates, planning, verdicts, wording
from alerts.notices.addresses import BadAddress
from alerts.notices.bucket import Bucket
from alerts.notices.planning import Plan, Room
from alerts.notices.verdicts import Answer, Failed, Sent, Throttled, Verdict
from alerts.notices.wording import Told
from store.notices import Why
from store.records import Incident

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)  # 09:02 in China
SECOND = timedelta(seconds=1)


def incident(**changes: Any) -> Incident:
    found = Incident(
        id=12, site="s1", join_key="press:b1", grid="street", kind="press", priority="critical", title="一键报警 · 展望路3号",
        device="b1", lat=None, lon=None, address="展望路3号", opened_at=NOW - timedelta(seconds=65), updated_at=NOW,
        last_event_at=NOW,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


# the bucket


@given(
    st.floats(0.1, 600),
    st.lists(st.tuples(st.floats(-4000, 4000, allow_nan=False), st.booleans()), max_size=80),
)
def test_no_window_has_more_than_the_burst_and_what_refilled(
    per_minute: float, steps: list[tuple[float, bool]]
) -> None:
    """Also over jumps of the clock, either way: only time that it went forward refills."""
    rate, now = bucket.rate_of(per_minute), NOW
    state: Bucket | None = None
    taken: list[tuple[float, int]] = []  # time that the clock went forward until then, messages then
    forward = 0.0
    for step, wants in steps:
        now += timedelta(seconds=step)
        forward += max(0.0, step)
        state = bucket.filled(state, rate, now)
        assert 0 <= state.tokens <= rate.burst
        if wants and state.tokens >= 1:
            state = bucket.spent(state)
            taken.append((forward, 1))
    for first, (begin, _) in enumerate(taken):
        for last in range(first, len(taken)):
            allowed = rate.burst + rate.per_second * (taken[last][0] - begin)
            assert last - first + 1 <= allowed + 1e-6


@given(st.floats(0.2, 600), st.floats(0, 3600))
def test_no_minute_has_more_than_is_allowed(per_minute: float, pause: float) -> None:
    """A sender that takes each token as soon as it can."""
    rate, now = bucket.rate_of(per_minute), NOW + timedelta(seconds=pause)
    state = bucket.filled(Bucket(float(rate.burst), NOW), rate, now)
    sent: list[datetime] = []
    for _ in range(60):
        now += bucket.ready_in(state, rate) + timedelta(microseconds=1)
        state = bucket.spent(bucket.filled(state, rate, now))
        sent.append(now)
    for at in sent:
        window = [one for one in sent if at <= one < at + timedelta(seconds=60)]
        assert len(window) <= math.ceil(per_minute)


def test_a_token_that_is_not_there_can_not_be_spent() -> None:
    with pytest.raises(ValueError, match="no token"):
        bucket.spent(Bucket(0.99, NOW))


# what an answer means


def said(body: object, status: int = 200, retry_after: str | None = None) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), retry_after)


@pytest.mark.parametrize(
    ("judge", "answer", "verdict"),
    [
        (verdicts.by_wecom, said({"errcode": 0, "errmsg": "ok"}), Sent("errcode 0")),
        (verdicts.by_wecom, said({"errcode": "0"}), Sent("errcode 0")),
        (verdicts.by_wecom, said({"errcode": 45009, "errmsg": "api freq"}), Throttled("errcode 45009: api freq")),
        (verdicts.by_wecom, said({"errcode": 93000, "errmsg": "bad url"}), Failed("errcode 93000: bad url", final=True)),
        (verdicts.by_wecom, said({"errcode": -1, "errmsg": "busy"}), Failed("errcode -1: busy")),
        (verdicts.by_wecom, said({"errcode": True}), Failed("HTTP 200, but no errcode in the answer")),
        (verdicts.by_wecom, said(b"<html>"), Failed("HTTP 200, but no errcode in the answer")),
        (verdicts.by_wecom, said([]), Failed("HTTP 200, but no errcode in the answer")),
        (verdicts.by_wecom, said(b"["*100_000), Failed("HTTP 200, but no errcode in the answer")),
        (verdicts.by_wecom, said({"errcode": 0}, 500), Failed("HTTP 500")),
        (verdicts.by_dingtalk, said({"errcode": 0}), Sent("errcode 0")),
        (verdicts.by_dingtalk, said({"errcode": 130101, "errmsg": "too fast"}), Throttled("errcode 130101: too fast")),
        (verdicts.by_dingtalk, said({"errcode": 660026}), Throttled("errcode 660026")),
        (verdicts.by_dingtalk, said({"errcode": 310000, "errmsg": "sign"}), Failed("errcode 310000: sign", final=True)),
        (verdicts.by_feishu, said({"code": 0, "msg": "success"}), Sent("code 0")),
        (verdicts.by_feishu, said({"StatusCode": 0, "StatusMessage": "success"}), Sent("StatusCode 0")),
        (verdicts.by_feishu, said({"code": 9499, "msg": "Bad Request"}), Throttled("code 9499: Bad Request")),
        (verdicts.by_feishu, said({"code": 11232, "msg": "f"}, 400), Throttled("code 11232: f")),
        (verdicts.by_feishu, said({"code": 0, "StatusCode": 7}), Failed("StatusCode 7")),
        (verdicts.by_feishu, said({"code": 19021, "msg": "sign"}), Failed("code 19021: sign", final=True)),
        (verdicts.by_status, said(b"", 204), Sent("HTTP 204")),
        (verdicts.by_status, said(b"", 429, "7"), Throttled("HTTP 429", 7.0)),
        (verdicts.by_status, said(b"", 429, "Tue, 24 Nov 2026 01:02:33 GMT"), Throttled("HTTP 429", 30.0)),
        (verdicts.by_status, said(b"", 429, "Tue, 24 Nov 2026 01:00:00 GMT"), Throttled("HTTP 429", 1.0)),
        (verdicts.by_status, said(b"", 429, "1e9"), Throttled("HTTP 429", 600.0)),
        (verdicts.by_status, said(b"", 429, "nan"), Throttled("HTTP 429")),
        (verdicts.by_status, said(b"", 429, "soon"), Throttled("HTTP 429")),
        (verdicts.by_status, said(b"", 503, "9"), Throttled("HTTP 503", 9.0)),
        (verdicts.by_status, said(b"", 503), Failed("HTTP 503")),
        (verdicts.by_status, said(b"", 404), Failed("HTTP 404", final=True)),
        (verdicts.by_status, said(b"", 302), Failed("HTTP 302: it redirects; give the address that it leads to", final=True)),
    ],
)  # fmt: skip
def test_the_body_decides(judge: verdicts.Judge, answer: Answer, verdict: Verdict) -> None:
    assert judge(answer, NOW) == verdict


@given(st.binary(max_size=200), st.integers(100, 599), st.none() | st.text(max_size=30))
def test_any_answer_has_a_verdict(body: bytes, status: int, retry_after: str | None) -> None:
    for judge in (verdicts.by_wecom, verdicts.by_dingtalk, verdicts.by_feishu, verdicts.by_status):
        verdict = judge(Answer(status, body, retry_after), NOW)
        assert not isinstance(verdict, Sent) or 200 <= status < 300


# what follows from it


def fate(verdict: Verdict, *, urgent: bool = False, tries: int = 1, age: float = 0, second: bool = False) -> fates.Fate:
    return fates.after(
        verdict, urgent=urgent, tries=tries, created_at=NOW - timedelta(seconds=age), second=second, now=NOW
    )


def test_a_failure_is_tried_again_a_few_times_and_then_told_by_the_second_way() -> None:
    waits = [fate(Failed("x"), tries=tries, second=True) for tries in (1, 2, 3, 4)]
    assert [(one.state, (one.due_at - NOW).total_seconds(), one.second) for one in waits] == [
        ("waiting", 5, False), ("waiting", 20, False), ("waiting", 60, False), ("failed", 0, True),
    ]  # fmt: skip
    urgent = [fate(Failed("x"), tries=tries, urgent=True) for tries in (1, 2, 3)]
    assert [(one.state, (one.due_at - NOW).total_seconds()) for one in urgent] == [
        ("waiting", 1), ("waiting", 3), ("failed", 0),
    ]  # fmt: skip
    assert fate(Failed("x", final=True)).state == "failed"
    assert fate(Sent("x")).state == "sent"


def test_a_press_does_not_wait_for_a_throttled_robot_when_there_is_a_second_way() -> None:
    wait = Throttled("x", 30)
    assert fate(wait, urgent=True, second=True) == fates.Fate("failed", NOW, "x", second=True, counted=False)
    assert fate(wait, urgent=True).state == "waiting"
    assert fate(wait, second=True).state == "waiting"
    assert fate(wait, urgent=True, second=True, age=-15).state == "waiting"
    assert fate(wait, age=900).state == "failed"


def test_a_robot_that_does_not_say_how_long_is_left_alone_twice_as_long_each_time() -> None:
    waits = [fates.with_wait(Throttled("x"), number) for number in (0, 1, 2, 5, 99)]
    assert [one.wait for one in waits if isinstance(one, Throttled)] == [15, 30, 60, 300, 300]
    assert fates.with_wait(Throttled("x", 7), 3) == Throttled("x", 7)


@pytest.mark.parametrize(
    ("why", "as_written", "now", "spared"),
    [
        ("escalate", {}, {}, False),
        ("escalate", {}, {"state": "acknowledged", "owner": "li", "version": 2}, True),
        ("open", {}, {"state": "acknowledged", "owner": "li", "version": 2}, True),
        ("escalate", {}, {"state": "resolved", "version": 2}, True),
        ("escalate", {}, {"cancelled_at": NOW}, True),
        ("escalate", {}, {"shelved_until": NOW}, True),
        ("escalate", {}, {"version": 3}, False),  # taken and given back
        # a person's own escalation of what they have
        ("escalate", {"state": "acknowledged"}, {"state": "acknowledged"}, False),
        ("escalate", {"state": "acknowledged"}, {"state": "acknowledged", "owner": "wu", "version": 2}, True),
        ("escalate", {"cancelled_at": NOW}, {"cancelled_at": NOW}, False),
        ("dispatch", {"state": "dispatched"}, {"state": "dispatched"}, False),
        ("dispatch", {"state": "dispatched"}, {"state": "open", "version": 2}, True),
        ("dispatch", {"state": "dispatched"}, {"state": "closed", "version": 2}, True),
        ("resolve", {"state": "resolved"}, {"state": "closed"}, False),
        ("flood", {}, {"state": "closed"}, False),
    ],
)
def test_what_somebody_took_meanwhile_is_not_told(
    why: Why, as_written: dict[str, Any], now: dict[str, Any], spared: bool
) -> None:
    before = incident(**as_written)
    waited = before.state == "open" and before.cancelled_at is None and before.shelved_until is None
    assert fates.spared(why, incident(**now), before.version, waited) is spared
    assert not fates.spared(why, None, None, None)


# which goes next


class Row(NamedTuple):
    id: int
    urgent: bool
    created_at: datetime = NOW


FULL, RATE = Bucket(5.0, NOW), bucket.rate_of(20)


def planned(rows: Sequence[Row], state: Bucket = FULL, **more: Any) -> Plan:
    asked: dict[str, Any] = {
        "room": Room(urgent=True, other=True), "blocked_until": None, "second": False, "digests": True, "now": NOW,
    }  # fmt: skip
    return planning.plan(rows, state, RATE, **asked | more)


def test_presses_go_first_and_singly_however_many_wait() -> None:
    rows = [Row(number, urgent=False) for number in range(50)] + [Row(70, urgent=True), Row(71, urgent=True)]
    assert planned(rows) == Plan(message=(70,))
    assert planned(rows, room=Room(urgent=True, other=False)) == Plan(message=(70,))
    assert planned(rows, Bucket(0.5, NOW)).ask_in == timedelta(seconds=0.5 / RATE.per_second)


def test_the_last_token_is_kept_for_a_press() -> None:
    assert planned([Row(1, urgent=False)], Bucket(1.5, NOW)).message == ()
    assert planned([Row(1, urgent=True)], Bucket(1.0, NOW)).message == (1,)
    assert planned([Row(1, urgent=False)], Bucket(2.0, NOW)).message == (1,)


def test_more_than_can_go_soon_are_one_digest() -> None:
    few, many = [[Row(number, urgent=False) for number in range(count)] for count in (12, 13)]
    assert planned(few) == Plan(message=(0,))
    assert planned(many) == Plan(message=tuple(range(13)), digest=True)
    assert planned(many, digests=False) == Plan(message=(0,))


def test_a_robot_that_told_us_to_wait_is_left_alone_and_presses_take_the_second_way() -> None:
    rows = [Row(1, urgent=False), Row(2, urgent=True)]
    until = NOW + timedelta(seconds=60)
    assert planned(rows, blocked_until=until) == Plan(ask_in=timedelta(seconds=60))
    assert planned(rows, blocked_until=until, second=True).divert == (2,)
    assert planned(rows, blocked_until=NOW + 5 * SECOND, second=True).divert == ()


# the words


def told(why: Why = "escalate", facts: dict[str, Any] | None = None, **changes: Any) -> Told:
    about = None if why == "flood" else incident(**changes)
    return Told(
        why=why, priority="critical", tier="community", created_at=NOW, site_name="止火街社区", timezone="Asia/Shanghai",
        grid_name="展望一组", facts=facts or {}, incident=about,
    )  # fmt: skip


def test_an_escalation_in_words() -> None:
    text = wording.single(told(), "https://skynet.example", NOW)
    assert text.whole == (
        "【紧急】一键报警 · 展望路3号\n止火街社区 · 展望一组 · 升级至社区\n无人认领,已等待1分05秒\n"
        "https://skynet.example/?incident=12\n微天网"
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (told(drill=True), "【演练】【紧急】一键报警"),
        (told(owner="wang", state="acknowledged"), "由wang处置,已等待1分05秒"),
        (told(owner="wang", dispatched_to="zhao"), "由wang处置,已派zhao"),
        (told("resolve", outcome="false", owner="wang"), "已处置 · 社区\n结果:误报,wang"),
        (told("dispatch", {"link": "https://x.example/go/abc"}), "派你前往"),
        (told("dispatch", {"link": "https://x.example/go/abc"}), "https://x.example/go/abc"),
        (told("open", count=3), "已重复3次"),
        (told("flood", {"count": 11, "name": "wang"}), "wang的新警情11起"),
        (told("flood"), "【紧急】警情激增"),
    ],
)
def test_other_notices_in_words(one: Told, words: str) -> None:
    assert words in wording.single(one, "https://skynet.example", NOW).whole


def test_a_button_that_is_called_after_a_resident_is_told_by_its_place() -> None:
    hidden = told(address=None, title="一键报警 · 李奶奶家", facts={"note": "李奶奶摔倒"})
    for text in (wording.single(hidden, None, NOW), wording.digest([hidden, hidden], None, 2048)):
        assert "李奶奶" not in text.whole
        assert "一键报警 · 展望一组" in text.whole


@pytest.mark.parametrize(("seconds", "words"), [(-3, "0秒"), (59, "59秒"), (60, "1分00秒"), (7380, "2小时03分")])
def test_how_long_in_words(seconds: float, words: str) -> None:
    assert wording.lasting(timedelta(seconds=seconds)) == words


@given(st.integers(2, 200), st.integers(150, 3000), st.text(max_size=400))
def test_a_digest_counts_all_and_stays_within_its_limit(count: int, limit: int, place: str) -> None:
    many = [
        msgspec.structs.replace(told("resolve", title=place), created_at=NOW + number * SECOND)
        for number in range(count)
    ]
    text = wording.digest(many, None, limit)
    assert f"{count}条通知" in text.title
    assert f"已处置{count}条" in text.body
    lines = text.body.splitlines()
    assert len(text.whole.encode()) <= limit or len(lines) == 3
    shown = sum(line.startswith("09:") for line in lines)
    assert shown == count or f"另有{count - shown}条" in text.body or place.splitlines() != [place]


@given(st.text(max_size=100), st.integers(3, 200))
def test_a_text_is_cut_between_signs(text: str, limit: int) -> None:
    short = wording.cut(text, limit)
    assert len(short.encode()) <= limit
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


# addresses


@pytest.mark.parametrize(
    ("given_", "canonical", "shown"),
    [
        ("https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=ab-CD", "wecomrobot://ab-CD", "wecomrobot://qyapi.weixin.qq.com"),
        ("wecombot://ab-CD", "wecomrobot://ab-CD", "wecomrobot://qyapi.weixin.qq.com"),
        ("https://oapi.dingtalk.com/robot/send?access_token=T0ken&secret=SEC1", "dingrobot://SEC1@T0ken", "dingrobot://oapi.dingtalk.com"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/to-ken", "feishurobot://to-ken", "feishurobot://open.feishu.cn"),
        ("feishu://token?endpoint=https://relay.example:8/", "feishurobot://token?endpoint=https://relay.example:8/", "feishurobot://relay.example:8"),
        ("jsons://u:pass@host.example:1/p", "jsonwebhooks://u:pass@host.example:1/p", "jsonwebhooks://host.example:1"),
        ("mailtos://u:pass@mail.example?to=a@b.c", "mailtos://u:pass@mail.example?to=a@b.c", "mailtos://mail.example"),
        ("tgram://12345:token/1", "tgram://12345:token/1", "tgram://…"),
        ("CloudEvents+https://h.example/x?secret=s", "cloudevents+https://h.example/x?secret=s", "cloudevents+https://h.example"),
    ],
)  # fmt: skip
def test_addresses_in_our_own_form_and_without_their_secrets(given_: str, canonical: str, shown: str) -> None:
    assert addresses.canonical(given_) == canonical
    assert addresses.shown(canonical) == shown


@pytest.mark.parametrize("text", ["", "hello", "wecomrobot://", "https://evil.example/?key=1", "wecomrobot://a b"])
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadAddress) as caught:
        addresses.canonical(text)
    assert not text or text not in str(caught.value)


def test_secrets_are_taken_out_of_what_services_say() -> None:
    url = "dingrobot://SECabc%2Bd@T0kenValue?endpoint=http://h"
    assert addresses.redacted("bad t0kenvalue, secabc+d, SECabc%2Bd", url) == "bad ***, ***, ***"


def test_two_channels_of_one_robot_share_it_whomever_they_mention() -> None:
    one, other = "dingrobot://TOKEN/13800000000", "dingrobot://TOKEN?rto=3"
    assert addresses.robot_of(one) == addresses.robot_of(other)
    assert addresses.robot_of(one) != addresses.robot_of("dingrobot://OTHER")
    assert addresses.robot_of("jsonwebhooks://h/a") != addresses.robot_of("jsonwebhooks://h/b")


# other systems


def test_an_event_is_a_cloudevent_signed_as_standard_webhooks_has_it() -> None:
    key = bytes(range(32))
    assert cloudevents.key_of("whsec_" + base64.b64encode(key).decode()) == key
    event_id, body = cloudevents.event(told(facts={"link": "secret"}), 7, "s1", "https://skynet.example")
    assert event_id == "notice-7"
    event = json.loads(body)
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject", "tier")} == {
        "specversion": "1.0", "id": "notice-7", "source": "https://skynet.example/sites/s1",
        "type": "micro-skynet.notice.escalate", "subject": "12", "tier": "community",
    }  # fmt: skip
    assert event["data"]["id"] == "12"
    assert event["time"] == "2026-11-24T01:02:03Z"
    assert b"secret" not in body
    headers = cloudevents.headers(key, event_id, body, NOW)
    signed = b"notice-7." + str(int(NOW.timestamp())).encode() + b"." + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    flood = json.loads(cloudevents.event(told("flood", {"count": 3, "link": "x"}), 8, "s1", None)[1])
    assert (flood["data"], flood["source"]) == ({"site": "s1", "count": 3}, "/sites/s1")


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks libraries."""
    key = cloudevents.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = cloudevents.headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "plain", "whsec_", "whsec_!!", "whsec_c2hvcnQ="])
def test_a_weak_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        cloudevents.key_of(secret)
