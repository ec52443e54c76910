"""What the lanes must know to decide: the registry and the rules, as snapshots that one thread keeps fresh.

That thread also keeps the subscriptions in step with the registry's gateways, and beats for this part: `ready_since` says
since when, without a break, every session has been subscribed; silence before that is ours, not a device's.
"""

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from psycopg import Connection, OperationalError

from alerts.rules import Rules
from alerts.windows import Windows
from devices.formats import CHANNELS_OF_LANE, LANE_OF_FORMAT, Lane, topics_of_gateway
from devices.registry import Registry
from ingest.session import Session
from store import feed, parts
from store import registry as registry_rows
from store import windows as window_rows

log = structlog.get_logger(__name__)

BEAT = 1.0  # seconds


def topics_of(lane: Lane, registry: Registry) -> list[str]:
    """What a lane subscribes: its channels of our own format, and the gateways whose format belongs to it."""
    gateways = [one for one in registry.gateways() if one.format and LANE_OF_FORMAT.get(one.format) == lane]
    own = [f"skynet/v1/+/+/{channel}" for channel in CHANNELS_OF_LANE[lane]]
    return own + [topic for gateway in gateways for topic in topics_of_gateway(gateway)]


class Knowledge:
    """The newest registry, windows and rules; reading them is free, one thread replaces them as a whole."""

    def __init__(self, connect: Callable[[], Connection], rules: Callable[[], Rules]) -> None:
        self.rules = rules
        self.registry = Registry()
        self.windows: Windows = ()
        self._connect = connect
        self._refreshing = threading.Lock()
        self._own: Connection | None = None

    def unknown(self, site: str, device: str) -> bool:
        """Whether the snapshot does not have this device."""
        return (site, device) not in self.registry.devices

    def refresh(self) -> None:
        """Read the registry again now, if it has changed; for a caller that met a name it does not know.

        Raises psycopg.OperationalError when the database is away.
        """
        with self._refreshing:
            if self._own is None or self._own.closed:
                self._own = self._connect()
            try:
                if registry_rows.version(self._own) != self.registry.version:
                    self.windows = window_rows.current(self._own, feed.clock(self._own))
                    self.registry = registry_rows.load(self._own)
                self._own.rollback()
            except OperationalError:
                self._own.close()
                raise

    def close(self) -> None:
        """Give the connection back."""
        with self._refreshing:
            if self._own is not None:
                self._own.close()


def keep_fresh(
    knowledge: Knowledge,
    sessions: dict[Lane, Session],
    connect: Callable[[], Connection],
    stop: threading.Event,
    also_ready: Sequence[threading.Event] = (),
) -> None:
    """Refresh on the doorbell and each second, follow with the subscriptions, and beat, until `stop`."""
    instance, started_at = uuid.uuid4().hex[:12], datetime.now(UTC)
    ready_since: datetime | None = None
    while not stop.is_set():
        try:
            with connect() as conn:
                conn.autocommit = True
                conn.execute(f"LISTEN {registry_rows.CHANNEL}")
                while not stop.is_set():
                    knowledge.refresh()
                    for lane, session in sessions.items():
                        session.subscribe(topics_of(lane, knowledge.registry))
                    _wait_subscribed(sessions, stop)
                    ready = all(one.subscribed for one in sessions.values()) and all(e.is_set() for e in also_ready)
                    ready_since = (ready_since or datetime.now(UTC)) if ready else None
                    version = knowledge.registry.version if ready else 0
                    parts.beat(
                        conn,
                        "ingest",
                        instance,
                        started_at=started_at,
                        ready_since=ready_since,
                        registry_version=version,
                    )
                    for _ in conn.notifies(timeout=BEAT, stop_after=1):
                        pass
        except OperationalError as exc:
            ready_since = None
            log.warning("the registry waits for the database", error=str(exc).strip())
            stop.wait(0.5)
        except Exception:
            ready_since = None
            log.exception("keeping the registry fresh failed; it is tried again")
            stop.wait(1)


def _wait_subscribed(sessions: dict[Lane, Session], stop: threading.Event) -> None:
    """Give the broker a moment to grant, so that the beat tells a new gateway's installer at once."""
    for _ in range(40):
        if all(one.subscribed or not one.connected.is_set() for one in sessions.values()) or stop.wait(0.005):
            return
