"""The pipeline proves itself: every ten seconds one press of the system's own button, by the way that all presses take.

It goes through broker, ingest, database and feed; each web process sees it come, or says that it did not (web/pipeline.py).
One engine sends each of them, however many run. It is sent at once when ingest begins to listen, so that what works again
is proven again; and after a failure it is tried every second.
"""

import threading
import uuid
from datetime import datetime, timedelta

import orjson
import psycopg
import structlog
from psycopg import Connection

from devices import probing
from devices.registry import PROBE, SELF_SITE
from skynet.settings import Settings, SettingsError
from store import feed, jobs, pipeline, supervision
from store.connect import connect

log = structlog.get_logger(__name__)

EVERY = timedelta(seconds=10)
RETRY = timedelta(seconds=1)
LOOK = 0.5  # seconds
USER = "skynet-probe"
TOPIC = f"skynet/v1/{SELF_SITE}/{PROBE}/alarm"


def keep_proving(url: str, settings: Settings, stop: threading.Event) -> None:
    """Send synthetic alarms until `stop`, on a thread and a connection of its own: a broker that hangs holds up nothing."""
    prover = Prover(settings)
    while not stop.is_set():
        try:
            with connect(url, part="alerts pipeline") as conn:
                while not stop.wait(LOOK):
                    prover.look(conn)
        except psycopg.Error as exc:
            log.debug("the pipeline's proof waits for the database", error=str(exc).strip())
        except Exception:
            log.exception("sending a synthetic alarm failed; it is tried again")
        stop.wait(LOOK)


class Prover:
    """Knows for which run of ingest it has sent one, and whether the last one failed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sent_to: datetime | None = None  # since when the ingest was ready that was sent one
        self._fault: str | None = None

    def look(self, conn: Connection) -> None:
        """Send one if it is time. Raises psycopg.Error when the database is away."""
        now = feed.clock(conn)
        ready, _ = supervision.listening(conn)
        every = EVERY if self._fault is None else RETRY
        if ready is not None and ready != self._sent_to and self._fault is None:
            every = timedelta(0)
        taken = jobs.take(conn, pipeline.JOB, every, now)
        conn.commit()
        if not taken:
            return
        fault = self._send(now)
        if fault != self._fault:
            log.warning("the synthetic alarm does not get into the broker", reason=fault) if fault else log.info(
                "the synthetic alarm gets into the broker again"
            )
        self._fault = fault
        self._sent_to = ready if fault is None else self._sent_to
        pipeline.note(conn, now, fault)
        conn.commit()

    def _send(self, now: datetime) -> str | None:
        said = orjson.dumps({"id": uuid.uuid4().hex, "ts": now.isoformat(), "action": "press"})
        try:
            host, port = self._settings.require_mqtt()
            return probing.say(host, port, USER, self._settings.require_mqtt_password(), TOPIC, said)
        except SettingsError as exc:
            return str(exc)
        except OSError as exc:
            return f"the broker can't be reached: {exc}"
