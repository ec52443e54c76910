"""Whether every tier that incidents may go up to can be reached, site by site. Pure.

A tier is reached if somebody has a post there, or, where nobody has one, by role: officers, leads and admins stand for the
grids, leads and admins for community and district. A policy that names its means needs those channels, too.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from alerts.faults import fault
from alerts.rules import Rules
from store.duty import Post
from store.notices import ALL_MEANS
from store.people import Role
from store.records import TIERS, Incident, Tier

KEY = "reach"
TIER_NAMES: Mapping[Tier, str] = {"grid": "网格", "community": "社区", "district": "区"}
_STAND_FOR: Mapping[Tier, frozenset[Role]] = {
    "grid": frozenset({"officer", "lead", "admin"}),
    "community": frozenset({"lead", "admin"}),
    "district": frozenset({"lead", "admin"}),
}


class Reachable(msgspec.Struct, frozen=True, kw_only=True):
    """What a site has to be reached by: its posts, the roles of its people, and the names of its channels by tier."""

    site: str
    posts: Sequence[Post] = ()
    roles: Collection[Role] = ()
    channels: Mapping[str, Tier] = {}


class Gap(msgspec.Struct, frozen=True, order=True):
    """A tier that can't be reached: nobody is there (`channel` None), or a channel that a policy names is not."""

    rank: int
    channel: str | None

    @property
    def tier(self) -> Tier:
        """Which tier it is."""
        return TIERS[self.rank]


def asked_for(rules: Rules, site: str) -> dict[Tier, frozenset[str]]:
    """The tiers that some policy of a site goes up to, each with the channels that are named for it."""
    found: dict[Tier, set[str]] = {}
    for policy in rules.escalation:
        if policy.sites is None or site in policy.sites:
            for step in policy.step:
                found.setdefault(step.tier, set()).update(set(step.means) - set(ALL_MEANS))
    return {tier: frozenset(means) for tier, means in found.items()}


def gaps(rules: Rules, has: Reachable) -> tuple[Gap, ...]:
    """What is missing at a site, the lowest tier first."""
    found: list[Gap] = []
    for tier, means in asked_for(rules, has.site).items():
        rank = TIERS.index(tier)
        if not any(post.tier == tier for post in has.posts) and not _STAND_FOR[tier] & set(has.roles):
            found.append(Gap(rank, None))
        found += [Gap(rank, name) for name in sorted(means) if has.channels.get(name) != tier]
    return tuple(sorted(found, key=lambda gap: (gap.rank, gap.channel or "")))


def title(found: Sequence[Gap]) -> str:
    """What the incident of a site's gaps is called: which tiers, and what is missing there."""
    return "联络不通 · " + ";".join(_named(gap) for gap in found)


def advice(site: str, found: Sequence[Gap]) -> str:
    """What to do about them."""
    return "。".join(dict.fromkeys(_advised(site, gap) for gap in found)) + "。补齐后本警情自动解除。"


def opening(site: str, found: Sequence[Gap], now: datetime) -> Incident:
    """The one incident of a site's gaps."""
    return fault(site, KEY, title(found), now, priority="medium")


def _named(gap: Gap) -> str:
    where = TIER_NAMES[gap.tier]
    return f"{where}层级无人可通知" if gap.channel is None else f"{where}层级缺少通知渠道 {gap.channel}"


def _advised(site: str, gap: Gap) -> str:
    where = TIER_NAMES[gap.tier]
    if gap.channel is not None:
        return f"请为{where}层级添加渠道 {gap.channel}(skynet channels add),或修改规则文件中的 means"
    if gap.tier == "grid":
        return f"请为网格安排人员:skynet posts add {site} 用户名 --tier grid --grid 网格"
    return f"请为{where}层级安排人员:skynet posts add {site} 用户名 --tier {gap.tier},或增加一名负责人(lead)"
