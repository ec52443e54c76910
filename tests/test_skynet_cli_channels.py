"""`skynet channels` and `skynet users contact`: added by one line, tried by one, and no secret in anything that is printed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from robot_server import OK, RobotServer, code, running_robots
from typer.testing import CliRunner, Result
from webserver import add_people

from skynet import diagnosis
from skynet.cli.app import app
from store import channels
from store.channels import Channel
from store.connect import connect

Run = Callable[..., Result]
ADD = ("channels", "add", "s1", "street", "--tier", "community", "--url-stdin")


@pytest.fixture(scope="module")
def robots() -> Iterator[RobotServer]:
    with running_robots() as found:
        yield found


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    add_people(database)
    monkeypatch.setenv("SKYNET_DATABASE_URL", database)
    monkeypatch.setenv("SKYNET_DATA_DIR", str(tmp_path))
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, list(arguments), **more)


def said(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_a_channel_is_added_changed_listed_and_removed(run: Run, database: str) -> None:
    url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=geheim-key"
    shown = {"site": "s1", "channel": "street", "tier": "community", "second": None, "per_minute": 20.0,
             "to": "wecomrobot://qyapi.weixin.qq.com"}  # fmt: skip
    added = run(*ADD, "--json", input=url + "\n")
    assert said(added) == shown
    assert said(run("channels", "list", "--json")) == {"items": [shown]}
    mail = run(
        "channels", "add", "s1", "mail", "--tier", "district", "--url-stdin", input="mailtos://u:geheim@h.example"
    )
    assert mail.exit_code == 0, mail.exception
    changed = run(*ADD, "--second", "mail", "--per-minute", "5", "--json", input="wecomrobot://geheim-other")
    assert said(changed) == shown | {"second": "mail", "per_minute": 5.0}
    listed = run("channels", "list", "s1")
    for result in (added, mail, changed, listed):
        assert "geheim" not in result.output
    with connect(database, part="test") as conn:
        found = channels.find(conn, "s1", "street")
    assert found is not None
    assert found.url == "wecomrobot://geheim-other"
    assert "geheim" not in repr(found)
    assert said(run("channels", "remove", "s1", "mail", "--json")) == {"removed": "mail", "site": "s1"}
    assert said(run("channels", "list", "--json")) == {"items": [shown | {"per_minute": 5.0}]}


def test_a_channel_is_tried_and_says_what_the_body_said(run: Run, robots: RobotServer) -> None:
    assert run(*ADD, input=robots.wecom("geheim-key")).exit_code == 0
    assert said(run("channels", "test", "s1", "street", "--json"))["said"] == "errcode 0"
    [received] = robots.received
    assert received.text == "【测试】s1\n通道 street 的测试消息,无需处置\n微天网"
    robots.answers("geheim-key", code(93000, "invalid webhook url geheim-key"))
    refused = run("channels", "test", "s1", "street")
    assert refused.exit_code == 1
    assert refused.output == "NOT sent: errcode 93000: invalid webhook url ***\n"
    robots.answers("geheim-key", OK)


def test_a_person_has_a_contact(run: Run, database: str) -> None:
    contact = ("users", "contact", "anna")
    done = run(*contact, "--url-stdin", "--json", input="feishu://geheim-token")
    assert said(done) == {"name": "anna", "to": "feishurobot://open.feishu.cn"}
    with connect(database, part="test") as conn:
        assert channels.contact_of(conn, "anna") == "feishurobot://geheim-token"
    assert said(run(*contact, "--remove", "--json")) == {"removed": "anna"}
    again = run(*contact, "--remove")
    assert "no contact of 'anna'" in str(again.exception)


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (ADD, "geheim", "docs/operating.md shows one for each service"),
        (ADD, "", "no address came"),
        (ADD[:-1], "", "the address comes on the input"),
        (ADD, "https://geheim.example/hook", "address of no robot"),
        (ADD, "nosuch://geheim", "no service is called nosuch://"),
        (ADD, "dingrobot://geheim!", "not complete"),
        (ADD, "wecomrobot://geheim?endpoint=ftp://x", "not complete"),
        (ADD, "cloudevents+https://h.example/?secret=geheim", "openssl rand"),
        (ADD, "cloudevents+https://h.example:geheim/?secret=whsec_" + "QUJD" * 8, "port can't be read"),
        ((*ADD, "--second", "nosuch"), "wecomrobot://geheim", "no channel 'nosuch'"),
        ((*ADD, "--second", "street"), "wecomrobot://geheim", "its own second way"),
        ((*ADD, "--per-minute", "0"), "wecomrobot://geheim", "--per-minute"),
        (
            ("channels", "add", "s1", "Street!", "--tier", "grid", "--url-stdin"),
            "wecomrobot://geheim",
            "channel's name",
        ),
        (("channels", "add", "s1", "street", "--tier", "king", "--url-stdin"), "wecomrobot://geheim", "not a tier"),
        (("channels", "add", "nowhere", "street", "--tier", "grid", "--url-stdin"), "wecomrobot://geheim", "no site"),
        (("channels", "remove", "s1", "nosuch"), "", "skynet channels list"),
        (("channels", "test", "s1", "nosuch"), "", "skynet channels list"),
        (("users", "contact", "nobody", "--url-stdin"), "wecomrobot://geheim", "skynet users list"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(run: Run, arguments: tuple[str, ...], given: str, words: str) -> None:
    result = run(*arguments, input=given)
    assert result.exit_code != 0
    assert words in str(result.exception)
    assert "geheim" not in f"{result.exception} {result.output}"


def test_the_doctor_says_which_tiers_have_no_channel(database: str) -> None:
    add_people(database)
    with connect(database, part="test") as conn:
        channels.put(conn, Channel(site="s1", channel="street", tier="community", url="wecomrobot://x"))
        found = {one.said.partition(":")[0]: one.state for one in diagnosis._channels(conn)}
    assert found == {"s1 has none for grid, district": "ok", "s2 has none for grid, community, district": "ok"}
