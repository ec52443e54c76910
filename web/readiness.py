"""Whether the system can do its work just now: each thing it needs, looked at, with the reason when it is not right."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from datetime import timedelta

import psycopg
from psycopg_pool import ConnectionPool

from alerts.rules_file import RulesFile
from devices import probing
from skynet.settings import Settings, SettingsError
from store import feed, migrate, parts, pipeline
from web.pipeline import Proof, stuck_at
from web.wire import Check, Readiness

WITHIN = 3.0  # seconds: what does not answer in this time is not there
FRESH = 1.0  # seconds: many who ask at once get one answer
SILENT = timedelta(seconds=10)
PROBE = "skynet-probe"
PARTS = ("ingest", "alerts")
_UNKNOWN = "no synthetic alarm came through; where it is stuck is not known while the database can't be used"


class Prober:
    """Looks at what this process and the system need; thread-safe."""

    def __init__(
        self,
        settings: Settings,
        pool: ConnectionPool,
        feed_is_read: Callable[[], bool],
        proof: Proof,
        rules: RulesFile,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._feed_is_read = feed_is_read
        self._proof = proof
        self._rules = rules
        self._lock = threading.Lock()
        self._looked_at = -FRESH
        self._found = Readiness(ready=False, checks={})
        # a check that hangs holds one of these, not the threads that answer calls
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="readiness")

    def look(self) -> Readiness:
        """How it is, at most FRESH seconds old."""
        with self._lock:
            if time.monotonic() - self._looked_at >= FRESH:
                self._found = self._look()
                self._looked_at = time.monotonic()
            return self._found

    def stop(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> Readiness:
        database = self._threads.submit(self._database)
        broker = self._threads.submit(self._broker)
        checks = {"pipeline": Check(ok=self._proof.ok, reason=None if self._proof.ok else _UNKNOWN)}
        checks |= _result(database, {"database": "the database did not answer", "migrations": "not known"})
        checks |= _result(broker, {"broker": "the broker did not answer"})
        said = "this process does not read the feed of changes just now; it tries again by itself"
        checks["feed"] = Check(ok=True) if self._feed_is_read() else Check(ok=False, reason=said)
        checks["rules"] = self._rules_check()
        return Readiness(ready=all(check.ok or check.warning for check in checks.values()), checks=checks)

    def _rules_check(self) -> Check:
        """A bad rules file is to be mended, but the rules before it stay in force: a warning."""
        self._rules.now()
        fault = self._rules.fault
        if fault is None:
            return Check(ok=True)
        return Check(ok=False, warning=True, reason=f"{fault.en}; the rules before it stay in force")

    def _database(self) -> dict[str, Check]:
        try:
            with self._pool.connection() as conn:
                conn.execute("SELECT 1")
                if not migrate.is_current(conn):
                    said = f"the database is not at version {migrate.newest()}: run `skynet migrate`"
                    return {"database": Check(ok=True), "migrations": Check(ok=False, reason=said)}
                now = feed.clock(conn)
                beats = parts.list_parts(conn)
                stuck = None if self._proof.ok else stuck_at(pipeline.facts(conn))
        except psycopg.Error as exc:
            said = str(exc).strip().partition("\n")[0] or type(exc).__name__
            return {
                "database": Check(ok=False, reason=f"the database can't be used: {said}"),
                "migrations": Check(ok=False, reason="not known while the database can't be used"),
            }
        at_work = {beat.part for beat in beats if beat.ready_since is not None and now - beat.beat_at < SILENT}
        said = "no {0} is at work: start `skynet {0}`, and look at its log if it is started"
        found = {part: _check(None if part in at_work else said.format(part)) for part in PARTS}
        return {"database": Check(ok=True), "migrations": Check(ok=True), **found, "pipeline": _check(stuck)}

    def _broker(self) -> dict[str, Check]:
        try:
            host, port = self._settings.require_mqtt()
            fault = probing.log_in(host, port, PROBE, self._settings.require_mqtt_password())
        except SettingsError as exc:
            fault = str(exc)
        except OSError as exc:
            fault = f"the broker can't be reached: {exc}"
        return {"broker": _check(fault)}


def _check(fault: str | None) -> Check:
    return Check(ok=fault is None, reason=fault)


def _result(looking: "Future[dict[str, Check]]", otherwise: dict[str, str]) -> dict[str, Check]:
    try:
        return looking.result(WITHIN)
    except TooLate:
        return {name: Check(ok=False, reason=f"{said} within {WITHIN:g} s") for name, said in otherwise.items()}
