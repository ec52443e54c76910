"""The ingest process: two lanes that never wait for each other, the receipts, and what keeps them informed."""

import signal
import sys
import threading
from functools import partial

import structlog
from psycopg import Connection

from alerts.rules_file import RulesFile
from devices.formats import Lane
from ingest.knowledge import Knowledge, keep_fresh
from ingest.lane import LaneWorker
from ingest.life import SignsOfLife
from ingest.life_writing import keep_writing
from ingest.session import Session
from ingest.telling import Teller, keep_telling
from skynet.settings import Settings
from store.connect import connect, refuse_unsafe

log = structlog.get_logger(__name__)

LANES: dict[Lane, str] = {"alarms": "skynet-alarms", "events": "skynet-events"}


def run(settings: Settings) -> None:
    """Take messages in until SIGTERM or SIGINT.

    Raises SettingsError or UnsafeDatabase when it may not start, psycopg.OperationalError when the database is not there.
    """
    sys.setswitchinterval(
        0.0005
    )  # the alarm lane gets the interpreter within half a millisecond, also from a busy bulk lane
    url = settings.require_database()
    with connect(url, part="ingest check") as conn:
        refuse_unsafe(conn)
    wanted = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: wanted.set())
    ingest = Ingest(settings, url)
    ingest.start()
    while not wanted.wait(1):
        if dead := ingest.dead_threads():
            log.error("a thread of ingest ended; the process ends, to be started again", threads=dead)
            sys.exit(1)
    ingest.stop()


class Ingest:
    """The threads of this process and how they end."""

    def __init__(self, settings: Settings, url: str) -> None:
        host, port = settings.require_mqtt()
        password = settings.require_mqtt_password()
        self._url = url
        self._stop = threading.Event()
        self._workers: list[threading.Thread] = []
        self._life = SignsOfLife()
        self._knowledge = Knowledge(self._connector("registry"), RulesFile(settings.rules_file).now)
        self._sessions = {lane: Session(host, port, user, password) for lane, user in LANES.items()}
        self._teller = Session(host, port, "skynet-receipts", password, tells=True)
        self._lanes = {
            lane: LaneWorker(session, self._connector(lane), self._knowledge, self._life)
            for lane, session in self._sessions.items()
        }

    def _connector(self, what: str) -> "partial[Connection]":
        return partial(connect, self._url, part=f"ingest {what}")

    def start(self) -> None:
        """Start every thread; returns at once.

        Raises psycopg.OperationalError when the database is not there.
        """
        self._knowledge.refresh()
        self._workers = self._threads()
        for worker in self._workers:
            worker.start()
        for session in (*self._sessions.values(), self._teller):
            session.start()
        log.info("ingest started")

    def dead_threads(self) -> list[str]:
        """Names of threads that ended though nobody asked them to: this process is to be replaced."""
        return [worker.name for worker in self._workers if not worker.is_alive()]

    def stop(self) -> None:
        """End every thread; what is in hand and not committed will be delivered again."""
        self._stop.set()
        for lane in self._lanes.values():
            lane.stop()
        for session in (*self._sessions.values(), self._teller):
            session.stop()
        for worker in self._workers:
            worker.join(5)
        self._knowledge.close()
        log.info("ingest ended")

    def _threads(self) -> list[threading.Thread]:
        fresh = partial(
            keep_fresh,
            self._knowledge,
            self._sessions,
            self._connector("registry"),
            self._stop,
            [self._teller.connected],
        )
        life = partial(keep_writing, self._life, self._connector("life"), self._stop)
        telling = partial(keep_telling, Teller(self._teller), self._connector("receipts"), self._stop)
        jobs = {f"{lane} lane": one.run for lane, one in self._lanes.items()}
        jobs |= {"registry": fresh, "signs of life": life, "receipts": telling}
        return [threading.Thread(target=job, name=name, daemon=True) for name, job in jobs.items()]
