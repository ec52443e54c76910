"""`skynet rules check` and `skynet rules try`, as a user has them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from servers import Broker
from skynet_command import Skynet

from alerts.rules import DEFAULT, load_rules
from devices.messages import Alarm, Event
from devices.registry import Device, Site
from ingest.sorting import Sorted
from ingest.writing import write
from store import channels, registry
from store.connect import connect
from store.events import Arrived

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)  # 18:00 there
MINE = DEFAULT.read_text("utf-8")
DAY = ("--from", "2026-03-02", "--to", "2026-03-03")


@pytest.fixture
def skynet(database: str, mqtt: Broker, tmp_path: Path) -> Skynet:
    with connect(database, part="test") as conn:
        registry.add_site(conn, Site(site="s1", name="一村"))
        registry.add_device(conn, Device(site="s1", device="b1", kind="button", name="b1", address="一组1号"))
        for name, lon in (("c1", 83.5), ("c2", 83.5001), ("c3", 83.6)):
            registry.add_device(conn, Device(site="s1", device=name, kind="camera", name=name, lat=39.2, lon=lon))
        channels.put(conn, channels.Channel(site="s1", channel="duty", tier="community", url="json://localhost"))
    return Skynet(database, mqtt, tmp_path / "data")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_check_explains_and_finds_nothing_wrong(skynet: Skynet) -> None:
    done = skynet.inside("rules", "check", str(DEFAULT))
    assert done.exit_code == 0
    assert "火情(fire)" in done.stdout
    assert "没有发现错误。" in done.stdout
    english = skynet.inside("rules", "check", str(DEFAULT), "--lang", "en")
    assert "Critical ones that nobody takes: after 30 seconds the community is told by every channel" in english.stdout
    assert skynet.json("rules", "check", str(DEFAULT))["ok"] is True


def test_check_asks_the_running_system_for_names(skynet: Skynet, file: Path) -> None:
    said = 'tier = "community", means = ["dutty"] }'
    file.write_text(
        MINE.replace('tier = "community" }', said, 1)
        + '[[incident]]\nkinds = ["crowd"]\npriority = "low"\nsites = ["s2"]\n'
    )
    done = skynet.inside("rules", "check", str(file), "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert found["faults"] == [
        "警情规则 8(crowd):没有站点 s2",
        "升级规则 1:community 没有渠道 dutty,是不是 duty?",
    ]
    assert found["means"][0]["kind"] == "press"


def test_check_tells_faults_and_remarks_apart(skynet: Skynet, file: Path) -> None:
    file.write_text(MINE + '[[incident]]\nkinds = ["fire"]\npriority = "low"\n')
    done = skynet.inside("rules", "check", str(file), "--lang", "en")
    assert done.exit_code == 0
    assert "remarks (1)\n  - incident rule 8 (fire): never decides: rules before it take all its cases" in done.stdout
    file.write_text("[[incident]]\nkinds = []\n[pres]\n")
    done = skynet.inside("rules", "check", str(file), "--lang", "en")
    assert done.exit_code == 1
    assert "faults (3)" in done.stdout


def test_check_works_without_a_system_and_says_when_it_is_away(skynet: Skynet, tmp_path: Path) -> None:
    skynet.told["SKYNET_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    away = skynet.json("rules", "check", str(DEFAULT))
    assert away["ok"] is True
    assert "没能核对" in away["remarks"][0]
    del skynet.told["SKYNET_DATABASE_URL"]
    assert skynet.json("rules", "check", str(DEFAULT))["remarks"] == []
    assert "can't be read" in skynet.fails("rules", "check", str(tmp_path / "none.toml"))


def happened(database: str) -> None:
    """A crowd (stored only), falls at one place and at another, and two presses of a button."""
    with connect(database, part="test") as conn:
        known, rules = registry.load(conn), load_rules()
        events = [("c1", "crowd"), ("c1", "fall"), ("c2", "fall"), ("c3", "fall"), ("c3", "loitering")]
        for number, (camera, kind) in enumerate(events):
            event = Event("s1", camera, f"e{number}", kind, "instant", None, None, None, None)
            write(conn, Sorted(events=[Arrived(event, NOW + timedelta(minutes=number))]), known, rules)
        for number in range(2):
            press = Alarm("s1", "b1", f"p{number}", "press", None)
            write(conn, Sorted(alarms=[(press, NOW + timedelta(hours=1, minutes=number))]), known, rules)


def tried(skynet: Skynet, file: Path, text: str) -> list[dict[str, Any]]:
    file.write_text(text)
    lines: list[dict[str, Any]] = skynet.json("rules", "try", str(file), *DAY)["lines"]
    return lines


def test_try_with_the_rules_in_force_differs_in_nothing(skynet: Skynet, file: Path) -> None:
    happened(skynet.database)
    lines = tried(skynet, file, MINE)
    assert [(line["what"], line["tried"]["kind"], line["tried"]["count"]) for line in lines] == [
        ("same", "fall", 2),
        ("same", "fall", 1),
        ("same", "loitering", 1),
        ("same", "press", 2),
    ]
    press = lines[3]["tried"]
    assert [(step["at"], step["tier"]) for step in press["goes_up"]] == [
        ("2026-03-02T11:00:30Z", "community"),
        ("2026-03-02T11:01:00Z", "district"),
    ]
    assert lines[3]["real"]["count"] == 2


def test_try_with_other_rules_shows_each_difference_first(skynet: Skynet, file: Path) -> None:
    happened(skynet.database)
    text = MINE.replace('kinds = ["loitering"]', 'kinds = ["crowd"]').replace("within = 60 ", "within = 0 ")
    text = text.replace("{ after = 30,", "{ after = 20,")
    lines = tried(skynet, file, text)
    assert [(line["what"], (line["tried"] or line["real"])["kind"]) for line in lines] == [
        ("only tried", "crowd"),
        ("changed", "fall"),  # the camera beside it no longer counts to it,
        ("split", "fall"),  # and would be an incident of its own
        ("only real", "loitering"),
        ("same", "fall"),
        ("same", "press"),
    ]
    assert (lines[1]["tried"]["count"], lines[1]["real"]["count"]) == (1, 2)
    assert lines[5]["tried"]["goes_up"][0]["at"] == "2026-03-02T11:00:20Z"
    wide = tried(
        skynet, file, MINE.replace("within = 60 ", "within = 2000 ").replace("join_within = 600", "join_within = 60")
    )
    assert [line["what"] for line in wide] == ["same"] * 4  # c3 lies further away than that


def test_try_merges_what_other_grouping_brings_together(skynet: Skynet, file: Path) -> None:
    with connect(skynet.database, part="test") as conn:
        registry.add_device(conn, Device(site="s1", device="c3", kind="camera", name="c3", lat=39.2, lon=83.5015))
    happened(skynet.database)
    lines = tried(skynet, file, MINE.replace("within = 60 ", "within = 500 "))
    assert [(line["what"], line["real"]["device"]) for line in lines] == [
        ("changed", "c1"),
        ("merged", "c3"),
        ("same", "c3"),
        ("same", "b1"),
    ]
    assert lines[0]["tried"]["count"] == 3


def test_try_as_people_read_it(skynet: Skynet, file: Path) -> None:
    happened(skynet.database)
    file.write_text(MINE.replace('kinds = ["loitering"]', 'kinds = ["crowd"]'))
    said = skynet.inside("rules", "try", str(file), *DAY, "--site", "s1").stdout.splitlines()
    assert "2 处不同,3 件相同" in said[0]
    assert said[2].split()[:3] == ["2026-03-02", "18:00:00", "只在试算中"]
    english = skynet.inside("rules", "try", str(file), *DAY, "--lang", "en").stdout
    assert "only real" in english
    assert "critical x2 +30s community +60s district" in english


def test_try_says_what_is_wrong(skynet: Skynet, file: Path) -> None:
    file.write_text(MINE)
    assert "s9" in skynet.fails("rules", "try", str(file), *DAY, "--site", "s9")
    assert "nothing lies between" in skynet.fails(
        "rules", "try", str(file), "--from", "2026-03-03", "--to", "2026-03-02"
    )
    assert "--from" in skynet.fails("rules", "try", str(file), "--from", "gestern", "--to", "2026-03-02")
    file.write_text("[pres]")
    assert "pres" in skynet.fails("rules", "try", str(file), *DAY)
