"""Whether every tier can be reached, acted on: one incident per site that says what is missing, and ends when it is there."""

from datetime import datetime, timedelta

import msgspec
from psycopg import Connection

from alerts import reach
from alerts.raising import raise_incident, settle
from alerts.reach import Gap, Reachable
from alerts.rules import Rules
from store import incidents, jobs
from store import reach as rows
from store.connect import settled

JOB = "reach"
DAILY = timedelta(days=1)
WHILE_OPEN = timedelta(minutes=10)
REACHED = "各层级已可联络"


def check(conn: Connection, rules: Rules, now: datetime) -> None:
    """Look at every site now, each in a transaction of its own."""
    sites = rows.sites(conn)
    conn.rollback()
    for site in sites:
        settled(conn, lambda site=site: _check(conn, rules, site, now))  # type: ignore[misc]


def watch(conn: Connection, rules: Rules, now: datetime) -> None:
    """Look at every site when it is time: daily, and every ten minutes while some site has such an incident."""
    every = WHILE_OPEN if incidents.holding(conn, reach.KEY) else DAILY
    due = jobs.take(conn, JOB, every, now)
    conn.commit()
    if due:
        check(conn, rules, now)


def _check(conn: Connection, rules: Rules, site: str, now: datetime) -> None:
    found = reach.gaps(rules, msgspec.convert(rows.of_site(conn, site), Reachable))
    held = incidents.holder(conn, site, reach.KEY)
    if found:
        if held is None or held.title != reach.title(found):
            _tell(conn, rules, site, found, now)
    elif held is not None and not incidents.reopened(conn, held.id):
        settle(conn, rules, held.id, REACHED, now)


def _tell(conn: Connection, rules: Rules, site: str, found: tuple[Gap, ...], now: datetime) -> None:
    title = reach.title(found)
    raise_incident(
        conn,
        rules,
        reach.opening(site, found, now),
        lambda stored: msgspec.structs.replace(stored, title=title),
        note=reach.advice(site, found),
        again=lambda stored: stored.title != title,  # else another engine told it just now
    )
