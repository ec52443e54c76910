"""Tells buttons the stages of their presses, as a projection of the feed with a cursor of its own for each site.

The cursor moves only after the broker took the receipts, and is held under a row lock, so that none is lost over a restart
and two processes don't tell the same one. Of a press only one stage is on its way at a time: what a crash repeats is then
its last stage, never an earlier one.

The broker's word for "taken" says nothing of the device. But it says when nobody listens (MQTT 5), as when the broker
comes back and the device has not yet: such receipts wait in a table, and are told in order once the device is there.
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from psycopg import Connection, OperationalError

from alerts.stages import stage_told_by
from ingest.receipts import Receipt
from ingest.session import Session
from store import feed, receipts
from store.alarms import presses_of
from store.records import NumberedChange

log = structlog.get_logger(__name__)

POLL = 1.0  # seconds: how long a lost doorbell can delay a receipt
AFTER = 0.02  # seconds from the doorbell: consoles read the same change first, and what rings meanwhile is told with it
BATCH = 200
TAKEN_WITHIN = 5.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between two tries at a device that does not listen


class BrokerSilent(Exception):
    """The broker did not take the receipts in time; they are told again."""


def keep_telling(teller: "Teller", connect: Callable[[], Connection], stop: threading.Event) -> None:
    """Tell the stages that the feed shows, until `stop`; reconnects by itself."""
    while not stop.is_set():
        try:
            with connect() as conn:
                conn.autocommit = True
                conn.execute(f"LISTEN {feed.CHANNEL}")
                while not stop.is_set():
                    teller.tell(conn)
                    for _ in conn.notifies(timeout=POLL, stop_after=1):
                        stop.wait(AFTER)
        except (OperationalError, BrokerSilent) as exc:
            log.warning("receipts wait", error=str(exc).strip())
            stop.wait(0.5)
        except Exception:
            log.exception("telling receipts failed; it is tried again")
            stop.wait(1)


def one_stage_each(changes: Iterable[NumberedChange]) -> tuple[list[NumberedChange], list[tuple[dict[str, Any], str]]]:
    """The changes up to the second stage of an incident, and (incident, stage) of those that tell one."""
    taken: list[NumberedChange] = []
    stages: dict[str, tuple[dict[str, Any], str]] = {}
    for change in changes:
        body = orjson.loads(change.body)
        stage = stage_told_by(change.verb, body["state"])
        if stage is not None:
            if body["id"] in stages:
                break
            stages[body["id"]] = (body, stage)
        taken.append(change)
    return taken, list(stages.values())


class Teller:
    """Publishes receipts, and knows when to try those again that waited."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._pauses: dict[tuple[str, str], tuple[float, float]] = {}  # next try, and the pause before it

    def tell(self, conn: Connection) -> None:
        """Tell what the feeds show and what waits; nothing while there is no broker.

        Raises BrokerSilent when the broker does not take it.
        """
        if not self._session.connected.is_set():
            return
        for site in receipts.sites_behind(conn):
            while self._tell_some(conn, site):
                pass
        waited_for = receipts.waited_for(conn)
        self._pauses = {device: pause for device, pause in self._pauses.items() if device in waited_for}
        for device in sorted(waited_for):
            if self._pauses.get(device, (0.0, 0.0))[0] <= time.monotonic():
                self._try_again(conn, *device)

    def _tell_some(self, conn: Connection, site: str) -> bool:
        """Tell the next changes of a site; whether there may be more."""
        with conn.transaction():
            cursor = receipts.lock_cursor(conn, site)
            if cursor is None:
                return False  # another process is at it
            changes = feed.read_after(conn, {site: cursor}, BATCH)
            if not changes:
                return False
            taken, stages = one_stage_each(changes)
            told = self._receipts(conn, site, stages)
            behind = {device for _, device in receipts.waited_for(conn, site)} if told else set()
            unheard = self._publish([one for one in told if one.device not in behind])
            late = [one for one in told if one.device in behind or one in unheard]
            receipts.put_waiting(
                conn, [(one.site, one.device, one.id, one.stage, one.incident, one.outcome) for one in late]
            )
            receipts.move_cursor(conn, site, taken[-1].seq)
        return len(changes) == BATCH or len(taken) < len(changes)

    def _receipts(self, conn: Connection, site: str, stages: list[tuple[dict[str, Any], str]]) -> list[Receipt]:
        presses = presses_of(conn, [int(body["id"]) for body, _ in stages]) if stages else {}
        return [
            Receipt(site, device, alarm, stage, int(body["id"]), body["outcome"] if stage == "closed" else None)
            for body, stage in stages
            for _, device, alarm in presses.get(int(body["id"]), ())
        ]

    def _publish(self, told: list[Receipt]) -> set[Receipt]:
        """Publish receipts, and wait until the broker has all of them; those that nobody listened to."""
        now = datetime.now(UTC)
        sent = [(receipt, self._session.publish(receipt.topic, receipt.payload(now))) for receipt in told]
        for _, message in sent:
            try:
                message.wait_for_publish(TAKEN_WITHIN)
                taken = message.is_published()
            except RuntimeError:  # the connection was lost before it could be sent
                taken = False
            if not taken:
                raise BrokerSilent("the broker did not take a receipt")
        return {receipt for receipt, message in sent if not self._session.heard(message)}

    def _try_again(self, conn: Connection, site: str, device: str) -> None:
        """Tell a device what waits for it, one after the other, as long as it listens."""
        while True:
            with conn.transaction():
                if receipts.lock_cursor(conn, site) is None:
                    return  # another process is at it
                first = receipts.first_waiting(conn, site, device)
                if first is None:
                    return
                receipt = Receipt(site, device, first.alarm, first.stage, first.incident, first.outcome)
                if self._publish([receipt]):
                    _, pause = self._pauses.get((site, device), (0.0, FIRST_PAUSE / 2))
                    pause = min(pause * 2, LONGEST_PAUSE)
                    self._pauses[site, device] = (time.monotonic() + pause, pause)
                    return
                receipts.told(conn, first.id)
