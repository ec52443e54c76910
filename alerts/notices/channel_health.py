"""A channel that no longer works is an incident of its site, low and one for each; it heals when a message gets through."""

from datetime import datetime

from psycopg import Connection

from alerts import openings
from alerts.rules import Rules
from alerts.silences import heal
from store import deliveries, feed, incidents
from store.connect import settled
from store.deliveries import Health
from store.records import Incident

LATEST = 3  # deliveries that all failed; or as many as there are


def watch(conn: Connection, rules: Rules, now: datetime) -> None:
    """Open and heal incidents of channels; each in a transaction of its own."""
    failing = {(one.site, one.channel): one for one in deliveries.failing(conn, LATEST)}
    opened = {(site, channel): incident for incident, site, channel in deliveries.fault_incidents(conn)}
    conn.rollback()
    for key in failing.keys() - opened.keys():
        settled(conn, lambda one=failing[key]: _open(conn, one, now))  # type: ignore[misc]
    for key in opened.keys() - failing.keys():
        settled(conn, lambda one=opened[key]: _heal(conn, rules, one, now))  # type: ignore[misc]


def fault(health: Health, now: datetime) -> Incident:
    """The incident that says so."""
    return Incident(
        site=health.site,
        join_key=f"channel:{health.channel}",
        grid=None,
        kind="fault",
        priority="low",
        title=f"通知通道故障 · {health.channel} · 最近的通知都没有送达",
        device=None,
        lat=None,
        lon=None,
        address=None,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
    )


def _open(conn: Connection, health: Health, now: datetime) -> None:
    opening = fault(health, now)
    told_until = deliveries.told_until(conn, health.site, str(opening.join_key))
    if told_until is not None and told_until >= health.failed_at:
        return  # a person has settled it, and nothing failed since
    joined = incidents.open_or_join(conn, opening)
    if joined.opened:
        change = openings.opened(joined.incident)
        feed.append(conn, [change])
    else:
        conn.rollback()  # another engine was first


def _heal(conn: Connection, rules: Rules, incident_id: int, now: datetime) -> None:
    incident = incidents.lock(conn, incident_id)
    if incident is not None:
        heal(conn, rules, incident, "通知已能送达", now)
