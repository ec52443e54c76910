"""Whether every tier can be reached, acted on: one incident per site that says what is missing, and ends when it is there."""

from datetime import datetime, timedelta

import msgspec
from psycopg import Connection

from alerts import openings, reach, timing
from alerts.reach import Gap, Reachable
from alerts.rules import Rules
from alerts.silences import heal
from store import feed, incidents, jobs, notices, timers
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
    every = WHILE_OPEN if rows.open_anywhere(conn, reach.KEY) else DAILY
    due = jobs.take(conn, JOB, every, now)
    conn.commit()
    if due:
        check(conn, rules, now)


def _check(conn: Connection, rules: Rules, site: str, now: datetime) -> None:
    found = reach.gaps(rules, msgspec.convert(rows.of_site(conn, site), Reachable))
    held = rows.holder(conn, site, reach.KEY)
    if found:
        if held is None or held[1] != reach.title(found):
            _tell(conn, rules, site, found, now)
    elif held is not None and not rows.reopened(conn, held[0]):
        incident = incidents.lock(conn, held[0])
        if incident is not None:
            heal(conn, rules, incident, REACHED, now)


def _tell(conn: Connection, rules: Rules, site: str, found: tuple[Gap, ...], now: datetime) -> None:
    joined = incidents.open_or_join(conn, reach.opening(site, found, rules, now))
    incident = joined.incident
    if joined.opened:
        timers.put(conn, {incident.id: timing.due_steps(incident, rules)})
        notices.put(conn, openings.notices_of(incident, rules))
        change = openings.opened(incident)
    elif incident.title == reach.title(found):
        conn.rollback()  # another engine told it just now
        return
    else:
        incident = msgspec.structs.replace(incident, title=reach.title(found))
        incidents.save(conn, incident)
        change = openings.repeated(incident)
    feed.append(conn, [msgspec.structs.replace(change, note=reach.advice(site, found))])
