"""The rules as a checked file: which events open incidents, by kind, place and hour. Pure but for reading the file.

The first rule that fits decides. `Rules.opens` holds the kinds that some rule opens, so that the bulk of events (persons,
vehicles, motion) costs one look into a set. docs/rules.md explains every field.
"""

import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from store.records import Priority

DEFAULT = Path(__file__).with_name("rules.toml")

OWN_KINDS = frozenset({"press", "offline", "fault"})
"""What opens by itself, and no rule can change."""

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")

Seconds = Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)]


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
    """How soon a press should be acknowledged, in seconds. That it is critical is no rule's matter."""

    answer_within: Seconds = 30.0


class Supervision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a device's silence counts, in seconds (EN 50136 DP4: 90 s; GB/T 28181: 3 × 60 s), and when many are one."""

    button_silence: Seconds = 90.0
    camera_silence: Seconds = 180.0
    expected_every: Seconds = 30.0
    settle: Seconds = 30.0
    outage_at_least: Annotated[int, msgspec.Meta(ge=2)] = 5


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """A whole rules file."""

    press: PressRule = PressRule()
    supervision: Supervision = Supervision()
    incident: tuple[IncidentRule, ...] = ()

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
    for number, rule in enumerate(rules.incident, start=1):
        _check(rule, f"{name}, incident rule {number} ({', '.join(rule.kinds)})")
    return rules


def _counted(said: str) -> str:
    """Msgspec counts from 0 and writes `$.incident[2].hours`; people count from 1."""
    return re.sub(
        r"`\$\.incident\[(\d+)\]\.?(\w*)[^`]*`", lambda at: f"incident rule {int(at[1]) + 1} {at[2]}".strip(), said
    )


def _check(rule: IncidentRule, where: str) -> None:
    if rule.priority not in (*PRIORITIES, "none"):
        raise RulesError(f"{where}: priority is {rule.priority!r}; write critical, high, medium, low or none")
    if rule.hours is not None and _HOURS.fullmatch(rule.hours) is None:
        raise RulesError(f'{where}: hours is {rule.hours!r}; write it as "22:00-06:00"')
    for kind in rule.kinds:
        if kind in OWN_KINDS:
            raise RulesError(f"{where}: a {kind} opens by itself and no rule changes that; take it out of kinds")
        if _KIND.fullmatch(kind) is None:
            raise RulesError(f"{where}: {kind!r} is no kind; a kind is one lower-case word, such as video-loss")


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
