"""The sender of notices: spreads them into deliveries, sends those that can go, and notes what became of them.

Several may run. What is claimed is committed before it is sent, and what became of it after: a sender that dies between
the two leaves a claim that ends by itself, and the message is sent again. So it is sent at least once, by one sender at a time.
One connection does all the SQL; each message is sent in a thread of its own, which touches nothing else.
"""

import queue
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import psycopg
import structlog
from psycopg import Connection

from alerts.notices import channel_health, fates
from alerts.notices.claiming import Claimed, Claims
from alerts.notices.planning import Room
from alerts.notices.verdicts import Failed, Throttled, Verdict
from alerts.rules import Rules
from store import deliveries, feed, notices
from store.connect import connect, settled, transient
from store.deliveries import Addressee, Ended

log = structlog.get_logger(__name__)

POLL = 1.0  # seconds
MOST_URGENT, MOST_OTHERS = 16, 8  # messages under way at once; an urgent one never waits behind the others
GIVEN_UP = 60.0  # seconds after which a message under way counts as failed, whatever its library still waits for
LOOK_AT_HEALTH = timedelta(seconds=30)


class _UnderWay(msgspec.Struct):
    """A message that is being sent, or whose verdict is not noted yet."""

    claimed: Claimed
    since: float
    verdict: Verdict | None = None


class Sender:
    """Sends by turns: each `turn` spreads and starts what can go, `collect` notes what ended."""

    def __init__(
        self,
        rules: Callable[[], Rules],
        console: str | None,
        clock: Callable[[Connection], datetime] = feed.clock,
    ) -> None:
        self._rules = rules
        self._claims = Claims(console)
        self._clock = clock
        self._under_way: dict[str, _UnderWay] = {}
        self._answers: queue.SimpleQueue[tuple[str, Verdict]] = queue.SimpleQueue()
        self._health_at: datetime | None = None

    @property
    def busy(self) -> bool:
        """Whether a message is under way."""
        return bool(self._under_way)

    def turn(self, conn: Connection) -> float:
        """Spread and start what can go; how many seconds until there may be more to do.

        Raises psycopg.Error when the database is away.
        """
        now = self._now(conn)
        settled(conn, lambda: _spread(conn, now))
        addressees = deliveries.due(conn, now)
        conn.rollback()
        wait = POLL
        for to in addressees:
            while (ask_in := self._start_next(conn, to)) is None:
                pass
            wait = min(wait, ask_in)
        if self._health_at is None or now - self._health_at >= LOOK_AT_HEALTH:
            self._look_at_health(conn, now)
        return wait

    def collect(self, conn: Connection, within: float) -> bool:
        """Wait up to `within` seconds for a message to end, and note what became of all that ended. Whether any did.

        Raises psycopg.Error when the database is away; what is not noted is noted next time.
        """
        self._hear(within)
        ended = [one for one in self._under_way.values() if one.verdict is not None]
        for one in ended:
            self._note(conn, one.claimed, one.verdict or Failed(""), self._now(conn))
            del self._under_way[one.claimed.name]
        if ended:
            self._look_at_health(conn, self._now(conn))
        return bool(ended)

    def _hear(self, within: float) -> None:
        try:
            name, verdict = self._answers.get(timeout=within)
            while True:
                if (one := self._under_way.get(name)) is not None:
                    one.verdict = verdict
                name, verdict = self._answers.get_nowait()
        except queue.Empty:
            pass
        late = time.monotonic() - GIVEN_UP
        for one in self._under_way.values():
            if one.verdict is None and one.since < late:
                one.verdict = Failed("no end in a minute")

    def _now(self, conn: Connection) -> datetime:
        now = self._clock(conn)
        conn.rollback()
        return now

    def _start_next(self, conn: Connection, to: Addressee) -> float | None:
        """Start the next message to somebody: None; or the seconds until it is worth asking again."""
        urgent = sum(one.claimed.urgent for one in self._under_way.values())
        room = Room(urgent < MOST_URGENT, len(self._under_way) - urgent < MOST_OTHERS)
        try:
            claimed = self._claims.next(conn, to, room, self._clock(conn))
            conn.commit()
        except psycopg.Error as exc:
            if conn.closed or not transient(exc):
                raise
            conn.rollback()
            return POLL
        if isinstance(claimed, timedelta):
            return claimed.total_seconds()
        self._under_way[claimed.name] = _UnderWay(claimed, time.monotonic())
        threading.Thread(target=self._send, args=(claimed,), name="notice", daemon=True).start()
        return None

    def _send(self, claimed: Claimed) -> None:
        try:
            verdict = claimed.target.send(claimed.message)
        except Exception as exc:
            log.exception("a message could not be sent")
            verdict = Failed(f"a fault of ours ({type(exc).__name__})")
        self._answers.put((claimed.name, verdict))

    def _note(self, conn: Connection, one: Claimed, verdict: Verdict, now: datetime) -> None:
        verdict = fates.with_wait(verdict, deliveries.throttled(conn, one.robot))
        if not isinstance(verdict, Failed):
            until = now + timedelta(seconds=verdict.wait or 0) if isinstance(verdict, Throttled) else None
            deliveries.answered(conn, one.robot, wait_until=until)
        fate = {
            row.id: fates.after(
                verdict, urgent=row.urgent, tries=row.tries + 1, created_at=row.created_at, second=one.second, now=now
            )
            for row in one.rows
        }
        ended = [Ended(row, it.state, it.due_at, it.error, it.counted) for row, it in fate.items()]
        noted = deliveries.end(conn, ended, now, claim=one.name)
        deliveries.take_second_way(conn, [row for row in noted if fate[row].second], now)
        conn.commit()
        states = sorted({it.state for it in fate.values()})
        log.info("a message ended", notices=len(one.rows), states=states, said=verdict.said)

    def _look_at_health(self, conn: Connection, now: datetime) -> None:
        self._health_at = now
        channel_health.watch(conn, self._rules(), now)


def _spread(conn: Connection, now: datetime) -> None:
    while deliveries.spread(conn, now):
        conn.commit()


def run(url: str, rules: Callable[[], Rules], console: str | None, stop: threading.Event) -> None:
    """Send notices until told to stop, on a connection of its own."""
    sender = Sender(rules, console)
    while not stop.is_set():
        try:
            with connect(url, part="notices") as conn:
                conn.execute(f"LISTEN {notices.CHANNEL}")
                conn.commit()
                while not stop.is_set():
                    _send_on(sender, conn)
                _end(sender, conn)
        except psycopg.Error as exc:
            log.warning("notices wait for the database", error=str(exc).strip())
            stop.wait(0.5)
        except Exception:
            log.exception("a turn of the notices failed; it is tried again")
            stop.wait(POLL)


def _send_on(sender: Sender, conn: Connection) -> None:
    """One turn, and the wait for the doorbell or an answer, whichever comes first."""
    wait = sender.turn(conn)
    if sender.busy:
        sender.collect(conn, min(wait, 0.1))
        wait = 0
    for _ in conn.notifies(timeout=wait, stop_after=1):
        pass


def _end(sender: Sender, conn: Connection) -> None:
    """Note what still ends within some seconds: it is not sent twice then."""
    deadline = time.monotonic() + 4
    while sender.busy and time.monotonic() < deadline:
        sender.collect(conn, 0.1)
