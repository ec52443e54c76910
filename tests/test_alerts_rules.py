"""The rules file: what it decides by kind, place and hour, and what it says when it is wrong."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from alerts.rules import DEFAULT, Rules, RulesError, load_rules, parse

CHINA = ZoneInfo("Asia/Shanghai")


def at(hour: int, minute: int = 0) -> datetime:
    """That time of a day in China."""
    return datetime(2026, 11, 24, hour, minute, tzinfo=CHINA).astimezone(UTC)


def priority(rules: Rules, kind: str, when: datetime, *, site: str = "s1", grids: tuple[str, ...] = ()) -> str | None:
    rule = rules.deciding(kind, site, grids, when, CHINA)
    return None if rule is None else rule.priority


@pytest.mark.parametrize("kind", ["person", "vehicle", "motion", "crowd", "water", "noise", "whatever"])
def test_the_bulk_of_events_is_stored_only(kind: str) -> None:
    rules = load_rules()
    assert kind not in rules.opens
    assert priority(rules, kind, at(2)) is None


@pytest.mark.parametrize("kind", ["intrusion", "loitering", "fall", "fire", "smoke", "tamper"])
def test_the_kinds_of_the_issue_open(kind: str) -> None:
    rules = load_rules()
    assert kind in rules.opens
    assert priority(rules, kind, at(2)) is not None


@pytest.mark.parametrize(
    ("hour", "minute", "wanted"),
    [(21, 59, "medium"), (22, 0, "high"), (23, 30, "high"), (0, 0, "high"), (5, 59, "high"), (6, 0, "medium")],
)
def test_hours_over_midnight_are_the_sites_own(hour: int, minute: int, wanted: str) -> None:
    assert priority(load_rules(), "intrusion", at(hour, minute)) == wanted
    assert load_rules().deciding("intrusion", "s1", (), at(hour, minute).astimezone(UTC), ZoneInfo("UTC")) is not None


def test_hours_of_another_zone_differ() -> None:
    rules = load_rules()
    noon_in_china = at(12)
    assert priority(rules, "intrusion", noon_in_china) == "medium"
    rule = rules.deciding("intrusion", "s1", (), noon_in_china, ZoneInfo("America/New_York"))
    assert rule is not None
    assert rule.priority == "high"


PLACES = """
[[incident]]
kinds = ["crowd"]
priority = "none"
sites = ["quiet"]

[[incident]]
kinds = ["crowd"]
priority = "high"
grids = ["village"]

[[incident]]
kinds = ["crowd"]
priority = "low"
hours = "08:00-18:00"
"""


@pytest.mark.parametrize(
    ("site", "grids", "hour", "wanted"),
    [
        ("quiet", ("village",), 9, None),
        ("s1", ("village",), 3, "high"),
        ("s1", ("street", "village"), 3, "high"),
        ("s1", ("street",), 9, "low"),
        ("s1", (), 18, None),
        ("s1", (), 7, None),
    ],
    ids=["none ends the search", "its grid", "a grid within", "another grid", "the end is not included", "too early"],
)
def test_the_first_rule_that_fits_decides(site: str, grids: tuple[str, ...], hour: int, wanted: str | None) -> None:
    assert priority(parse(PLACES), "crowd", at(hour), site=site, grids=grids) == wanted


def test_a_kind_that_is_only_stored_is_not_asked_about() -> None:
    assert parse('[[incident]]\nkinds = ["crowd"]\npriority = "none"').opens == frozenset()


RULE = '[[incident]]\nkinds = ["fire"]\npriority = "high"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[incident", "not TOML"),
        ('[[incident]]\npriority = "high"', "missing required field `kinds` - at incident rule 1"),
        ('[[incident]]\nkinds = []\npriority = "high"', "incident rule 1 kinds"),
        (
            RULE + RULE.replace("high", "urgent"),
            r"incident rule 2 \(fire\): priority is 'urgent'; write critical, high",
        ),
        (RULE + 'hours = "22-6"', "incident rule 1 .fire.: hours is '22-6'; write it as \"22:00-06:00\""),
        (RULE + 'hours = "24:00-06:00"', "write it as"),
        (RULE + "hours = 22", "incident rule 1 hours"),
        (RULE + "join_within = 0", "incident rule 1 join_within"),
        (RULE + "answer_within = -5", "incident rule 1 answer_within"),
        (RULE + 'colour = "red"', "unknown field.*colour.*docs/rules.md"),
        (RULE.replace("fire", "press"), "a press opens by itself"),
        (RULE.replace("fire", "offline"), "take it out of kinds"),
        (RULE.replace("fire", "Fire!"), "'Fire!' is no kind"),
        ("[press]\nanswer_within = 0", "press.answer_within"),
        ("[press]\npriority = 'low'", "unknown field"),
        ("[supervision]\noutage_at_least = 1", "outage_at_least"),
        ("[supervision]\ncamera_silence = -1", "camera_silence"),
        ("[escalation]\nafter = 30", "escalation"),
        ("[[escalation]]\nafter = 30", "escalation rule 1"),
        (
            '[[escalation]]\nstep = [{after = 60, tier = "district"}, {after = 30, tier = "district"}]',
            "escalation rule 1: .*order",
        ),
        ('[[escalation]]\nstep = [{after = 30, tier = "district"}, {after = 60, tier = "grid"}]', "only goes up"),
        ('[[escalation]]\nstep = [{after = 30, tier = "mayor"}]', "escalation rule 1 step"),
        ("[fatigue]\nflood_in = 3\nflood_out = 9", "flood_out"),
        ("[unusual]\nweeks = 2", "least_weeks is above weeks"),
        ("[unusual]\nabove = 1", "unusual.above"),
    ],
)
def test_a_mistake_is_named_with_its_rule(text: str, said: str) -> None:
    with pytest.raises(RulesError, match=rf"(?s)^mine.toml.*{said}"):
        parse(text, name="mine.toml")


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="SKYNET_RULES_FILE"):
        load_rules(tmp_path / "none.toml")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RulesError, match="SKYNET_RULES_FILE"):
        load_rules(tmp_path / "odd.toml")


def test_an_empty_file_keeps_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")
    rules = load_rules(tmp_path / "empty.toml")
    assert rules == Rules()
    assert (rules.press.answer_within, rules.supervision.button_silence, rules.supervision.camera_silence) == (
        30,
        90,
        180,
    )


def test_the_page_on_rules_names_every_field() -> None:
    page = (Path(__file__).parents[1] / "docs" / "rules.md").read_text("utf-8")
    rules = load_rules()
    policy = rules.escalation[0]
    parts = (rules.press, rules.supervision, rules.incident[0], rules.grouping, rules.fatigue, policy, policy.step[0])
    for part in (*parts, rules.unusual):
        for field in part.__struct_fields__:
            assert f"`{field}`" in page, field
    assert DEFAULT.name in page
