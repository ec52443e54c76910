"""The auditor: proves that each due step ran, apart from the engine that runs them, and opens an incident when one did not."""

import threading
from datetime import datetime, timedelta

import psycopg
import structlog
from psycopg import Connection

from alerts import audit
from alerts.audit import Finding
from alerts.faults import fault
from alerts.raising import once, raise_incident, settle
from alerts.retiming import set_anew
from alerts.rules import Rules
from alerts.rules_file import RulesFile
from store import audit as rows
from store import feed, incidents, jobs
from store.connect import connect, settled

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
AUDIT = "audit"
ALL_RAN = "所有到期步骤均已执行"


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
            settled(conn, lambda one=incident_id: set_anew(conn, rules, one))  # type: ignore[misc]
        settled(conn, lambda site=site, found=found: _tell(conn, rules, site, found, now))  # type: ignore[misc]
    for site, incident_id in incidents.holding(conn, AUDIT).items():
        if site not in by_site:
            settled(conn, lambda one=incident_id: settle(conn, rules, one, ALL_RAN, now))  # type: ignore[misc]
    conn.rollback()


def _tell(conn: Connection, rules: Rules, site: str, found: list[Finding], now: datetime) -> None:
    said = audit.told(found)
    log.error("steps that were due did not run", site=site, found=said)
    opening = fault(site, AUDIT, f"到期步骤未执行 · {len(found)}项", now, priority="high")
    raise_incident(conn, rules, opening, note=said, again=once)
