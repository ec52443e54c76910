"""What follows from an alarm or event that was just stored: the incident it opens or joins, and the change that tells it. Pure.

Nothing here reads the database: the store opens or joins in one statement, and these functions say what with.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from alerts import timing
from alerts.rules import PRIORITIES, Rules
from alerts.windows import Windows, in_force
from devices.messages import Alarm, Event
from devices.registry import Device, Registry
from devices.scenes import scenes
from store.notices import Notice
from store.records import CameraView, Change, Incident, Purpose, Quiet

CANCEL_WITHIN = timedelta(seconds=15)
ANSWER_WITHIN = timedelta(seconds=30)  # of a press whose rule could not be asked
CHINA = "Asia/Shanghai"
MOST_CAMERAS = 8  # of those that see a place; a person looks at four at most

KIND_NAMES = {
    "press": "一键报警",
    "intrusion": "入侵",
    "loitering": "徘徊",
    "crowd": "人群聚集",
    "fall": "跌倒",
    "fire": "火情",
    "smoke": "烟雾",
    "water": "积水",
    "noise": "异常声响",
    "tamper": "设备被动",
    "video-loss": "画面丢失",
    "offline": "离线",
    "fault": "故障",
    "unusual": "异常",
}
"""What an incident's title begins with, for each kind; another kind stands for itself."""


def for_press(
    alarm: Alarm,
    device: Device | None,
    registry: Registry,
    rules: Rules,
    received_at: datetime,
    windows: Windows = (),
) -> Incident:
    """The incident of a press: always critical, one per button until it is resolved; in a drill it says so."""
    opening = bare_press(alarm, received_at)
    deadline = received_at + timedelta(seconds=rules.press.answer_within)
    if device is None:
        return timing.begun(msgspec.structs.replace(opening, deadline=deadline), rules)
    site = registry.sites.get(alarm.site)
    if site is not None and site.internal:  # for ever an exercise, and nobody's to answer
        return timing.begun(msgspec.structs.replace(opening, deadline=None, quiet="maintenance", drill=True), rules)
    drill = bool(windows) and _in_window(windows, "drill", device, registry, received_at)
    opening = msgspec.structs.replace(opening, title=_title("press", device), deadline=deadline, drill=drill)
    return timing.begun(_placed(opening, device, registry), rules)


def bare_press(alarm: Alarm, received_at: datetime) -> Incident:
    """The incident of a press of which nothing is known but that it happened: no rule and no registry can fail on it."""
    return Incident(
        site=alarm.site,
        join_key=f"press:{alarm.device}",
        kind="press",
        priority="critical",
        title=f"{KIND_NAMES['press']} · {alarm.device}",
        device=alarm.device,
        opened_at=received_at,
        updated_at=received_at,
        last_event_at=received_at,
        devices=(alarm.device,),
        deadline=received_at + ANSWER_WITHIN,
        clock_since=received_at,
    )


def taken_back(opening: Incident, cancelled_at: datetime, rules: Rules) -> Incident:
    """The opening of a press whose cancel came first: it is visible, and does not go up."""
    return _begun_anew(opening, rules, cancelled_at=cancelled_at, deadline=None)


def _begun_anew(opening: Incident, rules: Rules, **changed: Any) -> Incident:  # noqa: ANN401 - fields of the opening
    """The opening as if it had been so from the first; what came at once with it as it was is taken back."""
    return timing.begun(msgspec.structs.replace(opening, clock_since=None, escalated=0, tier="grid", **changed), rules)


def for_event(
    event: Event,
    registry: Registry,
    rules: Rules,
    received_at: datetime,
    windows: Windows = (),
) -> Incident | None:
    """The incident a camera's event opens or joins; None when it is stored only.

    The end of something opens nothing, nor does what a device says that nobody registered. Events of one place share a key.
    """
    if event.phase == "end" or event.kind not in rules.opens:
        return None
    device = registry.devices.get((event.site, event.device))
    if device is None or not device.registered:
        return None
    site = registry.sites.get(event.site)
    grids = grids_of(registry, device)
    rule = rules.deciding(event.kind, event.site, grids, received_at, zone_of(site.timezone if site else CHINA))
    if rule is None:
        return None
    within = rule.answer_within
    maintained = bool(windows) and _in_window(windows, "maintenance", device, registry, received_at)
    quiet: Quiet | None = "maintenance" if maintained else None
    opening = Incident(
        site=event.site,
        join_key=place_key(device, event.kind, registry, rules),
        kind=event.kind,
        priority=PRIORITIES[rule.priority],
        title=_title(event.kind, device),
        device=event.device,
        opened_at=received_at,
        updated_at=received_at,
        last_event_at=received_at,
        tracks=() if event.track is None else (f"{event.device}/{event.track}",),
        devices=(event.device,),
        deadline=None if within is None else received_at + timedelta(seconds=within),
        quiet=quiet,
        drill=bool(windows) and _in_window(windows, "drill", device, registry, received_at),
    )
    return timing.begun(_placed(opening, device, registry), rules)


def quietened(opening: Incident, rules: Rules) -> Incident:
    """The opening of a camera that chatters: it neither sounds nor sends notices."""
    return _begun_anew(opening, rules, quiet="chattering")


def notices_of(incident: Incident, rules: Rules) -> list[Notice]:
    """What its policy sends with an incident's opening."""
    return [
        Notice(
            site=incident.site,
            incident=incident.id,
            why="open",
            priority=incident.priority,
            tier=step.tier,
            means=step.means,
            created_at=incident.opened_at,
        )
        for step in timing.at_once(incident, rules)
    ]


def place_key(device: Device, kind: str, registry: Registry, rules: Rules) -> str:
    """What events of one place and one family of kinds join by."""
    scene = _scenes(registry, device.site, rules.grouping.within).get(device.device, device.device)
    return f"event:{scene}:{rules.grouping.family(kind)}"


@lru_cache(maxsize=64)
def _scenes(registry: Registry, site: str, within: float) -> Mapping[str, str]:
    cameras = [one for one in registry.devices.values() if one.site == site and one.kind == "camera"]
    return scenes(cameras, within)


def _in_window(windows: Windows, purpose: Purpose, device: Device, registry: Registry, at: datetime) -> bool:
    return in_force(windows, purpose, device.site, grids_of(registry, device), device.device, at)


def for_chatter(device: Device, registry: Registry, rules: Rules, received_at: datetime) -> Incident:
    """The one incident that says of a camera that it chatters: its sound is off from now on, its events are not."""
    fatigue = rules.fatigue
    opening = Incident(
        site=device.site,
        join_key=f"chatter:{device.device}",
        kind="fault",
        priority="low",
        title=f"频繁触发 · {device.address or device.name} · {fatigue.chatter_window:g}秒内{fatigue.chatter_count}次,已静音",
        device=device.device,
        devices=(device.device,),
        opened_at=received_at,
        updated_at=received_at,
        last_event_at=received_at,
    )
    return timing.begun(_placed(opening, device, registry), rules)


@cache
def zone_of(name: str) -> ZoneInfo:
    """A site's time zone; one that nobody knows costs no incident, it is taken as China's."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a name, a folder's name
        return ZoneInfo(CHINA)


def _title(kind: str, device: Device) -> str:
    return f"{KIND_NAMES.get(kind, kind)} · {device.address or device.name}"


def _placed(opening: Incident, device: Device, registry: Registry) -> Incident:
    """The opening with its device's place, its grid and the cameras that see it."""
    grids, cameras = _surroundings(registry, device)
    return msgspec.structs.replace(
        opening,
        grid=grids[0] if grids else None,
        lat=device.lat,
        lon=device.lon,
        address=device.address,
        cameras=cameras,
    )


@lru_cache(maxsize=2048)
def _surrounding(registry: Registry, site: str, name: str) -> tuple[tuple[str, ...], tuple[CameraView, ...]]:
    """Geometry costs a hundred times what the rest of an opening does, and a registry never changes: keep it."""
    device = registry.devices[site, name]
    views = [CameraView(name, 1.0)] if device.kind == "camera" else []  # it saw what it tells
    grid = device.grid
    if device.lat is not None and device.lon is not None:
        seeing = registry.cameras_seeing(site, device.lat, device.lon)
        views += [CameraView(other, round(score, 3)) for other, score in seeing if other != name]
        grid = grid or registry.grid_at(site, device.lat, device.lon)
    return registry.way_up(site, grid), tuple(views[:MOST_CAMERAS])


def grids_of(registry: Registry, device: Device) -> tuple[str, ...]:
    """The grid a device stands in and those that one lies in, the nearest first."""
    return _surroundings(registry, device)[0]


def _surroundings(registry: Registry, device: Device) -> tuple[tuple[str, ...], tuple[CameraView, ...]]:
    """The grid a device stands in and those that one lies in, and the cameras that see the place, nearest first."""
    if (device.site, device.device) not in registry.devices:
        return (), ()
    return _surrounding(registry, device.site, device.device)


def join_after(opening: Incident, rules: Rules) -> datetime | None:
    """An unresolved incident of the same key whose last event is older than this is not joined; None: always joined."""
    if opening.kind == "press":
        return None
    within = max((rule.join_within for rule in rules.incident if opening.kind in rule.kinds), default=None)
    return None if within is None else opening.last_event_at - timedelta(seconds=within)


def opened(incident: Incident) -> Change:
    """The change that tells of a new incident."""
    return Change(incident=incident, actor=_actor(incident), verb="open")


def repeated(incident: Incident, by: str | None = None) -> Change:
    """The change that tells that it happened again; `by` is the device that told it, where that may be another."""
    return Change(incident=incident, actor=_actor(incident, by), verb="repeat")


def _actor(incident: Incident, by: str | None = None) -> str:
    device = by or incident.device
    return "system" if device is None else f"device:{device}"


def cancel_counts(press_at: datetime, cancel_at: datetime) -> bool:
    """Whether a cancel is in time, by arrival; it may even have arrived before its press."""
    return abs(cancel_at - press_at) <= CANCEL_WITHIN


def cancelled_before(press_at: datetime, cancel_at: datetime | None) -> datetime | None:
    """When a press that arrives now was cancelled, if its cancel came first and in time."""
    return cancel_at if cancel_at is not None and cancel_counts(press_at, cancel_at) else None


def cancelled(incident: Incident, device: str, *, in_time: bool, standing: int, at: datetime) -> Change:
    """The change a cancel makes: the incident is cancelled when no press of it stands; a late one is only noted."""
    actor = f"device:{device}"
    if not in_time:
        return Change(incident=incident, actor=actor, verb="note", note="居民超过15秒后要求取消,警情继续")
    if incident.state in {"resolved", "closed"}:
        return Change(incident=incident, actor=actor, verb="note", note="居民取消了报警,此前已处置完毕")
    if standing > 0:
        return Change(
            incident=incident, actor=actor, verb="note", note=f"居民取消了其中一次报警,另有{standing}次未取消"
        )
    after = msgspec.structs.replace(incident, cancelled_at=at, updated_at=max(incident.updated_at, at))
    return Change(incident=after, actor=actor, verb="cancel")
