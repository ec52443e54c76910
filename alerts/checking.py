"""What is wrong with rules that could be read: unknown names, rules that never decide, steps that come too late. Pure.

A fault names something that is not there, so that somebody would not be called; a remark is about rules that work, though
probably not as they were meant.
"""

import difflib
from collections.abc import Iterable, Iterator
from functools import cache

import msgspec

from alerts.openings import KIND_NAMES
from alerts.rules import OWN_KINDS, PRIORITIES, EscalationPolicy, IncidentRule, Rules, place_of
from alerts.rules_reading import Finding
from alerts.saying import Saying
from devices.registry import Registry
from store.records import Priority

KNOWN_KINDS = (
    "intrusion", "loitering", "crowd", "fall", "fire", "smoke", "water", "noise", "tamper", "video-loss", "person",
    "vehicle", "motion",
)  # fmt: skip
DAY = (1 << 1440) - 1
ANY = "*"


class System(msgspec.Struct, frozen=True):
    """What the running system knows: its registry, and its channels as (site, channel, tier)."""

    registry: Registry
    channels: frozenset[tuple[str, str, str]] = frozenset()


def faults(rules: Rules, system: System) -> list[Finding]:
    """Sites, grids and channels that a rule names and the running system does not know."""
    found: list[Finding] = []
    for number, rule in enumerate(rules.incident, start=1):
        where = place_of("incident", number, ", ".join(rule.kinds))
        found += _unknown_sites(rule.sites, where, system)
        found += _unknown_grids(rule, where, system)
    for number, policy in enumerate(rules.escalation, start=1):
        where = place_of("escalation", number)
        found += _unknown_sites(policy.sites, where, system)
        found += _unknown_channels(policy, where, system)
    return found


def remarks(rules: Rules, system: System | None = None) -> list[Finding]:
    """What works and is probably not meant so."""
    return [
        *_shadowed_rules(rules, system.registry if system else None),
        *_shadowed_policies(rules),
        *_strange_kinds(rules),
        *_unreached(rules),
        *_late(rules),
        *_never_up(rules),
        *_odd_figures(rules),
    ]


def _unknown_sites(sites: Iterable[str] | None, where: Saying, system: System) -> Iterator[Finding]:
    for site in sites or ():
        if site not in system.registry.sites:
            near = _near(site, system.registry.sites)
            yield Finding(where, Saying(f"没有站点 {site}{near.zh}", f"there is no site {site}{near.en}"))


def _unknown_grids(rule: IncidentRule, where: Saying, system: System) -> Iterator[Finding]:
    known = {grid for site, grid in system.registry.grids if rule.sites is None or site in rule.sites}
    for grid in rule.grids or ():
        if grid not in known:
            near = _near(grid, known)
            yield Finding(where, Saying(f"没有网格 {grid}{near.zh}", f"there is no grid {grid}{near.en}"))


def _unknown_channels(policy: EscalationPolicy, where: Saying, system: System) -> Iterator[Finding]:
    for step in policy.step:
        known = {
            channel
            for site, channel, tier in system.channels
            if tier == step.tier and (policy.sites is None or site in policy.sites)
        }
        for name in step.means:
            if name not in {ANY, *known}:
                near = _near(name, known)
                yield Finding(
                    where,
                    Saying(f"{step.tier} 没有渠道 {name}{near.zh}", f"{step.tier} has no channel {name}{near.en}"),
                )


def _near(name: str, known: Iterable[str]) -> Saying:
    near = difflib.get_close_matches(name, sorted(known), 1)
    return Saying(f",是不是 {near[0]}?", f"; is it {near[0]}?") if near else Saying("", "")


@cache
def minutes(hours: str | None) -> int:
    """The minutes of a day that `hours` holds, as bits."""
    if hours is None:
        return DAY
    start, end = (int(one[:2]) * 60 + int(one[3:]) for one in hours.split("-"))
    if start < end:
        return (1 << end) - (1 << start)
    return DAY & ~((1 << start) - (1 << end))


def _shadowed_rules(rules: Rules, registry: Registry | None) -> Iterator[Finding]:
    for number, rule in enumerate(rules.incident, start=1):
        where = place_of("incident", number, ", ".join(rule.kinds))
        dead = [kind for kind in rule.kinds if _never_decides(rule, kind, rules.incident[: number - 1], registry)]
        if len(dead) == len(rule.kinds):
            yield Finding(
                where,
                Saying(
                    "永远轮不到:前面的规则已先决定了它的全部情形", "never decides: rules before it take all its cases"
                ),
            )
        elif dead:
            kinds = ", ".join(dead)
            yield Finding(where, Saying(f"对 {kinds} 永远轮不到", f"never decides for {kinds}: rules before it do"))


def _never_decides(rule: IncidentRule, kind: str, before: tuple[IncidentRule, ...], registry: Registry | None) -> bool:
    """Whether at each of its places the rules before it take every minute in which it would fit."""
    earlier = [one for one in before if kind in one.kinds]
    for site in rule.sites or (ANY,):
        for grid in rule.grids or (ANY,):
            taken = 0
            for one in earlier:
                if _holds_site(one.sites, site) and _holds_grid(one.grids, site, grid, registry):
                    taken |= minutes(one.hours)
            if minutes(rule.hours) & ~taken:
                return False
    return True


def _holds_site(sites: tuple[str, ...] | None, site: str) -> bool:
    return sites is None or site in sites


def _holds_grid(grids: tuple[str, ...] | None, site: str, grid: str, registry: Registry | None) -> bool:
    """Whether a rule for `grids` fits every device of `grid`; with a registry, grids that lie in them count."""
    if grids is None or grid in grids:
        return True
    if registry is None or site == ANY:
        return False
    seen: set[str] = set()
    above: str | None = grid
    while above is not None and above not in seen:
        if above in grids:
            return True
        seen.add(above)
        known = registry.grids.get((site, above))
        above = known.parent if known else None
    return False


def _shadowed_policies(rules: Rules) -> Iterator[Finding]:
    for number, policy in enumerate(rules.escalation, start=1):
        before = rules.escalation[: number - 1]
        cases = [
            (kind, priority, site)
            for kind in policy.kinds or (ANY,)
            for priority in policy.priorities or tuple(PRIORITIES.values())
            for site in policy.sites or (ANY,)
        ]
        if all(any(_takes(one, *case) for one in before) for case in cases):
            yield Finding(
                place_of("escalation", number),
                Saying(
                    "永远轮不到:前面的规则已先决定了它的全部情形", "never decides: rules before it take all its cases"
                ),
            )


def _takes(policy: EscalationPolicy, kind: str, priority: str, site: str) -> bool:
    return (
        (policy.kinds is None or kind in policy.kinds)
        and (policy.priorities is None or priority in policy.priorities)
        and (policy.sites is None or site in policy.sites)
    )


def _strange_kinds(rules: Rules) -> Iterator[Finding]:
    """Words that no device of ours says: allowed, and mostly slips of the pen."""
    named: dict[str, Saying] = {}
    for number, rule in enumerate(rules.incident, start=1):
        for kind in rule.kinds:
            named.setdefault(kind, place_of("incident", number, ", ".join(rule.kinds)))
    for number, policy in enumerate(rules.escalation, start=1):
        for kind in policy.kinds or ():
            named.setdefault(kind, place_of("escalation", number))
    for family in rules.grouping.families:
        for kind in family:
            named.setdefault(kind, Saying("[grouping]", "[grouping]"))
    for kind, where in named.items():
        if kind not in KNOWN_KINDS and kind not in OWN_KINDS:
            near = _near(kind, KNOWN_KINDS)
            yield Finding(
                where,
                Saying(f"{kind} 不是协议里的事件类型{near.zh}", f"{kind} is no kind of the protocol{near.en}"),
            )


def _unreached(rules: Rules) -> Iterator[Finding]:
    """Kinds and priorities that a part of the file speaks of, and that no rule ever opens."""
    opened = rules.opens | OWN_KINDS
    for kind in sorted({kind for rule in rules.incident for kind in rule.kinds} - opened):
        yield Finding(
            Saying("", ""), Saying(f"{_name(kind)}只存储:没有规则会立警情", f"{kind} is only stored: no rule opens it")
        )
    for number, policy in enumerate(rules.escalation, start=1):
        lost = [kind for kind in policy.kinds or () if kind not in opened]
        if lost:
            kinds = ", ".join(lost)
            yield Finding(
                place_of("escalation", number),
                Saying(f"没有规则会立 {kinds} 的警情", f"no rule opens an incident of {kinds}"),
            )
    for family in rules.grouping.families:
        if len(family) < 2 or not any(kind in opened for kind in family):
            names = ", ".join(family)
            yield Finding(
                Saying("[grouping]", "[grouping]"),
                Saying(f"families 中的一组({names})不起作用", f"a family does nothing: {names}"),
            )


def _late(rules: Rules) -> Iterator[Finding]:
    """Deadlines that lie behind the moment at which the tier above is told anyway."""
    for where, kind, priority, sites, within in _answers(rules):
        for site in sites or (ANY,):
            first = next((one.after for one in rules.policy(kind, priority, site).step if one.after > 0), None)
            if within is not None and first is not None and first < within:
                yield Finding(
                    where,
                    Saying(
                        f"{_name(kind)}应在 {within:g} 秒内认领,可是 {first:g} 秒就已升级",
                        f"{kind} is to be answered within {within:g} s, and goes up after {first:g} s already",
                    ),
                )
    first = next((one.after for one in rules.policy("press", "critical", ANY).step), None)
    if first is not None and rules.press.shown_within >= first:
        yield Finding(
            Saying("[press]", "[press]"),
            Saying(
                f"shown_within({rules.press.shown_within:g} 秒)不早于第一次升级({first:g} 秒),不起作用",
                f"shown_within ({rules.press.shown_within:g} s) is no earlier than the first step ({first:g} s)",
            ),
        )


def _answers(rules: Rules) -> Iterator[tuple[Saying, str, Priority, tuple[str, ...] | None, float | None]]:
    yield Saying("[press]", "[press]"), "press", "critical", None, rules.press.answer_within
    for number, rule in enumerate(rules.incident, start=1):
        if rule.priority != "none":
            where = place_of("incident", number, ", ".join(rule.kinds))
            for kind in rule.kinds:
                yield where, kind, PRIORITIES[rule.priority], rule.sites, rule.answer_within


def _never_up(rules: Rules) -> Iterator[Finding]:
    """Critical incidents that wait for ever when nobody comes."""
    for where, kind, priority, sites, _within in _answers(rules):
        if priority == "critical" and any(not rules.policy(kind, priority, site).step for site in sites or (ANY,)):
            yield Finding(
                where,
                Saying(
                    f"{_name(kind)}是紧急警情,却没有升级:没人认领时谁也不会知道",
                    f"{kind} is critical and never goes up: when nobody takes it nobody is told",
                ),
            )


def _odd_figures(rules: Rules) -> Iterator[Finding]:
    for number, rule in enumerate(rules.incident, start=1):
        if rule.hours is not None and rule.hours[:5] == rule.hours[6:]:
            yield Finding(
                place_of("incident", number, ", ".join(rule.kinds)),
                Saying(f"hours 是 {rule.hours},也就是全天", f"hours is {rule.hours}, which is the whole day"),
            )
    for number, policy in enumerate(rules.escalation, start=1):
        if policy.lease < 60:
            yield Finding(
                place_of("escalation", number),
                Saying(
                    f"认领只保留 {policy.lease:g} 秒,人还没动身就被放回",
                    f"a claim lasts {policy.lease:g} s: it lapses before anybody can set out",
                ),
            )
    supervision = rules.supervision
    for name, silence in (
        ("button_silence", supervision.button_silence),
        ("camera_silence", supervision.camera_silence),
    ):
        if silence <= supervision.expected_every:
            yield Finding(
                Saying("[supervision]", "[supervision]"),
                Saying(
                    f"{name}({silence:g} 秒)不大于 expected_every({supervision.expected_every:g} 秒):好的设备也会被当作离线",
                    f"{name} ({silence:g} s) is not above expected_every ({supervision.expected_every:g} s): "
                    "devices in order would count as offline",
                ),
            )


def _name(kind: str) -> str:
    return KIND_NAMES.get(kind, kind)
