"""What is unusual, acted on: hours are counted as they end, compared with habit, and told as quiet incidents that heal.

Most ticks cost one comparison. When hours have ended they are counted and compared one by one, a few in a tick, until none
is left: deadlines of other incidents do not wait behind months that are caught up. What is decided is in alerts/habits.py.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from psycopg import Connection

from alerts import habits, openings, timing
from alerts.habits import HOUR, NAMES, Counted, Item
from alerts.raising import heal
from alerts.rules import Rules
from alerts.steps import keep
from alerts.windows import holds
from devices.registry import Device, Registry
from store import feed, incidents, windows
from store import habits as rows
from store import registry as registry_rows
from store.connect import settled
from store.habits import DeviceHours, OpenItem
from store.records import CameraView, Incident

LATENESS = timedelta(minutes=2)
"""An hour is counted so long after its end: what arrived in it is committed by then."""

TOLD_WITHIN = timedelta(hours=24)
"""Of older hours nothing is told any more: they are counted, for habit alone."""

FIRST = timedelta(days=90)  # how far back an installation that has no counts yet looks among its events
MOST_HOURS = 6  # in one tick
MOST_ITEMS = 100  # told or ended in one tick

Key = tuple[str, str]


class Watch:
    """Counts and compares hours once they are over; knows when the next one is due, so that it asks nothing until then."""

    def __init__(self) -> None:
        self._due: datetime | None = None

    def tick(self, conn: Connection, rules: Rules, now: datetime) -> None:
        """Count and compare what is due. Raises psycopg.Error when the database is away."""
        if self._due is not None and now < self._due:
            return
        ended = habits.hour_begins(habits.hour_number(now - LATENESS))
        for _ in range(MOST_HOURS):
            if _count_next(conn, ended, now):
                break
        else:
            return  # there may be more: in the next tick
        for _ in range(MOST_HOURS):
            found = _compare_next(conn, rules, now)
            if found == "all":
                self._due = ended + HOUR + LATENESS
            if found != "an hour":
                return


def _count_next(conn: Connection, ended: datetime, now: datetime) -> bool:
    """Count the next hour that is over; whether none is left, or another engine is at it."""
    nothing_left = True

    def work() -> None:
        nonlocal nothing_left
        hour = rows.take(conn, "counted", rows.first_event_hour(conn, ended - FIRST) or ended)
        if hour is None or hour >= ended:
            return
        rows.count_hour(conn, hour, _away(conn, hour), now)
        rows.sweep(conn, now)
        rows.done(conn, "counted", hour + HOUR)
        nothing_left = False

    settled(conn, work)
    return nothing_left


def _away(conn: Connection, hour: datetime) -> set[Key]:
    """Cameras that were in maintenance in this hour, be it for a part of it."""
    maintained = windows.maintenance(conn, hour, hour + HOUR)
    if not maintained:
        return set()
    registry = registry_rows.load(conn)
    return {
        (one.site, one.device)
        for one in registry.devices.values()
        if one.kind == "camera"
        and any(
            holds(window, one.site, openings.grids_of(registry, one), one.device, max(hour, window.starts_at))
            for window in maintained
        )
    }


def _compare_next(conn: Connection, rules: Rules, now: datetime) -> Literal["all", "an hour", "a part"]:
    """Compare the next hour that is counted with habit: all are compared, this one is, or a part of it is left to do."""
    counted = rows.up_to(conn, "counted")
    if counted is None:
        conn.rollback()
        return "all"
    hour = max(rows.up_to(conn, "compared") or counted - HOUR, _whole_hour(now - TOLD_WITHIN))
    if hour >= counted:
        conn.rollback()
        return "all"
    wanted = _compared(conn, rules, hour, now) if rules.unusual.enabled else _all_over(conn, rules, now)
    if {(one.site, one.device): one.what for one in rows.open_items(conn)} != wanted:
        conn.rollback()
        return "a part"  # there was too much of it for one tick, or a deadlock left something undone
    rows.take(conn, "compared", hour)
    rows.done(conn, "compared", hour + HOUR)
    conn.commit()
    return "an hour"


def _whole_hour(at: datetime) -> datetime:
    return habits.hour_begins(habits.hour_number(at))


def _compared(conn: Connection, rules: Rules, hour: datetime, now: datetime) -> dict[Key, str]:
    """Tell what begins with an hour and settle what is over with it; what must be shown once that is done."""
    number = habits.hour_number(hour)
    asked = habits.known_before(number, rules.unusual)
    of_devices = rows.hours_among(conn, [habits.hour_begins(one) for one in asked])
    shown = {(one.site, one.device): one for one in rows.open_items(conn)}
    registry = registry_rows.load(conn)
    conn.rollback()
    over = [(one, "设备已不在册") for one in shown.values() if one.gone]
    began: list[tuple[Item, ZoneInfo]] = []
    for zone, counted in by_zone(of_devices, asked):
        run = np.arange(number - rules.unusual.silent_hours + 1, number + 1)
        compared = habits.compare(counted, zone, run, rules.unusual)
        before = np.array([_code(shown.get(key)) for key in counted.devices], dtype=np.int8)
        begins, ends = habits.step(before, compared.verdicts, compared.seen[:, -1])
        for device in np.flatnonzero(ends).tolist():
            note = f"恢复如常:{hour.astimezone(zone).hour}时 {int(compared.seen[device, -1])}次"
            over.append((shown[counted.devices[device]], note))
        last = len(run) - 1
        began += [
            (habits.item_of(counted, compared, int(one), last, number, int(begins[one]), rules.unusual), zone)
            for one in np.flatnonzero(begins)
        ]
    return _acted(conn, rules, registry, shown, over, began, now)


def _acted(
    conn: Connection,
    rules: Rules,
    registry: Registry,
    shown: dict[Key, OpenItem],
    over: list[tuple[OpenItem, str]],
    began: list[tuple[Item, ZoneInfo]],
    now: datetime,
) -> dict[Key, str]:
    after = {key: one.what for key, one in shown.items()}
    for ended, _ in over:
        after.pop((ended.site, ended.device), None)
    for ended, note in over[:MOST_ITEMS]:
        settled(conn, lambda one=ended, note=note: _end(conn, rules, one, note, now))  # type: ignore[misc]
    known = [(item, zone, registry.devices.get((item.site, item.device))) for item, zone in began]
    told = [(item, zone, device) for item, zone, device in known if device is not None and device.registered]
    after |= {(item.site, item.device): item.what for item, _, _ in told}
    for item, zone, device in told[: max(0, MOST_ITEMS - len(over))]:
        opening = opening_of(item, device, zone, rules, now)
        settled(conn, lambda item=item, opening=opening, zone=zone: _begin(conn, rules, item, opening, zone))  # type: ignore[misc]
    return after


def _all_over(conn: Connection, rules: Rules, now: datetime) -> dict[Key, str]:
    shown = rows.open_items(conn)
    conn.rollback()
    for one in shown[:MOST_ITEMS]:
        settled(conn, lambda one=one: _end(conn, rules, one, "规则已停用与往常的比较", now))  # type: ignore[misc]
    return {}


def _code(shown: OpenItem | None) -> int:
    return 0 if shown is None else next(code for code, what in NAMES.items() if what == shown.what)


def by_zone(of_devices: Iterable[DeviceHours], hours: Iterable[int]) -> list[tuple[ZoneInfo, Counted]]:
    """Counts as arrays, one for the devices of each time zone, so that each is worked out at once."""
    columns = np.array(sorted(hours), dtype=np.int64)
    by_name: dict[str, list[DeviceHours]] = {}
    for one in of_devices:
        by_name.setdefault(one.timezone, []).append(one)
    found = []
    for name, group in sorted(by_name.items()):
        counts = np.full((len(group), len(columns)), np.nan)
        whole = np.zeros(counts.shape, dtype=np.bool_)
        for row, one in enumerate(group):
            at = np.searchsorted(columns, one.hours)
            counts[row, at], whole[row, at] = one.counts, one.whole
        devices = [(one.site, one.device) for one in group]
        found.append((openings.zone_of(name), Counted(devices=devices, hours=columns, counts=counts, whole=whole)))
    return found


def opening_of(item: Item, device: Device, zone: ZoneInfo, rules: Rules, now: datetime) -> Incident:
    """The quiet incident of something unusual: low, without an escalation, one for a camera at a time."""
    name = "异常增多" if item.what == "above" else "异常安静"
    opening = Incident(
        site=item.site,
        join_key=f"unusual:{item.device}",
        grid=device.grid,
        kind="unusual",
        priority="low",
        title=f"{name} · {device.address or device.name} · {item.figure(zone)}",
        device=item.device,
        devices=(item.device,),
        lat=device.lat,
        lon=device.lon,
        address=device.address,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
        cameras=(CameraView(item.device, 1.0),),
        quiet="unusual",
    )
    return timing.begun(opening, rules)


def _begin(conn: Connection, rules: Rules, item: Item, opening: Incident, zone: ZoneInfo) -> None:
    joined = incidents.open_or_join(conn, opening)
    incident = keep(conn, rules, msgspec.structs.replace(joined.incident, title=opening.title))
    if not rows.begin_item(conn, msgspec.structs.asdict(item), incident.id):
        conn.rollback()  # another engine was faster
        return
    tell = openings.opened if joined.opened else openings.repeated
    feed.append(conn, [msgspec.structs.replace(tell(incident), note=item.figure(zone))])


def _end(conn: Connection, rules: Rules, shown: OpenItem, note: str, now: datetime) -> None:
    incident = incidents.lock(conn, shown.incident)
    if incident is None or not rows.end_item(conn, shown.site, shown.device, shown.incident, now):
        return
    heal(conn, rules, incident, note, now)
