"""Floods, acted on: an officer's begins and ends by the figures of ISA-18.2 (alerts/fatigue.py), and leads are told."""

from datetime import datetime, timedelta

from psycopg import Connection

from alerts.fatigue import flooded
from alerts.rules_figures import Fatigue
from store import floods, jobs, notices, people
from store.notices import Notice

EVERY = timedelta(seconds=2)


def watch(conn: Connection, rules: Fatigue, now: datetime) -> None:
    """Let floods begin and end; inside the caller's transaction."""
    if not jobs.take(conn, "floods", EVERY, now):
        return
    opened = floods.openings(conn, now - timedelta(seconds=rules.flood_window), now)
    standing = floods.current(conn)
    told: dict[str, Notice] = {}
    for person in people.list_users(conn):
        of_theirs = [at for site in person.sites for at in opened.get(site, ())]
        before = person.name in standing
        if flooded(of_theirs, now, before=before, rules=rules):
            if before:
                if len(of_theirs) > standing[person.name].peak:
                    floods.raise_peak(conn, person.name, len(of_theirs))
            elif floods.begin(conn, person.name, now, len(of_theirs)) and person.role == "officer":
                for site in person.sites:
                    told.setdefault(site, _notice(site, person.name, len(of_theirs), now))
        elif before:
            floods.end(conn, person.name, now)
    notices.put(conn, list(told.values()))


def _notice(site: str, officer: str, count: int, now: datetime) -> Notice:
    """To the leads: once for a site, however many officers are in it."""
    return Notice(
        site=site,
        incident=None,
        why="flood",
        priority="high",
        tier="community",
        facts={"name": officer, "count": count},
        created_at=now,
    )
