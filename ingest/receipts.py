"""Receipts: what goes back to a button. `stored` by the lane that stored it; later stages as a projection of the feed.

The projection has a cursor of its own per site, moved only after the broker took the receipts, and held under a row lock,
so that none is lost over a restart, none is out of order, and two processes don't tell the same one.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import orjson
import structlog
from paho.mqtt.client import MQTTMessageInfo
from psycopg import Connection, OperationalError

from alerts import openings
from devices.messages import Alarm, Reject
from ingest.session import Session
from store import feed
from store.alarms import presses_of
from store.receipts import lock_cursor, move_cursor, sites_behind
from store.records import Incident

log = structlog.get_logger(__name__)

POLL = 1.0  # seconds: how long a lost doorbell can delay a receipt
AFTER = 0.02  # seconds from the doorbell: consoles read the same change first, and what rings meanwhile is told with it
BATCH = 200


class Receipt(msgspec.Struct, frozen=True):
    """One receipt on its way to a device; `id` is the alarm's."""

    site: str
    device: str
    id: str
    stage: str
    incident: int | None = None
    outcome: str | None = None
    reason: str | None = None

    @classmethod
    def stored(cls, alarm: Alarm, incident: int | None) -> "Receipt":
        """The promise: it is committed, and its incident is open (a test has none)."""
        return cls(alarm.site, alarm.device, alarm.id, "stored", incident)

    @classmethod
    def of_stage(cls, alarm: Alarm, incident: Incident, stage: str) -> "Receipt":
        """The newest stage of a press."""
        outcome = incident.outcome if stage == "closed" else None
        return cls(alarm.site, alarm.device, alarm.id, stage, incident.id, outcome)

    @classmethod
    def rejected(cls, reject: Reject) -> "Receipt":
        """The device is told that this alarm can't be taken, so that it stops resending and shows a failure."""
        return cls(reject.site or "", reject.device or "", reject.alarm_id or "", "rejected", reason=reject.reason)

    @property
    def topic(self) -> str:
        """Where it is published."""
        return f"skynet/v1/{self.site}/{self.device}/receipt"

    def payload(self, now: datetime) -> bytes:
        """Its JSON, with only the fields that say something."""
        said = {"id": self.id, "stage": self.stage, "ts": now}
        if self.incident is not None:
            said["incident"] = str(self.incident)
        if self.outcome is not None:
            said["outcome"] = self.outcome
        if self.reason is not None:
            said["reason"] = self.reason
        return orjson.dumps(said, option=orjson.OPT_UTC_Z)


class BrokerSilent(Exception):
    """The broker did not take the receipts in time; they are told again."""


def keep_telling(session: Session, connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Tell the stages that the feed shows, until `stop`; reconnects by itself."""
    while not stop.is_set():
        try:
            with connect() as conn:
                conn.autocommit = True
                conn.execute(f"LISTEN {feed.CHANNEL}")
                while not stop.is_set():
                    if session.connected.is_set():
                        _tell_all(conn, session)
                    for _ in conn.notifies(timeout=POLL, stop_after=1):
                        stop.wait(AFTER)
        except (OperationalError, BrokerSilent) as exc:
            log.warning("receipts wait", error=str(exc).strip())
            stop.wait(0.5)
        except Exception:
            log.exception("telling receipts failed; it is tried again")
            stop.wait(1)


def _tell_all(conn: Connection, session: Session) -> None:
    for site in sites_behind(conn):
        while _tell_some(conn, session, site):
            pass


def _tell_some(conn: Connection, session: Session, site: str) -> bool:
    """Tell the next changes of a site; whether there may be more."""
    with conn.transaction():
        cursor = lock_cursor(conn, site)
        if cursor is None:
            return False  # another process is at it
        changes = feed.read_after(conn, {site: cursor}, BATCH)
        if not changes:
            return False
        read = [(change.verb, orjson.loads(change.body)) for change in changes]
        bodies = [(body, stage) for verb, body in read if (stage := openings.stage_told_by(verb, body["state"]))]
        presses = presses_of(conn, [int(body["id"]) for body, _ in bodies])
        told: list[MQTTMessageInfo] = []
        for body, stage in bodies:
            outcome = body["outcome"] if stage == "closed" else None
            for _, device, alarm_id in presses.get(int(body["id"]), ()):
                receipt = Receipt(site, device, alarm_id, stage, int(body["id"]), outcome)
                told.append(session.publish(receipt.topic, receipt.payload(datetime.now(UTC))))
        for one in told:
            one.wait_for_publish(5)
            if not one.is_published():
                raise BrokerSilent("the broker did not take a receipt within 5 s")
        move_cursor(conn, site, changes[-1].seq)
    return len(changes) == BATCH
