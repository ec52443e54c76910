"""The alerts process: once a second what time has done, and what must be answered because of it.

Several may run: what falls due is taken under row locks that the others skip, and a unique index settles the rest.
"""

import signal
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import structlog
from psycopg import Connection

from alerts import lifecycle, openings, supervision
from alerts.rules import Rules, load_rules
from alerts.supervision import OUTAGE, Listening, Watched
from skynet.settings import Settings
from store import feed, housekeeping, incidents, parts, timers
from store import supervision as rows
from store.connect import connect, refuse_unsafe, transient
from store.records import UNRESOLVED, Change, Incident

log = structlog.get_logger(__name__)

TICK = 1.0  # seconds
HOUSEKEEPING = timedelta(hours=1)
SYSTEM = "system"


def run(settings: Settings) -> None:
    """Watch deadlines until SIGTERM or SIGINT.

    Raises SettingsError, RulesError or UnsafeDatabase when it may not start.
    """
    url = settings.require_database()
    engine = Engine(load_rules(settings.rules_file), timedelta(seconds=settings.start_grace))
    with connect(url, part="alerts check") as conn:
        refuse_unsafe(conn)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    keeper = threading.Thread(target=_keep_house, args=(url, settings, stop), name="housekeeping", daemon=True)
    keeper.start()
    log.info("alerts started")
    _tick_on(engine, url, stop)
    keeper.join(5)
    log.info("alerts ended")


def _tick_on(engine: "Engine", url: str, stop: threading.Event) -> None:
    instance, started_at = uuid.uuid4().hex[:12], datetime.now(UTC)
    ready_since: datetime | None = None
    while not stop.is_set():
        try:
            with connect(url, part="alerts") as conn:
                while not stop.is_set():
                    now = feed.clock(conn)  # one clock for all engines, the one that beats are written by
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


class Engine:
    """Decides by the pure rules and stores what follows, each in a transaction of its own."""

    def __init__(self, rules: Rules, start_grace: timedelta) -> None:
        self._rules = rules.supervision
        self._start_grace = start_grace

    def tick(self, conn: Connection, now: datetime) -> None:
        """All that is due at `now`. Raises psycopg.Error when the database is away; what is not done is done next time."""
        listening = Listening(*rows.listening(conn)).since(now)
        devices = _watched(conn)
        conn.rollback()
        if listening is not None:
            for device in supervision.silent(devices, self._rules, listening, self._start_grace, now):
                _settled(conn, lambda one=device: _mark(conn, one, now))  # type: ignore[misc]
            devices = _watched(conn)  # with those just found: they may make an outage of what has settled
            conn.rollback()
            for site, due in supervision.to_tell(devices, self._rules, now).items():
                _settled(conn, lambda site=site, due=due: self._tell(conn, site, due, now))  # type: ignore[misc]
        self._recover(conn, now)
        for incident_id, step in timers.due(conn, now):
            _settled(conn, lambda one=incident_id, step=step: _fire(conn, one, step, now))  # type: ignore[misc]

    def _tell(self, conn: Connection, site: str, due: list[Watched], now: datetime) -> None:
        claimed = rows.claim_told(conn, site, [device.device for device in due])
        told = [device for device in due if device.device in claimed]
        outage_open = rows.outage_open(conn, site, OUTAGE)
        changes: list[Change] = []
        for opening in sorted(
            supervision.openings(told, self._rules, now, outage_open=outage_open), key=lambda one: one.join_key or ""
        ):
            joined = incidents.open_or_join(conn, opening)
            tell = openings.opened if joined.opened else openings.repeated
            change = tell(joined.incident)
            changes.append(self._of_outage(conn, change, told) if opening.join_key == OUTAGE else change)
        if changes:
            feed.append(conn, changes)

    def _of_outage(self, conn: Connection, change: Change, told: list[Watched]) -> Change:
        """An outage says how many devices it has by now, and which came to it."""
        title = supervision.outage_title(rows.told_offline(conn, change.incident.site))
        incident = msgspec.structs.replace(change.incident, title=title)
        incidents.save(conn, incident)
        return msgspec.structs.replace(change, incident=incident, note=supervision.names_of(told))

    def _recover(self, conn: Connection, now: datetime) -> None:
        # the incidents first and then the devices: what an incident seen here tells of is then seen as told, too
        ids = rows.open_offline(conn)
        if not ids:
            conn.rollback()
            return
        devices = _watched(conn)
        states = {(device.site, device.device): device.state for device in devices}
        offline: dict[str, int] = {}
        for device in devices:
            offline[device.site] = offline.get(device.site, 0) + (device.silence_told and device.state == "offline")
        found = [one for one in (incidents.by_id(conn, incident_id) for incident_id in ids) if one is not None]
        conn.rollback()
        for incident in supervision.recovered(found, states, offline):
            _settled(conn, lambda one=incident.id: _recover_one(conn, one, now))  # type: ignore[misc]


def _watched(conn: Connection) -> list[Watched]:
    return [msgspec.convert(row, Watched) for row in rows.watched(conn)]


def _settled(conn: Connection, work: Callable[[], None]) -> None:
    """Run and commit one piece; a deadlock or the like leaves it for the next tick."""
    try:
        work()
        conn.commit()
    except psycopg.Error as exc:
        if conn.closed or not transient(exc):
            raise
        conn.rollback()


def _mark(conn: Connection, device: Watched, now: datetime) -> None:
    rows.mark_silent(conn, device.site, device.device, device.last_seen, now)


def _recover_one(conn: Connection, incident_id: int, now: datetime) -> None:
    """Its cause is over: resolved if nobody owns it, else its owner is told once."""
    incident = incidents.lock(conn, incident_id)
    if incident is None or incident.state not in UNRESOLVED:
        return
    note = "设备已恢复在线"
    if incident.owner is not None:
        if not rows.told_back(conn, incident_id):
            feed.append(conn, [Change(incident=incident, actor=SYSTEM, verb="note", note=note)])
        return
    step = lifecycle.Step(verb="resolve", version=incident.version, outcome="real")
    _take_as_system(conn, incident, step, note, now)


def _fire(conn: Connection, incident_id: int, step: str, now: datetime) -> None:
    """A timer fell due. The incident is held first, as everywhere; then the timer, unless another engine has it."""
    incident = incidents.lock(conn, incident_id)
    if incident is None or not timers.take(conn, incident_id, step, now):
        return
    if step == "close" and incident.state == "resolved":
        _take_as_system(conn, incident, lifecycle.Step(verb="close", version=incident.version), None, now)


def _take_as_system(
    conn: Connection, incident: Incident, step: lifecycle.Step, note: str | None, now: datetime
) -> None:
    decision = lifecycle.take_step(incident, step, SYSTEM, now)
    if not isinstance(decision, lifecycle.Taken):
        log.error("a step of our own was refused", verb=step.verb, incident=incident.id, decision=decision)
        return
    incidents.save(conn, decision.incident)
    if step.verb == "resolve":
        timers.set_timer(conn, incident.id, "close", now + lifecycle.CLOSE_AFTER)
    feed.append(conn, [Change(incident=decision.incident, actor=SYSTEM, verb=step.verb, note=note)])
