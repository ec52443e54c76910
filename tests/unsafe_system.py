"""`skynet up` with a deliberately unsafe ingester: it says `stored` and acknowledges first, and commits a moment later.

The fault test must find losses with this one, or its finding none with the real one proves nothing.
"""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from devices import formats
from devices.messages import Alarm
from devices.presses import PressWindow
from ingest.incoming import Incoming
from ingest.lane import LaneWorker
from ingest.receipts import Receipt
from skynet.__main__ import main
from skynet.local.supervisor import Program
from skynet.local.system import System

_safe_part = System._part
_safe_process = LaneWorker._process
WRITE_BEHIND = 0.4  # seconds that a careless buffer waits to be worth a commit


def part_of_unsafe_system(self: System, name: str, facts: dict[str, object]) -> Program:
    program = _safe_part(self, name, facts)
    if name != "ingest":
        return program
    command = [sys.executable, str(Path(__file__).resolve()), "ingest"]
    return Program(program.name, command, program.environment)


def promise_then_store(self: LaneWorker, batch: Sequence[Incoming]) -> None:
    for message in batch:
        said = formats.decode(
            message.topic,
            message.payload,
            message.retained,
            message.received_at,
            self._knowledge.registry,
            PressWindow(),
        )
        for alarm in said:
            if isinstance(alarm, Alarm):
                receipt = Receipt.stored(alarm, None)
                self._session.publish(receipt.topic, receipt.payload(datetime.now(UTC)))
    self._session.acknowledge(batch)
    time.sleep(WRITE_BEHIND)
    _safe_process(self, batch)


if __name__ == "__main__":
    with (
        mock.patch.object(System, "_part", part_of_unsafe_system),
        mock.patch.object(LaneWorker, "_process", promise_then_store),
    ):
        main()
