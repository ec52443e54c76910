"""The alerts process: once a second what time has done, and what must be answered because of it."""

import signal
import threading
import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import structlog

from alerts.auditing import keep_auditing
from alerts.engine import Engine
from alerts.notices import sender
from alerts.pipeline import keep_proving
from alerts.rules_file import RulesFile
from skynet.settings import Settings
from store import feed, housekeeping, parts
from store.connect import connect, refuse_unsafe

log = structlog.get_logger(__name__)

TICK = 1.0  # seconds
HOUSEKEEPING = timedelta(hours=1)


def run(settings: Settings) -> None:
    """Watch deadlines until SIGTERM or SIGINT.

    Raises SettingsError, RulesError or UnsafeDatabase when it may not start.
    """
    url = settings.require_database()
    rules = RulesFile(settings.rules_file)
    engine = Engine(rules.now, timedelta(seconds=settings.start_grace), lambda: rules.fault)
    with connect(url, part="alerts check") as conn:
        refuse_unsafe(conn)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    beside = [
        threading.Thread(target=_keep_house, args=(url, settings, stop), name="housekeeping", daemon=True),
        threading.Thread(target=keep_auditing, args=(url, rules, stop), name="auditor", daemon=True),
        threading.Thread(target=sender.run, args=(url, rules.now, settings.web_url, stop), name="notices", daemon=True),
        threading.Thread(target=keep_proving, args=(url, settings, stop), name="pipeline", daemon=True),
    ]
    for thread in beside:
        thread.start()
    log.info("alerts started")
    _tick_on(engine, url, stop)
    for thread in beside:
        thread.join(5)
    log.info("alerts ended")


def _tick_on(engine: Engine, url: str, stop: threading.Event) -> None:
    instance, started_at = uuid.uuid4().hex[:12], datetime.now(UTC)
    ready_since: datetime | None = None
    while not stop.is_set():
        try:
            with connect(url, part="alerts") as conn:
                while not stop.is_set():
                    now = feed.clock(conn)  # one clock for all engines, the one that beats are written by
                    engine.begin(conn, now)
                    engine.tick(conn, now)
                    ready_since = ready_since or now
                    parts.beat(conn, "alerts", instance, started_at=started_at, ready_since=ready_since)
                    conn.commit()
                    stop.wait(TICK)
        except psycopg.Error as exc:
            ready_since = None
            log.warning("alerts waits for the database", error=str(exc).strip())
            stop.wait(0.5)
        except Exception:
            ready_since = None
            log.exception("a tick failed; it is tried again")
            stop.wait(TICK)


def _keep_house(url: str, settings: Settings, stop: threading.Event) -> None:
    """Housekeeping as the owner, on a connection of its own: at the start and then hourly."""
    while not stop.is_set():
        wait = HOUSEKEEPING.total_seconds()
        try:
            with connect(url, part="housekeeping", role=None) as conn:
                now = datetime.now(UTC)
                housekeeping.make_chunks_ahead(conn, now)
                housekeeping.sweep(
                    conn,
                    now,
                    keep_events=timedelta(days=settings.keep_events_days),
                    keep_rejects=timedelta(days=settings.keep_rejects_days),
                )
        except psycopg.Error as exc:
            log.warning("housekeeping waits", error=str(exc).strip())
            wait = 10.0
        except Exception:
            log.exception("housekeeping failed; it is tried again")
            wait = 60.0
        stop.wait(wait)
