"""The rules as a checked file: which events open incidents, by kind, place and hour. Pure but for reading the file.

The first rule that fits decides. `Rules.opens` holds the kinds that some rule opens, so that the bulk of events (persons,
vehicles, motion) costs one look into a set. docs/rules.md explains every field.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, time
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from alerts.rules_figures import Fatigue, Grouping, Seconds, Supervision, Unusual, figure_faults
from alerts.saying import Saying
from store.records import TIERS, Priority, Tier

DEFAULT = Path(__file__).with_name("rules.toml")

OWN_KINDS = frozenset({"press", "offline", "fault", "unusual"})
"""What opens by itself, and no rule can change."""

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


class RulesError(Exception):
    """A rules file can't be used; the message names the place and says what is expected there."""


class IncidentRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Events of these kinds open an incident, where (`sites`, `grids`) and when (`hours`, the site's time) it fits.

    `hours` is "HH:MM-HH:MM", the end not included; one that ends before it begins goes over midnight. `priority` "none"
    means: stored only, though a later rule might fit. A rule for a grid is one for the grids that lie in it, too.
    """

    kinds: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    priority: str
    sites: tuple[str, ...] | None = None
    grids: tuple[str, ...] | None = None
    hours: str | None = None
    answer_within: Seconds | None = None
    join_within: Seconds = 600.0

    def fits(self, kind: str, site: str, grids: Collection[str], local: time) -> bool:
        """Whether this rule decides for such an event; `grids` are the device's grid and those it lies in."""
        return (
            kind in self.kinds
            and (self.sites is None or site in self.sites)
            and (self.grids is None or any(grid in self.grids for grid in grids))
            and (self.hours is None or _within(self.hours, local))
        )


class PressRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How soon a press should be acknowledged, and shown by a console, in seconds. That it is critical is no rule's matter."""

    answer_within: Seconds = 30.0
    shown_within: Seconds = 10.0


class EscalationStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Once an incident waited for `after` seconds without an owner it goes to `tier`, and `means` tell that tier.

    `means` are names of channels (`skynet channels`); "*" is every channel of the tier.
    """

    after: Annotated[float, msgspec.Meta(ge=0, le=30 * 86_400)]
    tier: Tier
    means: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("*",)


class EscalationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told after how long, for incidents of these kinds, priorities and sites; None fits all.

    `lease`: seconds that an owner's claim lasts without progress (dispatch, note, arrive).
    """

    step: tuple[EscalationStep, ...] = ()
    kinds: tuple[str, ...] | None = None
    priorities: tuple[Priority, ...] | None = None
    sites: tuple[str, ...] | None = None
    lease: Seconds = 1800.0

    def fits(self, kind: str, priority: Priority, site: str) -> bool:
        """Whether this policy is the one for such an incident."""
        return (
            (self.kinds is None or kind in self.kinds)
            and (self.priorities is None or priority in self.priorities)
            and (self.sites is None or site in self.sites)
        )


NO_ESCALATION = EscalationPolicy()


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A whole rules file."""

    press: PressRule = PressRule()
    supervision: Supervision = Supervision()
    grouping: Grouping = Grouping()
    fatigue: Fatigue = Fatigue()
    unusual: Unusual = Unusual()
    escalation: tuple[EscalationPolicy, ...] = ()
    incident: tuple[IncidentRule, ...] = ()

    def policy(self, kind: str, priority: Priority, site: str) -> EscalationPolicy:
        """The escalation of such an incident: the first that fits; one that fits none never goes up by itself."""
        return next((one for one in self.escalation if one.fits(kind, priority, site)), NO_ESCALATION)

    @property
    def opens(self) -> frozenset[str]:
        """Every kind that may open an incident: of all others nothing more need be asked."""
        known: frozenset[str] | None = self.__dict__.get("_opens")
        if known is None:
            known = self.__dict__["_opens"] = frozenset(
                kind for rule in self.incident if rule.priority != "none" for kind in rule.kinds
            )
        return known

    def deciding(
        self, kind: str, site: str, grids: Collection[str], at: datetime, zone: ZoneInfo
    ) -> IncidentRule | None:
        """The rule that decides for an event, None when it is only stored."""
        local = at.astimezone(zone).time()
        for rule in self.incident:
            if rule.fits(kind, site, grids, local):
                return None if rule.priority == "none" else rule
        return None


PRIORITIES: Mapping[str, Priority] = {"critical": "critical", "high": "high", "medium": "medium", "low": "low"}


@cache
def _ends(hours: str) -> tuple[time, time]:
    start, end = hours.split("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def _within(hours: str, local: time) -> bool:
    start, end = _ends(hours)
    return start <= local < end if start < end else local >= start or local < end


def parse(text: str, *, name: str = "rules") -> Rules:
    """Read rules from TOML text; `name` is what errors call the file.

    Raises RulesError.
    """
    try:
        rules = msgspec.convert(tomllib.loads(text), Rules)
    except tomllib.TOMLDecodeError as exc:
        raise RulesError(f"{name} is not TOML: {exc}") from exc
    except msgspec.ValidationError as exc:
        raise RulesError(f"{name}: {_counted(str(exc))}; docs/rules.md lists the fields") from exc
    for where, said in faults(rules):
        raise RulesError(f"{name}, {where.en}: {said.en}")
    return rules


def faults(rules: Rules) -> Iterator[tuple[Saying, Saying]]:
    """What is wrong with rules whose fields are all of the right form: where, and what to write instead."""
    for number, rule in enumerate(rules.incident, start=1):
        where = place_of("incident", number, ", ".join(rule.kinds))
        yield from ((where, said) for said in rule_faults(rule))
    for number, policy in enumerate(rules.escalation, start=1):
        yield from ((place_of("escalation", number), said) for said in policy_faults(policy))
    for name, part in (("fatigue", rules.fatigue), ("supervision", rules.supervision), ("unusual", rules.unusual)):
        yield from ((Saying(f"[{name}]", name), said) for said in figure_faults(part))


def place_of(section: str, number: int, of: str = "") -> Saying:
    """Where a rule stands in its file, counted from 1."""
    zh = {"incident": "警情规则", "escalation": "升级规则"}[section]
    return Saying(f"{zh} {number}" + (f"({of})" if of else ""), f"{section} rule {number}" + (f" ({of})" if of else ""))


def _counted(said: str) -> str:
    """Msgspec counts from 0 and writes `$.incident[2].hours`; people count from 1."""
    return re.sub(
        r"`\$\.(incident|escalation)\[(\d+)\]\.?(\w*)[^`]*`",
        lambda at: f"{at[1]} rule {int(at[2]) + 1} {at[3]}".strip(),
        said,
    )


def policy_faults(policy: EscalationPolicy) -> Iterator[Saying]:
    """What is wrong with an escalation policy beyond the form of its fields."""
    for before, after in pairwise(policy.step):
        if after.after <= before.after:
            yield Saying(
                f"{after.after:g} 秒的一步排在 {before.after:g} 秒之后;请按时间先后排列",
                f"step after {after.after:g} s stands behind {before.after:g} s; order them by time",
            )
        if TIERS.index(after.tier) < TIERS.index(before.tier):
            yield Saying(
                f"{after.tier} 排在 {before.tier} 之后;升级只能往上走",
                f"{after.tier} stands behind {before.tier}; an escalation only goes up",
            )


def rule_faults(rule: IncidentRule) -> Iterator[Saying]:
    """What is wrong with an incident rule beyond the form of its fields."""
    if rule.priority not in (*PRIORITIES, "none"):
        yield Saying(
            f"priority 是 {rule.priority!r};请写 critical、high、medium、low 或 none",
            f"priority is {rule.priority!r}; write critical, high, medium, low or none",
        )
    if rule.hours is not None and _HOURS.fullmatch(rule.hours) is None:
        yield Saying(
            f'hours 是 {rule.hours!r};请写成 "22:00-06:00" 的样子',
            f'hours is {rule.hours!r}; write it as "22:00-06:00"',
        )
    for kind in rule.kinds:
        if kind in OWN_KINDS:
            yield Saying(
                f"{kind} 总是自行立警情,规则改不了;请从 kinds 里去掉",
                f"a {kind} opens by itself and no rule changes that; take it out of kinds",
            )
        elif _KIND.fullmatch(kind) is None:
            yield Saying(
                f"{kind!r} 不是事件类型;类型是一个小写英文词,如 video-loss",
                f"{kind!r} is no kind; a kind is one lower-case word, such as video-loss",
            )


def load_rules(path: Path | None = None) -> Rules:
    """The rules of a file, or the ones that come with the program.

    Raises RulesError, also when the file can't be read.
    """
    source = path or DEFAULT
    try:
        text = source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise RulesError(f"the rules file {source} can't be read ({exc}); check SKYNET_RULES_FILE") from exc
    return parse(text, name=source.name)
