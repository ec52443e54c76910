"""What is wrong with a rules file, all of it at once; what works and is hardly meant so; and what a file means in sentences."""

import json
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import checking
from alerts.checking import System
from alerts.explaining import explain
from alerts.rules import DEFAULT, IncidentRule, Rules, RulesError, load_rules, parse
from alerts.rules_reading import read
from devices.registry import Grid, Registry, Site

BAD = """
colour = "red"
[press]
answer_within = -3
[fatigue]
flood_in = 3
flood_out = 9
[supervision]
battery_low = 40
battery_ok = 20
[[escalation]]
priorities = ["critcal"]
step = [{ after = 30, tier = "county" }, { after = "soon", tier = "district" }]
[[escalation]]
step = [{ after = 60, tier = "district" }, { after = 20, tier = "community" }]
[[incident]]
kinds = ["press", "Fire"]
priority = "urgent"
hours = "25:00-06:00"
[[incident]]
kinds = []
[[incident]]
kinds = "fire"
priority = "low"
"""


def test_every_fault_is_found_at_once_and_said_in_both_languages() -> None:
    found = read(BAD)
    assert found.rules is None
    said = [one.of("en") for one in found.faults]
    wanted = [
        "colour", "answer_within", "flood_out", "battery_ok", "step 1: tier", "step 2: after", "priorities: ",
        "stands behind 60", "community stands behind district", "'urgent'", "25:00", "a press opens by itself", "'Fire'",
        "rule 2: kinds", "priority is missing", "rule 3 (", "rule 3: kinds",
    ]  # fmt: skip
    for part in wanted:
        assert part == "rule 3 (" or any(part in line for line in said), part
    chinese = [one.of("zh") for one in found.faults]
    assert len(chinese) == len(said) >= 16
    assert "升级规则 1 第 1 步:tier:不认识的值 'county';可以写 grid, community, district" in chinese
    assert "警情规则 2:缺少 priority" in chinese
    assert not [line for line in chinese if "Expected" in line or "got" in line]


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("a = ", "不是 TOML 格式"),
        ("press = 3", "[press]:应是一张表"),
        ("incident = [3]", "警情规则 1:应是一张表"),
        ("incident = 3", "incident:应为 列表"),
        ("[unusual]\nweeks = 2\nleast_weeks = 3", "[unusual]:least_weeks 大于 weeks"),
        ("[grouping]\nfamilies = ['fire']", "[grouping]:families"),
    ],
)
def test_a_single_fault(text: str, zh: str) -> None:
    faults = read(text).faults
    assert len(faults) == 1
    assert zh in faults[0].of("zh")


VALUES = st.one_of(
    st.none(), st.integers(-5, 5), st.sampled_from(["fire", "22:00-06:00", "low", "grid", ""]), st.booleans()
)
LISTS = st.one_of(VALUES, st.lists(VALUES, max_size=2))
FIELDS = st.sampled_from(
    ["kinds", "priority", "hours", "sites", "step", "after", "tier", "lease", "answer_within", "shown_within", "flood_in",
     "weeks", "families", "within", "x"]
)  # fmt: skip
TABLES = st.dictionaries(
    FIELDS, st.one_of(LISTS, st.lists(st.dictionaries(FIELDS, LISTS, max_size=2), max_size=2)), max_size=4
)
FILES = st.dictionaries(
    st.sampled_from(["press", "incident", "escalation", "fatigue", "unusual", "grouping", "x"]),
    st.one_of(LISTS, TABLES, st.lists(TABLES, max_size=2)),
    max_size=3,
)


@given(FILES)
def test_this_reader_and_the_systems_own_agree_on_what_can_be_used(file: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {_toml(value)}" for key, value in file.items() if value is not None)
    try:
        rules: Rules | None = parse(text)
    except RulesError:
        rules = None
    found = read(text)
    assert found.rules == rules
    assert (rules is None) == bool(found.faults)


def _toml(value: object) -> str:
    """A value as TOML writes it, all on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items() if inner is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value if inner is not None) + "]"
    return json.dumps(value)


def test_the_file_that_comes_with_the_program_has_nothing_to_remark() -> None:
    assert checking.remarks(load_rules()) == []
    assert read(DEFAULT.read_text("utf-8")).faults == ()


PLACES = System(
    Registry(
        1,
        [Site(site="zhihuo", name="止火街"), Site(site="liujiang", name="柳江")],
        [
            Grid(site="zhihuo", grid="zw", name="展望村", geometry={}),
            Grid(site="zhihuo", grid="zw-01", name="展望村一", geometry={}, parent="zw"),
        ],
    ),
    frozenset({("zhihuo", "duty", "community"), ("zhihuo", "leads", "district")}),
)

RULE = "[[incident]]\nkinds = ['fire']\npriority = 'low'\n"


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        (RULE + "sites = ['zhihou']", "警情规则 1(fire):没有站点 zhihou,是不是 zhihuo?"),
        (RULE + "grids = ['zw-1']", "没有网格 zw-1,是不是 zw-01?"),
        (RULE + "sites = ['liujiang']\ngrids = ['zw']", "没有网格 zw"),
        ("[[escalation]]\nsites = ['x']", "升级规则 1:没有站点 x"),
        (
            "[[escalation]]\nstep = [{ after = 1, tier = 'community', means = ['dutty'] }]",
            "没有渠道 dutty,是不是 duty?",
        ),
        ("[[escalation]]\nstep = [{ after = 1, tier = 'district', means = ['duty'] }]", "district 没有渠道 duty"),
    ],
)
def test_names_that_the_running_system_does_not_know(text: str, zh: str) -> None:
    found = [one.of("zh") for one in checking.faults(parse(text), PLACES)]
    assert len(found) == 1
    assert zh in found[0]


def test_names_that_it_knows() -> None:
    text = RULE + "sites = ['zhihuo']\ngrids = ['zw', 'zw-01']\n[[escalation]]\nsites = ['zhihuo', 'liujiang']\n"
    text += "step = [{ after = 1, tier = 'community', means = ['duty', '*'] }]"
    assert checking.faults(parse(text), PLACES) == []


def remarks(text: str, system: System | None = None) -> list[str]:
    return [one.of("en") for one in checking.remarks(parse(text), system)]


def rule(kinds: str = "'fire'", **fields: str) -> str:
    lines = "".join(f"{name} = {value}\n" for name, value in fields.items())
    return f"[[incident]]\nkinds = [{kinds}]\npriority = 'low'\n{lines}"


@pytest.mark.parametrize(
    ("text", "shadowed"),
    [
        (rule() + rule(), True),
        (rule() + rule(hours="'22:00-06:00'"), True),
        (rule(hours="'22:00-06:00'") + rule(), False),
        (rule(hours="'22:00-06:00'") + rule(hours="'06:00-22:00'") + rule(), True),
        (rule(hours="'22:00-06:00'") + rule(hours="'06:01-22:00'") + rule(), False),
        (rule(hours="'22:00-06:00'") + rule(hours="'23:00-05:00'"), True),
        (rule(sites="['zhihuo']") + rule(), False),
        (rule(sites="['zhihuo', 'liujiang']") + rule(sites="['liujiang']"), True),
        (rule(sites="['zhihuo']") + rule(sites="['liujiang']") + rule(sites="['zhihuo', 'liujiang']"), True),
        (rule(grids="['zw']") + rule(), False),
        (rule(grids="['zw']") + rule(grids="['zw', 'lh']"), False),
        (rule(sites="['zhihuo']", grids="['zw']") + rule(sites="['zhihuo']", grids="['zw-01']"), True),
        (rule("'fire', 'smoke'") + rule("'smoke'") , True),
        (rule("'smoke'") + rule("'fire'"), False),
    ],
)  # fmt: skip
def test_rules_that_never_decide(text: str, *, shadowed: bool) -> None:
    said = [line for line in remarks(text, PLACES) if "never decides" in line]
    assert bool(said) == shadowed


def test_a_rule_that_never_decides_for_one_of_its_kinds() -> None:
    assert "never decides for smoke: rules before it do" in " ".join(remarks(rule("'smoke'") + rule("'fire', 'smoke'")))


HOURS = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda one: f"{one[0]:02}:{one[1]:02}")


@given(HOURS, HOURS, st.integers(0, 1439))
def test_minutes_are_those_in_which_a_rule_fits(begins: str, ends: str, minute: int) -> None:
    hours = f"{begins}-{ends}"
    fits = IncidentRule(("fire",), "low", hours=hours).fits("fire", "s", (), time(minute // 60, minute % 60))
    assert bool(checking.minutes(hours) >> minute & 1) == fits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rule("'flod'"), "flod is no kind of the protocol"),
        (rule("'intrusio'"), "is it intrusion?"),
        ("[[incident]]\nkinds = ['crowd']\npriority = 'none'", "crowd is only stored: no rule opens it"),
        ("[[escalation]]\nkinds = ['crowd']", "no rule opens an incident of crowd"),
        ("[grouping]\nfamilies = [['crowd', 'noise']]", "a family does nothing: crowd, noise"),
        ("[[escalation]]\nlease = 30", "a claim lasts 30 s"),
        ("[[escalation]]\n[[escalation]]\npriorities = ['low']", "escalation rule 2: never decides"),
        ("[[incident]]\nkinds = ['fire']\npriority = 'critical'", "fire is critical and never goes up"),
        ("", "press is critical and never goes up"),
        ("[[escalation]]\nstep = [{ after = 5, tier = 'community' }]", "to be answered within 30 s, and goes up after 5 s"),
        ("[[escalation]]\nstep = [{ after = 8, tier = 'community' }]", "shown_within (10 s) is no earlier than the first step"),
        (rule(hours="'22:00-22:00'"), "which is the whole day"),
        ("[supervision]\nbutton_silence = 20", "button_silence (20 s) is not above expected_every (30 s)"),
    ],
)  # fmt: skip
def test_what_is_hardly_meant_so(text: str, said: str) -> None:
    assert said in "\n".join(remarks(text))


def test_what_a_file_means_is_said_for_each_kind() -> None:
    text = """
[press]
answer_within = 45
[[escalation]]
kinds = ["fire"]
sites = ["zhihuo"]
step = [{ after = 0, tier = "grid", means = ["duty"] }, { after = 90, tier = "district" }]
lease = 600
[[incident]]
kinds = ["fire"]
priority = "critical"
grids = ["zw"]
sites = ["zhihuo"]
hours = "22:00-06:00"
answer_within = 60
[[incident]]
kinds = ["fire", "smoke"]
priority = "none"
"""
    means = {one.kind: one for one in explain(parse(text), PLACES) if one.kind}
    assert list(means) == ["press", "fire", "smoke"]
    fire = [sentence.zh for sentence in means["fire"].sentences]
    assert fire == [
        "规则 1:止火街的展望村(含其下网格),22:00 到次日 06:00:紧急优先级,60秒内应有人认领,10分钟内同一处再发生,并入同一警情。",
        "规则 2:其余的,各站点,任何时候:只存储。",
        "与同一处的烟雾算同一件事。",
        "紧急优先级(止火街)无人认领:一立警情就报网格(渠道 duty);90秒后报区域党委(所有渠道)。认领后10分钟没有进展,自动放回。",
    ]
    assert means["press"].sentences[0].en.startswith("Always critical; to be answered within 45 seconds")
    english = [sentence.en for sentence in means["fire"].sentences]
    assert english[0] == (
        "Rule 1: in 止火街, in 展望村 and the grids in it, from 22:00 to 06:00 of the next day: critical priority; to be "
        "answered within 60 seconds; what happens there again within 10 minutes joins it."
    )
    assert (
        "at once the grid is told by channel duty; after 90 seconds the district is told by every channel" in english[3]
    )
    assert means["smoke"].sentences[0].zh == "规则 2:各站点,任何时候:只存储。"
