"""A channel that no longer works is an incident of its site, low and one for each; it heals when a message gets through."""

from datetime import datetime

from psycopg import Connection

from alerts.faults import fault
from alerts.raising import once, raise_incident, settle
from alerts.rules import Rules
from store import deliveries
from store.connect import settled
from store.deliveries import Health

HEALED = "通知已能送达"
LATEST = 3  # deliveries that all failed; or as many as there are


def watch(conn: Connection, rules: Rules, now: datetime) -> None:
    """Open and heal incidents of channels; each in a transaction of its own."""
    failing = {(one.site, one.channel): one for one in deliveries.failing(conn, LATEST)}
    opened = {(site, channel): incident for incident, site, channel in deliveries.fault_incidents(conn)}
    conn.rollback()
    for key in failing.keys() - opened.keys():
        settled(conn, lambda one=failing[key]: _open(conn, rules, one, now))  # type: ignore[misc]
    for key in opened.keys() - failing.keys():
        settled(conn, lambda one=opened[key]: settle(conn, rules, one, HEALED, now))  # type: ignore[misc]


def _open(conn: Connection, rules: Rules, health: Health, now: datetime) -> None:
    opening = fault(health.site, f"channel:{health.channel}", title_of(health.channel), now)
    told_until = deliveries.told_until(conn, health.site, str(opening.join_key))
    if told_until is not None and told_until >= health.failed_at:
        return  # a person has settled it, and nothing failed since
    raise_incident(conn, rules, opening, again=once)  # another engine may have been first


def title_of(channel: str) -> str:
    """What the incident of a channel is called."""
    return f"通知通道故障 · {channel} · 最近的通知都没有送达"
