"""A rules file in plain sentences: for each kind which priority when and where, who is told, and the figures. Pure."""

from collections.abc import Iterator

import msgspec

from alerts.checking import KNOWN_KINDS, System
from alerts.openings import KIND_NAMES
from alerts.rules import PRIORITIES, EscalationPolicy, EscalationStep, IncidentRule, Rules
from alerts.saying import Saying
from store.records import Priority

PRIORITY_NAMES = {"critical": "紧急", "high": "高", "medium": "中", "low": "低"}
TIER_NAMES = {"grid": "网格", "community": "社区", "district": "区域党委"}
OPEN_BY_THEMSELVES = ("offline", "fault", "unusual")
STORED_NAMES = {"person": "人员", "vehicle": "车辆", "motion": "画面变化"}


class Meaning(msgspec.Struct, frozen=True):
    """What the rules mean for one kind of incident, or (no kind) for a part of them."""

    title: Saying
    sentences: tuple[Saying, ...]
    kind: str | None = None


def explain(rules: Rules, system: System | None = None) -> list[Meaning]:
    """All that rules mean, in the order in which somebody would ask."""
    kinds = dict.fromkeys(kind for rule in rules.incident for kind in rule.kinds)
    found = [_press(rules, system), *(_kind(kind, rules, system) for kind in kinds)]
    found += [_by_themselves(rules, system)]
    stored = [kind for kind in KNOWN_KINDS if kind not in kinds]
    if stored:
        zh, en = "、".join(_name(kind) for kind in stored), ", ".join(stored)
        found.append(Meaning(Saying("只存储", "Only stored"), (Saying(f"{zh}:不立警情。", f"{en}: no incident."),)))
    return [*found, _grouping(rules), _fatigue(rules), _supervision(rules), _unusual(rules)]


def _press(rules: Rules, system: System | None) -> Meaning:
    press = rules.press
    first = Saying(
        f"总是紧急;{_time(press.answer_within).zh}内应有人认领;{_time(press.shown_within).zh}内没有任何值班屏显示,立即升级。",
        f"Always critical; to be answered within {_time(press.answer_within).en}; if no console shows it within "
        f"{_time(press.shown_within).en}, it goes up at once.",
    )
    joins = Saying(
        "同一按钮再次按下,并入未处置完的警情;不同按钮从不合并。",
        "Another press of the same button joins its incident until that is resolved; different buttons never merge.",
    )
    return Meaning(_title("press"), (first, joins, *_escalations("press", "critical", None, rules, system)), "press")


def _kind(kind: str, rules: Rules, system: System | None) -> Meaning:
    sentences: list[Saying] = []
    told: dict[Priority, tuple[str, ...] | None] = {}
    for number, rule in enumerate(rules.incident, start=1):
        if kind not in rule.kinds:
            continue
        sentences.append(_rule(number, rule, system, rest=bool(sentences)))
        if rule.priority != "none":
            priority = PRIORITIES[rule.priority]
            told[priority] = None if rule.sites is None else (told.get(priority, ()) or ()) + rule.sites
    partners = [one for family in rules.grouping.families if kind in family for one in family if one != kind]
    if partners:
        zh, en = "、".join(KIND_NAMES.get(one, one) for one in partners), ", ".join(partners)
        sentences.append(Saying(f"与同一处的{zh}算同一件事。", f"At one place it is one thing with {en}."))
    for priority, sites in told.items():
        sentences += _escalations(kind, priority, sites, rules, system)
    return Meaning(_title(kind), tuple(sentences), kind)


def _rule(number: int, rule: IncidentRule, system: System | None, *, rest: bool) -> Saying:
    """One rule for a kind; `rest`: rules before it decide first."""
    zh, en = [_where(rule, system).zh, _when(rule).zh], [_where(rule, system).en, _when(rule).en]
    if rest:
        zh, en = ["其余的,", *zh], ["all others", *en]
    if rule.priority == "none":
        return Saying(f"规则 {number}:{''.join(zh)}只存储。", f"Rule {number}: {', '.join(en)}: stored only.")
    parts_zh = [f"{PRIORITY_NAMES[rule.priority]}优先级"]
    parts_en = [f"{rule.priority} priority"]
    if rule.answer_within is not None:
        parts_zh.append(f"{_time(rule.answer_within).zh}内应有人认领")
        parts_en.append(f"to be answered within {_time(rule.answer_within).en}")
    else:
        parts_zh.append("没有认领时限")
        parts_en.append("no deadline")
    parts_zh.append(f"{_time(rule.join_within).zh}内同一处再发生,并入同一警情")
    parts_en.append(f"what happens there again within {_time(rule.join_within).en} joins it")
    return Saying(
        f"规则 {number}:{''.join(zh)}{','.join(parts_zh)}。", f"Rule {number}: {', '.join(en)}: {'; '.join(parts_en)}."
    )


def _where(rule: IncidentRule, system: System | None) -> Saying:
    sites = _sites(rule.sites, system)
    if rule.grids is None:
        return sites
    names = [_grid_name(grid, rule, system) for grid in rule.grids]
    return Saying(
        f"{sites.zh}的{'、'.join(names)}(含其下网格)", f"{sites.en}, in {', '.join(names)} and the grids in it"
    )


def _grid_name(grid: str, rule: IncidentRule, system: System | None) -> str:
    if system is not None:
        for (site, name), known in system.registry.grids.items():
            if name == grid and (rule.sites is None or site in rule.sites):
                return known.name
    return grid


def _sites(sites: tuple[str, ...] | None, system: System | None) -> Saying:
    if sites is None:
        return Saying("各站点", "in every site")
    known = system.registry.sites if system else {}
    names = [known[site].name if site in known else site for site in sites]
    return Saying("、".join(names), f"in {', '.join(names)}")


def _when(rule: IncidentRule) -> Saying:
    if rule.hours is None:
        return Saying(",任何时候:", "at any time")
    start, end = rule.hours.split("-")
    over = start >= end
    return Saying(
        f",{start} 到{'次日 ' if over else ' '}{end}:", f"from {start} to {end}{' of the next day' if over else ''}"
    )


def _escalations(
    kind: str, priority: Priority, sites: tuple[str, ...] | None, rules: Rules, system: System | None
) -> Iterator[Saying]:
    """Who is told of incidents of a kind and priority: one sentence, or one for each site that differs."""
    named = dict.fromkeys(site for policy in rules.escalation for site in policy.sites or ())
    everywhere = rules.policy(kind, priority, "*")
    for site in sites or named:
        policy = rules.policy(kind, priority, site)
        if sites is not None or policy != everywhere:
            yield _escalation(priority, policy, _sites((site,), system))
    if sites is None:
        yield _escalation(priority, everywhere, None)


def _escalation(priority: Priority, policy: EscalationPolicy, site: Saying | None) -> Saying:
    of_zh = f"{PRIORITY_NAMES[priority]}优先级" + (f"({site.zh})" if site else "")
    of_en = f"{priority[0].upper()}{priority[1:]} ones" + (f" {site.en}" if site else "")
    lease = _time(policy.lease)
    if policy.step:
        zh = ";".join(_step(step).zh for step in policy.step)
        en = "; ".join(_step(step).en for step in policy.step)
        return Saying(
            f"{of_zh}无人认领:{zh}。认领后{lease.zh}没有进展,自动放回。",
            f"{of_en} that nobody takes: {en}. A claim without progress lapses after {lease.en}.",
        )
    return Saying(
        f"{of_zh}无人认领也不升级。认领后{lease.zh}没有进展,自动放回。",
        f"{of_en} never go up by themselves. A claim without progress lapses after {lease.en}.",
    )


def _step(step: EscalationStep) -> Saying:
    means = _means(step.means)
    when = Saying("一立警情就", "at once") if step.after == 0 else _time(step.after)
    zh = when.zh if step.after == 0 else f"{when.zh}后"
    en = when.en if step.after == 0 else f"after {when.en}"
    return Saying(f"{zh}报{TIER_NAMES[step.tier]}({means.zh})", f"{en} the {step.tier} is told by {means.en}")


def _means(means: tuple[str, ...]) -> Saying:
    if "*" in means:
        return Saying("所有渠道", "every channel")
    return Saying("渠道 " + "、".join(means), "channel " + ", ".join(means))


def _by_themselves(rules: Rules, system: System | None) -> Meaning:
    said = Saying(
        "离线、故障、异常由系统自己立警情(多为低优先级),规则改不了是否立;原因消失且无人认领时自行结束。",
        "Offline, fault and unusual are opened by the system itself (mostly with low priority), whatever the rules say; they "
        "end by themselves when their cause is over and nobody has them.",
    )
    told = dict.fromkeys(one for kind in OPEN_BY_THEMSELVES for one in _escalations(kind, "low", None, rules, system))
    return Meaning(Saying("系统自己立的", "Opened by the system"), (said, *told))


def _grouping(rules: Rules) -> Meaning:
    within = rules.grouping.within
    said = (
        Saying("每个探头各算一处。", "Every camera is a place of its own.")
        if within == 0
        else Saying(
            f"探头所看之处彼此相距不超过 {within:g} 米的,算同一处,同类事件是一件警情。",
            f"Cameras whose views lie within {within:g} m of each other tell of one place: events of a kind are one incident.",
        )
    )
    return Meaning(Saying("归并", "Grouping"), (said,))


def _fatigue(rules: Rules) -> Meaning:
    one = rules.fatigue
    chatter = Saying(
        f"探头 {_time(one.chatter_window).zh}内触发 {one.chatter_count} 次算频繁触发:不响铃、不通知,事件照存,紧急的照样升级;"
        f"安静 {_time(one.chatter_calm).zh}后恢复。",
        f"A camera that raises {one.chatter_count} times within {_time(one.chatter_window).en} chatters: no sound, no notice, "
        f"every event stored, critical ones still go up; until it was calm for {_time(one.chatter_calm).en}.",
    )
    flood = Saying(
        f"一名值班员 {_time(one.flood_window).zh}内新警情超过 {one.flood_in} 件进入警情潮,少于 {one.flood_out} 件时结束。",
        f"More than {one.flood_in} new incidents within {_time(one.flood_window).en} for an officer are a flood, until there "
        f"are fewer than {one.flood_out}.",
    )
    return Meaning(Saying("减少打扰", "Fatigue"), (chatter, flood))


def _supervision(rules: Rules) -> Meaning:
    one = rules.supervision
    silence = Saying(
        f"按钮、网关 {_time(one.button_silence).zh}无声算离线,探头 {_time(one.camera_silence).zh};"
        "登记了自己节奏的设备为其一倍半。",
        f"Buttons and gateways are offline after {_time(one.button_silence).en} of silence, cameras after "
        f"{_time(one.camera_silence).en}; a device with a rhythm of its own after one and a half of it.",
    )
    outage = Saying(
        f"离线后最多再等{_time(one.settle).zh}才立警情;同一网关、网格或站点{_time(one.outage_within).zh}内先后离线 "
        f"{one.outage_at_least} 台以上、且超过 {one.outage_share:.0%} 的,是一次断线。",
        f"Its incident waits up to {_time(one.settle).en} for others; {one.outage_at_least} or more of one gateway, grid or "
        f"site, and over {one.outage_share:.0%} of it, silent within {_time(one.outage_within).en}, are one outage.",
    )
    hands = Saying(
        f"电量低于 {one.battery_low:g}% 提醒,高于 {one.battery_ok:g}% 结束;时钟差{_time(one.clock_skew).zh}以上提醒;"
        f"{one.prove_every_days:g} 天没有走通过一次的设备算未验证。",
        f"A battery below {one.battery_low:g}% is told until it is above {one.battery_ok:g}%, and a clock that is "
        f"{_time(one.clock_skew).en} off; a device is unproven after {one.prove_every_days:g} days without proof.",
    )
    return Meaning(Saying("设备看护", "Supervision"), (silence, outage, hands))


def _unusual(rules: Rules) -> Meaning:
    one = rules.unusual
    said = (
        Saying(
            f"探头某小时的事件数比前 {one.weeks} 周同一小时高出 {one.above:g} 个稳健标准差,或连续 {one.silent_hours} 小时"
            f"没有事件而往常至少 {one.least_usual} 件,静静列出;已知不足 {one.least_weeks} 周的不说。",
            f"A camera's hour that is {one.above:g} robust deviations over that hour of {one.weeks} weeks, or "
            f"{one.silent_hours} hours without an event where {one.least_usual} were usual, is a quiet item; never with "
            f"less than {one.least_weeks} weeks known.",
        )
        if one.enabled
        else Saying("不看习惯。", "Habits are not watched.")
    )
    return Meaning(Saying("异常", "Unusual"), (said,))


def _title(kind: str) -> Saying:
    return Saying(f"{_name(kind)}({kind})", kind)


def _name(kind: str) -> str:
    return KIND_NAMES.get(kind) or STORED_NAMES.get(kind, kind)


def _time(seconds: float) -> Saying:
    """A time as people say it: in hours or minutes where it is a whole number of them."""
    for size, zh, en in ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute")):
        count = seconds / size
        if count >= (1 if size > 60 else 2) and count == int(count):
            return Saying(f"{count:g}{zh}", f"{count:g} {en}{'' if count == 1 else 's'}")
    return Saying(f"{seconds:g}秒", f"{seconds:g} seconds")
