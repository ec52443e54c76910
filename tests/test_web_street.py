"""The link of a dispatched person: made with the dispatch, opened on a phone, dead when it should be, safe to press twice."""

import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import psycopg
import pytest
from webserver import Web, add_people, open_incident, running_web

from alerts import links, steps
from alerts.lifecycle import Step
from alerts.links import Link
from alerts.rules import load_rules
from alerts.steps import Actor
from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from store import links as rows
from store import people, registry
from store.connect import connect
from store.links import signing_key

API = "/api/v1"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with connect(database, part="test") as conn:
        grid = Grid(site="s1", grid="g1", name="展望一组", geometry=SQUARE)
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="止火街"), grids=(grid,), devices=()))
        people.add_user(conn, "王", "officer", ["s1"], None)
        people.add_user(conn, "李", "officer", ["s1"], None)
        conn.execute("INSERT INTO contacts VALUES ('王', 'json://127.0.0.1:9/secret'), ('bert', 'json://127.0.0.1:9')")
    with running_web(database) as server:
        yield server


class Desk:
    """An officer at the console, by HTTP, with one incident."""

    def __init__(self, web: Web, client: httpx.Client, key: str = "press:b1") -> None:
        self.web, self.client = web, client
        self.id = open_incident(web.database, "s1", key=key, grid="g1")

    def now(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"{API}/incidents/{self.id}").json()
        return found

    def take(self, verb: str, **more: object) -> httpx.Response:
        return self.client.post(f"{API}/incidents/{self.id}/{verb}", json={"version": self.now()["version"], **more})

    def send(self, to: str = "王") -> str:
        """Dispatch it; the path of the link."""
        answer = self.take("dispatch", to=to)
        assert answer.status_code == 200, answer.text
        return self.link()

    def link(self) -> str:
        answer = self.client.get(f"{API}/incidents/{self.id}/link")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"]).removeprefix(self.web.url)

    def steps(self) -> list[tuple[str, str, str | None]]:
        return [(one["actor"], one["verb"], one["note"]) for one in self.now()["timeline"]][1:]


@pytest.fixture
def desk(web: Web) -> Iterator[Desk]:
    with web.client("anna") as client:
        yield Desk(web, client)


@pytest.fixture
def phone(web: Web) -> Iterator[httpx.Client]:
    with web.client() as client:
        yield client


def press(phone: httpx.Client, path: str, doing: str, **more: str) -> httpx.Response:
    return phone.post(path, data={"doing": doing, **more}, follow_redirects=True)


def notices(web: Web) -> list[tuple[Any, ...]]:
    with psycopg.connect(web.database) as conn:
        return conn.execute("SELECT why, person, tier, incident, facts FROM notices ORDER BY id").fetchall()


class Well(HTMLParser):
    """That a page is well formed: every tag closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not {name for name, _ in attrs} & {"style", "onclick"}, "the policy forbids it"
        assert tag != "script"
        if tag not in {"meta", "link", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def text_of(answer: httpx.Response) -> str:
    page = Well()
    page.feed(answer.text)
    assert page.open == []
    return page.text


def test_a_dispatch_to_a_person_makes_a_link_and_tells_them(web: Web, desk: Desk) -> None:
    path = desk.send()
    [(why, person, tier, incident, facts)] = notices(web)
    assert (why, person, tier, incident) == ("dispatch", "王", None, desk.id)
    assert facts["link"].startswith(f"{web.url}/d/")
    told = desk.client.get(f"{API}/incidents/{desk.id}/link").json()
    assert (told["person"], told["told"]) == ("王", True)
    lasts = datetime.fromisoformat(told["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < lasts <= timedelta(hours=12)
    assert facts["link"].removeprefix(web.url).rsplit(".", 2)[0] == path.rsplit(".", 2)[0]
    again = desk.client.post(f"{API}/incidents/{desk.id}/dispatch", json={"version": 1, "to": "王"})
    assert again.status_code == 200
    assert len(notices(web)) == 1, "the same request, sent again, tells nobody twice"


def test_free_text_strangers_and_those_without_a_contact_are_told_nothing(web: Web, desk: Desk) -> None:
    for to in ("老张(保安)", "bert"):  # bert works for another site
        assert desk.take("dispatch", to=to).status_code == 200
        answer = desk.client.get(f"{API}/incidents/{desk.id}/link")
        assert (answer.status_code, "log-in name" in answer.json()["detail"]) == (404, True)
    assert desk.send("李").startswith("/d/")
    assert desk.client.get(f"{API}/incidents/{desk.id}/link").json()["told"] is False
    assert notices(web) == []
    assert [note for _, _, note in desk.steps()] == ["→ 老张(保安)", "→ bert", "→ 李"]


def test_only_officers_of_the_site_get_the_link(web: Web, desk: Desk) -> None:
    desk.send()
    with web.client("bert") as bert, web.client("dora") as dora, web.client() as nobody:
        assert bert.get(f"{API}/incidents/{desk.id}/link").status_code == 404
        assert nobody.get(f"{API}/incidents/{desk.id}/link").status_code == 401
        assert dora.get(f"{API}/incidents/{desk.id}/link").status_code == 200


def test_the_page_says_where_what_and_since_when(web: Web, desk: Desk, phone: httpx.Client) -> None:
    desk.take("note", note="<b>三楼</b>")
    path = desk.send()
    answer = phone.get(path)
    text = text_of(answer)
    assert answer.status_code == 200
    for said in ("一键报警", "一号院", "展望一组", "止火街", "<b>三楼</b>", "分钟前", "在路上", "已到场", "已处置",
                 "真实", "误报", "测试", "演练", "English", "王"):  # fmt: skip
        assert said in text, said
    assert 'href="geo:1.000000,2.000000?q=1.000000,2.000000"' in answer.text
    assert "并非真实警情" not in text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    english = text_of(phone.get(f"{path}?lang=en"))
    for said in ("Alarm button", "On my way", "I am there", "False alarm", "中文"):
        assert said in english, said
    assert text_of(phone.get(f"{path}?lang=xx")) == text


def test_a_drill_is_shown_as_one(web: Web, desk: Desk, phone: httpx.Client) -> None:
    with psycopg.connect(web.database) as conn:
        conn.execute("UPDATE incidents SET drill = true")
    assert "演练 · 并非真实警情" in text_of(phone.get(desk.send()))


def test_looking_changes_nothing(web: Web, desk: Desk, phone: httpx.Client) -> None:
    path = desk.send()
    before = desk.now()
    for _ in range(3):
        phone.get(path)
        phone.head(path)
    assert desk.now() == before


def test_on_the_way_there_and_done_are_changes_in_the_persons_name(web: Web, desk: Desk, phone: httpx.Client) -> None:
    path = desk.send()
    assert "✓ 在路上" in text_of(press(phone, path, "coming"))
    assert "✓ 已到场" in text_of(press(phone, path, "arrived"))
    assert desk.now()["arrived_at"] is not None
    done = press(phone, path, "done", outcome="false", note="误碰")
    assert done.status_code == 410
    assert "辛苦了" in text_of(done)
    assert desk.steps()[1:] == [("王", "note", "在路上"), ("王", "arrive", None), ("王", "resolve", "误碰")]
    found = desk.now()
    assert (found["state"], found["outcome"]) == ("resolved", "false")


def test_pressing_twice_is_harmless(web: Web, desk: Desk, phone: httpx.Client) -> None:
    path = desk.send()
    for doing in ("coming", "coming", "arrived", "arrived", "coming"):
        assert press(phone, path, doing).status_code == 200
    for _ in range(2):
        assert press(phone, path, "done", outcome="real").status_code == 410
    assert [verb for _, verb, _ in desk.steps()] == ["dispatch", "note", "arrive", "resolve"]


def test_two_phones_at_once_make_one_change_of_each(web: Web, desk: Desk) -> None:
    paths = [Desk(web, desk.client, key=f"press:{turn}").send() for turn in range(8)]
    with web.client() as one, web.client() as other, ThreadPoolExecutor(4) as pool:
        for path in paths:
            for doing in ("coming", "arrived", "done"):
                data = {"doing": doing, "outcome": "real"}
                answers = list(pool.map(lambda who: who.post(path, data=data), (one, other, one, other)))  # noqa: B023
                assert {answer.status_code for answer in answers} <= {303, 410}
    with psycopg.connect(web.database) as conn:
        counts = conn.execute(
            "SELECT verb, count(*) FROM changes WHERE actor = '王' GROUP BY verb ORDER BY verb"
        ).fetchall()
    assert counts == [("arrive", 8), ("note", 8), ("resolve", 8)]


def test_who_was_just_replaced_takes_no_step(
    web: Web, desk: Desk, phone: httpx.Client, eventually: Callable[..., None]
) -> None:
    path = desk.send()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connect(web.database, part="test") as other, ThreadPoolExecutor(1) as pool:
        step = Step(verb="dispatch", version=desk.now()["version"], to="李")
        steps.take_in(other, load_rules(), desk.id, step, Actor("anna", {"s1"}), datetime.now(UTC))
        pressed = pool.submit(press, phone, path, "arrived")
        with psycopg.connect(web.database, autocommit=True) as watching:
            eventually(lambda: watching.execute(waiting).fetchone() == (1,))
        other.commit()
        answer = pressed.result()
    assert answer.status_code == 410
    assert "改派他人" in text_of(answer)
    assert [verb for _, verb, _ in desk.steps()] == ["dispatch", "dispatch"]


def test_an_officer_at_the_console_does_not_make_the_phone_lose(web: Web, desk: Desk, phone: httpx.Client) -> None:
    path = desk.send()
    desk.take("assign", to="李", note="换人值守")  # the version moves on
    assert press(phone, path, "arrived").status_code == 200
    assert desk.now()["owner"] == "李"
    assert "李" in text_of(phone.get(path))


def test_without_an_outcome_nothing_is_settled(web: Web, desk: Desk, phone: httpx.Client) -> None:
    path = desk.send()
    for more in ({}, {"outcome": "maybe"}, {"outcome": ""}):
        answer = press(phone, path, "done", **more)
        assert answer.status_code == 422
        assert "请先选择结果" in text_of(answer)
    assert press(phone, path, "dance").status_code == 422
    assert [verb for _, verb, _ in desk.steps()] == ["dispatch"]


def test_a_press_from_elsewhere_is_refused(web: Web, desk: Desk, phone: httpx.Client) -> None:
    path = desk.send()
    for origin in ("https://elsewhere.example", "null"):
        assert phone.post(path, data={"doing": "coming"}, headers={"Origin": origin}).status_code == 403
    del phone.headers["Origin"]
    assert phone.post(path, data={"doing": "coming"}).status_code == 403
    assert [verb for _, verb, _ in desk.steps()] == ["dispatch"]


Ending = Callable[[Desk], object]
ENDINGS: dict[str, tuple[Ending, str]] = {
    "resolved": (lambda desk: desk.take("resolve", outcome="real"), "已经处置完毕"),
    "released": (lambda desk: desk.take("release"), "已撤回"),
    "to another": (lambda desk: desk.take("dispatch", to="李"), "改派他人"),
    "to free text": (lambda desk: desk.take("dispatch", to="保安"), "改派他人"),
    "resolved and opened again": (
        lambda desk: (desk.take("resolve", outcome="real"), desk.take("reopen", note="没完")), "已撤回",
    ),
    "released, sent again": (lambda desk: (desk.take("release"), desk.send()), "最新的链接"),
    "sent there and back": (lambda desk: (desk.send("李"), desk.send()), "最新的链接"),
    "no longer of the site": (lambda desk: remove(desk.web, "王"), "不在本站点值勤"),
}  # fmt: skip


def remove(web: Web, name: str) -> None:
    with connect(web.database, part="test") as conn:
        people.remove_user(conn, name)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_dead_link_says_why_and_whom_to_call(web: Web, desk: Desk, phone: httpx.Client, ending: str) -> None:
    path = desk.send()
    end, words = ENDINGS[ending]
    end(desk)
    before = desk.steps()
    for answer in (phone.get(path), press(phone, path, "coming"), press(phone, path, "done", outcome="real")):
        text = text_of(answer)
        assert answer.status_code == 410
        assert words in text
        assert "anna" in text
        assert "一号院" not in text, "who is not sent need not know the place"
    assert desk.steps() == before


def test_a_link_expires(web: Web, desk: Desk, phone: httpx.Client) -> None:
    desk.send()
    with connect(web.database, part="test") as conn:
        key = signing_key(conn, links.PURPOSE)
        begin = rows.dispatch_begin(conn, desk.id, "王")
    for age, status in ((timedelta(hours=11, minutes=59), 200), (timedelta(hours=12), 410)):
        path = links.PATH + links.write(key, Link(desk.id, "王", begin, datetime.now(UTC) - age))
        assert phone.get(path).status_code == status
    assert "已过期" in text_of(press(phone, path, "coming"))
    assert [verb for _, verb, _ in desk.steps()] == ["dispatch"]
    with psycopg.connect(web.database) as conn:
        conn.execute("UPDATE changes SET at = at - interval '12 hours'")
    answer = desk.client.get(f"{API}/incidents/{desk.id}/link")
    assert (answer.status_code, "has expired" in answer.json()["detail"]) == (404, True)


def test_a_link_opens_no_other_incident_and_is_nobody_elses(web: Web, desk: Desk, phone: httpx.Client) -> None:
    first = desk.send()
    second = Desk(web, desk.client, key="press:b2")
    second.send("李")
    with connect(web.database, part="test") as conn:
        key = signing_key(conn, links.PURPOSE)
        begin = rows.dispatch_begin(conn, second.id, "王")
    stolen = links.PATH + links.write(key, Link(second.id, "王", begin, datetime.now(UTC)))
    assert phone.get(stolen).status_code == 410  # as it would be signed, were it asked for: 王 is not sent there
    payload, _, rest = first.removeprefix(links.PATH).partition(".")
    other = second.link().removeprefix(links.PATH).partition(".")[0]
    for token in (
        f"{other}.{rest}",
        f"{payload}x.{rest}",
        payload,
        f"{payload}.{rest[:-2]}",
        "x",
        "%00",
        "a" * 900,
    ):
        answer = phone.get(links.PATH + token)
        assert answer.status_code in {404, 429}, token
        assert "一号院" not in answer.text
    forged = links.PATH + links.write(b"k" * 32, Link(desk.id, "王", 0, datetime.now(UTC)))
    assert press(phone, forged, "coming").status_code == 404
    assert [verb for _, verb, _ in desk.steps()] == ["dispatch"]


def test_who_tries_many_bad_links_is_slowed_and_good_ones_open_all_the_same(
    web: Web, desk: Desk, phone: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = sys.modules["web.calls.street"]
    monkeypatch.setattr(street, "_tries", street.BadTries())
    path = desk.send()
    answers = [phone.get(f"/d/bad{number}") for number in range(25)]
    assert [answer.status_code for answer in answers] == [404] * 20 + [429] * 5
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert "一分钟后" in text_of(answers[-1])
    assert phone.get(path).status_code == 200


def test_the_key_is_made_once_in_the_database_and_nobody_of_ours_can_change_it(database: str) -> None:
    def ask(_number: int) -> bytes:
        with connect(database, part="test") as conn:
            return signing_key(conn, "dispatch")

    with ThreadPoolExecutor(6) as pool:
        keys = set(pool.map(ask, range(6)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    with connect(database, part="test") as conn:
        assert signing_key(conn, "other") != signing_key(conn, "dispatch")
        for query in ("UPDATE signing_keys SET key = key", "DELETE FROM signing_keys"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), conn.transaction():
                conn.execute(query)


def test_links_lead_to_where_browsers_find_us(database: str) -> None:
    add_people(database)
    with (
        running_web(database, web_url="http://skynet.example/", link_hours=1.0) as server,
        server.client("anna") as anna,
    ):
        number = open_incident(database, "s1")
        assert anna.post(f"{API}/incidents/{number}/dispatch", json={"version": 1, "to": "cora"}).status_code == 200
        told = anna.get(f"{API}/incidents/{number}/link").json()
    assert re.fullmatch(r"http://skynet\.example/d/[\w.-]+", told["url"])
    assert datetime.fromisoformat(told["expires_at"]) <= datetime.now(UTC) + timedelta(hours=1)
