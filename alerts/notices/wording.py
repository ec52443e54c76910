"""The words of a notice, short and in Chinese; nothing of a resident is in them, and no words that people wrote. Pure.

What a button is called may be whose it is, so a place is its address, its grid or its site.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from alerts.openings import CHINA, KIND_NAMES
from store.notices import Why
from store.records import Incident, Outcome, Priority, Tier

OURS = "微天网"  # in each message: a keyword that robots may ask for
PRIORITY_NAMES: dict[Priority, str] = {"critical": "紧急", "high": "高", "medium": "中", "low": "低"}
TIER_NAMES: dict[Tier, str] = {"grid": "网格", "community": "社区", "district": "区域党委"}
OUTCOME_NAMES: dict[Outcome, str] = {"real": "属实", "false": "误报", "test": "测试", "drill": "演练"}
_WHY_NAMES: dict[Why, str] = {
    "open": "新警情",
    "escalate": "升级",
    "dispatch": "派单",
    "resolve": "已处置",
    "flood": "警情激增",
}
DRILL = "【演练】"
_NEWEST = 10  # lines of a digest


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A notice with all that its words need."""

    why: Why
    priority: Priority
    tier: Tier | None
    created_at: datetime
    site_name: str
    timezone: str
    grid_name: str | None
    facts: Mapping[str, Any]
    incident: Incident | None


class Text(msgspec.Struct, frozen=True):
    """A message: its title, and the rest."""

    title: str
    body: str

    @property
    def whole(self) -> str:
        """Both in one, for services that know no titles."""
        return f"{self.title}\n{self.body}"


def single(told: Told, console: str | None, now: datetime) -> Text:
    """The message of one notice."""
    lines = [f"{told.site_name} · {_matter(told)}"]
    incident = told.incident
    if incident is None:
        lines += _flood(told)
    elif told.why == "resolve":
        by = f",{incident.owner}" if incident.owner else ""
        lines.append(f"结果:{OUTCOME_NAMES[incident.outcome] if incident.outcome else '未注明'}{by}")
    else:
        lines.append(f"{_has_it(incident)},已等待{lasting(now - incident.opened_at)}")
    if incident is not None and incident.count > 1 and told.why != "resolve":
        lines.append(f"已重复{incident.count}次")
    if (link := _link(told, console)) is not None:
        lines.append(link)
    lines.append(OURS)
    return Text(title(told), "\n".join(lines))


def title(told: Told) -> str:
    """【演练】【紧急】what · where."""
    drill = DRILL if told.incident is not None and told.incident.drill else ""
    return f"{drill}【{PRIORITY_NAMES[told.priority]}】{_headline(told)}"


def _headline(told: Told) -> str:
    incident = told.incident
    if incident is None:
        return _WHY_NAMES[told.why]
    if incident.device is None or incident.address is not None:
        return incident.title
    return f"{KIND_NAMES.get(incident.kind, incident.kind)} · {told.grid_name or told.site_name}"


def _matter(told: Told) -> str:
    where = f"{told.grid_name} · " if told.grid_name else ""
    if told.why == "escalate" and told.tier is not None:
        return f"{where}升级至{TIER_NAMES[told.tier]}"
    if told.why == "dispatch":
        return f"{where}派你前往"
    tier = f" · {TIER_NAMES[told.tier]}" if told.tier is not None else ""
    return f"{where}{_WHY_NAMES[told.why]}{tier}"


def _has_it(incident: Incident) -> str:
    if incident.owner is None:
        return "无人认领"
    sent = f",已派{incident.dispatched_to}" if incident.dispatched_to else ""
    return f"由{incident.owner}处置{sent}"


def _flood(told: Told) -> list[str]:
    count, name = told.facts.get("count"), told.facts.get("name")
    said = f"{name}的" if isinstance(name, str) else ""
    return [f"{said}新警情{count}起" if isinstance(count, int) else f"{said}新警情超过一人能处置的数量"]


def _link(told: Told, console: str | None) -> str | None:
    link = told.facts.get("link")
    if isinstance(link, str):
        return link
    if console is None:
        return None
    return console if told.incident is None else f"{console}/?incident={told.incident.id}"


def lasting(time: timedelta) -> str:
    """How long, in words: 45秒, 1分05秒, 2小时03分."""
    seconds = max(0, int(time.total_seconds()))
    if seconds < 60:
        return f"{seconds}秒"
    if seconds < 3600:
        return f"{seconds // 60}分{seconds % 60:02d}秒"
    return f"{seconds // 3600}小时{seconds % 3600 // 60:02d}分"


def digest(all_told: Sequence[Told], console: str | None, limit: int) -> Text:
    """One message of many notices: how many of what, and the newest; within `limit` bytes, the older lines go first."""
    kinds = Counter(_WHY_NAMES[told.why] for told in all_told)
    drills = sum(told.incident is not None and told.incident.drill for told in all_told)
    counts = "、".join(f"{name}{count}条" for name, count in kinds.most_common())
    heading = f"{DRILL if drills == len(all_told) else ''}【汇总】{len(all_told)}条通知 · {all_told[-1].site_name}"
    newest = [_line(told) for told in reversed(sorted(all_told, key=lambda told: told.created_at)[-_NEWEST:])]
    while True:
        older = len(all_told) - len(newest)
        lines = [counts, *newest, *([f"另有{older}条"] if older else []), *([console] if console else []), OURS]
        text = Text(heading, "\n".join(lines))
        if len(text.whole.encode()) <= limit or not newest:
            return text
        newest.pop()


def _line(told: Told) -> str:
    at = told.created_at.astimezone(_zone(told.timezone))
    return f"{at:%H:%M} {title(told)} · {_WHY_NAMES[told.why]}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name, a folder's name
        return ZoneInfo(CHINA)


def cut(text: str, limit: int) -> str:
    """The text within so many bytes of UTF-8, ended by … where it was cut."""
    if len(text.encode()) <= limit:
        return text
    return text.encode()[: limit - len("…".encode())].decode(errors="ignore") + "…"


def trial(site_name: str, channel: str) -> Text:
    """A message that proves a channel."""
    return Text(f"【测试】{site_name}", f"通道 {channel} 的测试消息,无需处置\n{OURS}")
