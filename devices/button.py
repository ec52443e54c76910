"""A button as a real device: pressed by a program, on disk before it is sent, resent until it is receipted."""

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import structlog

from devices.live import Driver, LiveDevice
from devices.outbox import Outbox, Receipt, body_of
from devices.spool import Spool

log = structlog.get_logger(__name__)

_Found = TypeVar("_Found")

_STEP = 0.2  # seconds: how often resending is looked at


class Button:
    """One button with its own connection, thread and spool file. Its methods may be called from any thread.

    What an earlier process left in the spool is sent again as soon as there is a connection.
    """

    def __init__(self, host: str, port: int, site: str, device: str, password: str, spool: Path) -> None:
        self.receipts: list[Receipt] = []
        self._changed = threading.Condition()
        self._spool = Spool(spool)
        self._outbox = Outbox(self._spool, f"{site}.{device}")
        self._numbers = itertools.count(1)
        self._tag = f"{time.time_ns():x}"
        self._stopping = False
        self._live = LiveDevice(host, port, site, device, password, on_receipt=self._receive, on_ready=self._connected)
        self._driver = Driver([self._live])
        self._thread = threading.Thread(target=self._run, name=f"button {site}.{device}", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.close()

    def start(self) -> None:
        """Connect, and keep connecting; returns at once."""
        self._thread.start()

    def close(self) -> None:
        """Disconnect. What has no receipt yet stays in the spool."""
        self._stopping = True
        self._driver.wake()
        self._thread.join(10)
        self._driver.close()
        self._spool.close()

    def press(self, attrs: Mapping[str, object] | None = None, *, alarm_id: str | None = None) -> str:
        """Press it: on disk when this returns. Gives the press's id."""
        return self._say(alarm_id or self._new_id(), "press", attrs)

    def cancel(self, alarm_id: str) -> None:
        """Take a press back."""
        self._say(alarm_id, "cancel", None)

    def test(self) -> str:
        """Try it, without an alarm. Gives the test's id."""
        return self._say(self._new_id(), "test", None)

    @property
    def pending(self) -> int:
        """How many alarms still wait for their receipts."""
        with self._changed:
            return self._outbox.pending

    @property
    def ready(self) -> bool:
        """Whether it is connected and hears receipts."""
        return self._live.ready

    def wait_until_ready(self, seconds: float = 10.0) -> bool:
        """Whether it got connected within so many seconds."""
        return self._wait(lambda: True if self._live.ready else None, seconds) is not None

    def wait_for(self, alarm_id: str, stage: str, seconds: float = 10.0) -> Receipt | None:
        """The receipt of this stage for an alarm, None when it has not come within so many seconds."""

        def find() -> Receipt | None:
            return next((one for one in self.receipts if one.id == alarm_id and one.stage == stage), None)

        return self._wait(find, seconds)

    def _wait(self, look: Callable[[], _Found | None], seconds: float) -> _Found | None:
        deadline = time.monotonic() + seconds
        with self._changed:
            while (found := look()) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._changed.wait(min(left, _STEP))
        return found

    def _new_id(self) -> str:
        return f"{self._tag}-{next(self._numbers)}"

    def _say(self, alarm_id: str, action: str, attrs: Mapping[str, object] | None) -> str:
        now = datetime.now(UTC)
        body = body_of(alarm_id, action, now.isoformat(timespec="milliseconds"), attrs)
        with self._changed:
            self._outbox.put(alarm_id, action, body, now.timestamp())
        self._driver.wake()
        return alarm_id

    def _connected(self) -> None:
        with self._changed:
            self._outbox.connected()
            self._changed.notify_all()

    def _receive(self, receipt: Receipt) -> None:
        with self._changed:
            self.receipts.append(receipt)
            self._outbox.receive(receipt, time.time())
            self._changed.notify_all()

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._step()
            except Exception:
                log.exception("a button's thread failed and goes on", user=self._live.user)
                time.sleep(_STEP)

    def _step(self) -> None:
        with self._changed:
            due = self._outbox.due(time.monotonic()) if self._live.ready else []
        for payload in due:
            self._live.publish("alarm", payload)
        self._driver.step(_STEP)
