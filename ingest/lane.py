"""A lane: one MQTT session, one database connection, one thread. Takes what is queued, stores it, tells, acknowledges.

Nothing is acknowledged before its commit, so a crash anywhere only means redelivery, which idempotent keys make once.
While the database is away the lane waits with its batch in hand; the broker then holds back what comes behind it.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty
from typing import TypeVar

import psycopg
import structlog
from psycopg import Connection

from devices.presses import PressWindow
from ingest.incoming import Incoming
from ingest.knowledge import Knowledge
from ingest.life import SignsOfLife, note_signs
from ingest.rejects import Quota
from ingest.session import Session
from ingest.sorting import sort
from ingest.writing import Written, write
from store.alarms import recent_presses
from store.connect import transient
from store.rejects import Refused
from store.rejects import insert as insert_rejects

log = structlog.get_logger(__name__)

MAX_BATCH = 1000

T = TypeVar("T")


class LaneWorker:
    """Moves messages from one session's inbox into the database, in order of arrival."""

    def __init__(
        self, session: Session, connect: Callable[[], Connection], knowledge: Knowledge, life: SignsOfLife
    ) -> None:
        self._session = session
        self._connect = connect
        self._knowledge = knowledge
        self._life = life
        self._quota = Quota()
        self._window: PressWindow | None = None
        self._conn: Connection | None = None
        self._stopping = threading.Event()

    def run(self) -> None:
        """Work until the session stops."""
        while (batch := self._take()) is not None:
            self._process(batch)
        if self._conn is not None:
            self._conn.close()

    def stop(self) -> None:
        """End the waiting for a lost database; what is in hand stays unacknowledged."""
        self._stopping.set()

    def _take(self) -> list[Incoming] | None:
        inbox = self._session.inbox
        first = inbox.get()
        if first is None:
            return None
        batch = [first]
        with suppress(Empty):
            while len(batch) < MAX_BATCH:
                message = inbox.get_nowait()
                if message is None:
                    inbox.put(None)
                    break
                batch.append(message)
        return batch

    def _process(self, batch: Sequence[Incoming]) -> None:
        """Store a batch; where that fails for a reason of its own, halve it until the guilty message stands alone."""
        try:
            self._store(batch)
        except _Stopped:
            return
        except Exception as exc:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._process(batch[:middle])
                self._process(batch[middle:])
                return
            log.exception("a message can't be stored; it is kept as a reject", topic=batch[0].topic)
            self._refuse(batch[0], exc)
        self._session.acknowledge(batch)

    def _store(self, batch: Sequence[Incoming]) -> None:
        knowledge = self._knowledge
        if self._window is None:
            self._window = PressWindow(self._commit(recent_presses))
        sorted_ = sort(batch, knowledge.registry, self._quota, self._window)
        if any(knowledge.unknown(one.site, one.device) for one in sorted_.strangers):
            knowledge.refresh()  # a device added a moment ago is not a stranger
            sorted_ = sort(batch, knowledge.registry, self._quota, self._window)
        if not sorted_.empty:
            written = self._commit(
                lambda conn: write(conn, sorted_, knowledge.registry, knowledge.rules(), knowledge.windows)
            )
            self._tell(written)
            if written.new_strangers:
                knowledge.refresh()
        note_signs(sorted_, self._life, knowledge.registry)

    def _commit(self, work: Callable[[Connection], T]) -> T:
        """Run work and commit, again and again while the database is away or another transaction was in the way."""
        while True:
            try:
                if self._conn is None or self._conn.closed:
                    self._conn = self._connect()
                result = work(self._conn)
                self._conn.commit()
            except psycopg.Error as exc:
                self._roll_back()
                if not transient(exc):
                    raise
                log.warning("storing waits", lane=self._session.user, error=str(exc).strip())
                if self._stopping.wait(0.2):
                    raise _Stopped from exc
            except BaseException:
                self._roll_back()
                raise
            else:
                return result

    def _roll_back(self) -> None:
        if self._conn is not None:
            try:
                self._conn.rollback()
            except psycopg.Error:
                self._conn.close()

    def _tell(self, written: Written) -> None:
        now = datetime.now(UTC)
        for receipt in written.receipts:
            self._session.publish(receipt.topic, receipt.payload(now))

    def _refuse(self, message: Incoming, exc: Exception) -> None:
        reason = f"internal: {type(exc).__name__}: {exc}"[:500]
        refused = Refused(message.received_at, None, None, message.topic, reason, message.payload)

        self._commit(lambda conn: insert_rejects(conn, [refused]))


class _Stopped(Exception):
    """The process ends while the database is away."""
