"""The auditor: proves that each due step ran, apart from the engine that runs them, and opens an incident when one did not."""

import threading
from datetime import datetime, timedelta

import msgspec
import psycopg
import structlog
from psycopg import Connection

from alerts import audit, openings, timing
from alerts.audit import Finding
from alerts.rules import Rules
from alerts.rules_file import RulesFile
from alerts.silences import heal
from alerts.steps import keep
from store import audit as rows
from store import feed, incidents, jobs
from store.connect import connect, settled
from store.records import Incident

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
AUDIT = "audit"


def keep_auditing(url: str, rules: RulesFile, stop: threading.Event) -> None:
    """Audit every ten seconds until `stop`, one auditor at a time, on a connection of its own: a tick that hangs is seen."""
    while not stop.wait(1.0):
        try:
            with connect(url, part="auditor") as conn:
                while not stop.wait(1.0):
                    audit_once(conn, rules.now())
        except psycopg.Error as exc:
            log.warning("the auditor waits for the database", error=str(exc).strip())
        except Exception:
            log.exception("an audit failed; it is tried again")


def audit_once(conn: Connection, rules: Rules) -> None:
    """One audit, if it is time for one and no other auditor does it."""
    now = feed.clock(conn)
    due = jobs.take(conn, AUDIT, EVERY, now)
    conn.commit()
    if not due:
        return
    by_site: dict[str, list[Finding]] = {}
    for one in rows.unclosed(conn):
        found = audit.findings(one.incident, one.timers, escalations=one.escalations, rules=rules, now=now)
        if found:
            by_site.setdefault(one.incident.site, []).extend(found)
    conn.rollback()
    for site, found in by_site.items():
        for incident_id in {one.incident.id for one in found}:
            settled(conn, lambda one=incident_id: _set_right(conn, rules, one))  # type: ignore[misc]
        settled(conn, lambda site=site, found=found: _tell(conn, rules, site, found, now))  # type: ignore[misc]
    for site, incident_id in rows.open_audits(conn).items():
        if site not in by_site:
            settled(conn, lambda one=incident_id: _over(conn, rules, one, now))  # type: ignore[misc]
    conn.rollback()


def _set_right(conn: Connection, rules: Rules, incident_id: int) -> None:
    """Give an incident the timers it must have: what is overdue then runs at once."""
    incident = incidents.lock(conn, incident_id)
    if incident is not None:
        keep(conn, rules, incident)


def _tell(conn: Connection, rules: Rules, site: str, found: list[Finding], now: datetime) -> None:
    said = audit.told(found)
    log.error("steps that were due did not run", site=site, found=said)
    opening = Incident(
        site=site,
        join_key=AUDIT,
        grid=None,
        kind="fault",
        priority="high",
        title=f"到期步骤未执行 · {len(found)}项",
        device=None,
        lat=None,
        lon=None,
        address=None,
        opened_at=now,
        updated_at=now,
        last_event_at=now,
    )
    joined = incidents.open_or_join(conn, timing.begun(opening, rules))
    if joined.opened:
        after = keep(conn, rules, joined.incident)
        feed.append(conn, [msgspec.structs.replace(openings.opened(after), note=said)])


def _over(conn: Connection, rules: Rules, incident_id: int, now: datetime) -> None:
    incident = incidents.lock(conn, incident_id)
    if incident is not None:
        heal(conn, rules, incident, "所有到期步骤均已执行", now)
