"""A rules file that can't be used, told where people look: one low incident in each site, until the file is good again."""

from datetime import datetime

import msgspec
from psycopg import Connection

from alerts.faults import fault as fault_at
from alerts.raising import raise_incident, settle
from alerts.rules import Rules
from alerts.saying import Saying
from alerts.steps import SYSTEM, keep
from store import feed, incidents, reach
from store.connect import settled
from store.records import Change

KEY = "rules"
MENDED = "规则文件已改好,现行规则即文件所写"
LONGEST_TITLE = 200


class BadRules:
    """Tells a fault once, and settles it once it is over.

    An engine settles only what it saw begin, or finds at its start: another may read a file of its own, and tell of that.
    """

    def __init__(self) -> None:
        self._told: Saying | None = None
        self._started = False

    def follow(self, conn: Connection, rules: Rules, fault: Saying | None, now: datetime) -> None:
        """Tell or settle what has changed since the last time. Raises psycopg.Error when the database is away."""
        if self._started and fault == self._told:
            return
        done: set[str | int] = set()
        todo: list[str] | list[int]
        if fault is not None:
            todo = reach.sites(conn)
            conn.rollback()
            for site in todo:
                settled(conn, lambda site=site: _tell(conn, rules, site, fault, now, done))  # type: ignore[misc]
        else:
            todo = list(incidents.holding(conn, KEY).values())
            conn.rollback()
            for incident_id in todo:
                settled(conn, lambda one=incident_id: _settle(conn, rules, one, now, done))  # type: ignore[misc]
        if done.issuperset(todo):  # a deadlock leaves something for the next time
            self._told, self._started = fault, True


def _tell(conn: Connection, rules: Rules, site: str, fault: Saying, now: datetime, done: set[str | int]) -> None:
    title = f"规则有误,沿用原来的 · {fault.zh}"[:LONGEST_TITLE]
    held = incidents.holder(conn, site, KEY)
    if held is None:
        raise_incident(conn, rules, fault_at(site, KEY, title, now), note=fault.zh)
    elif held.title != title:
        after = keep(conn, rules, msgspec.structs.replace(held, title=title, updated_at=max(held.updated_at, now)))
        feed.append(conn, [Change(incident=after, actor=SYSTEM, verb="note", note=fault.zh)])
    done.add(site)


def _settle(conn: Connection, rules: Rules, incident_id: int, now: datetime, done: set[str | int]) -> None:
    settle(conn, rules, incident_id, MENDED, now)
    done.add(incident_id)
