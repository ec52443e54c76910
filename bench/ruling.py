"""What the rules cost ingest: the same batches of camera events written with the rules and with none, by turns.

The difference, for a thousand events, is held against a tenth of the time that ingest needs for a thousand, from the broker
to the commit, measured in the same run.
"""

import time
from datetime import UTC, datetime
from itertools import count

from alerts.rules import Rules, load_rules
from bench.load import INTRUSION_EVERY, camera_of
from bench.servers import SITE, Servers
from devices.messages import Event
from ingest.sorting import Sorted
from ingest.writing import write
from store import registry
from store.connect import connect
from store.events import Arrived

BATCH = 1000
SHARE = 0.1  # of ingest's time: what the rules may cost

_numbers = count()


def measure(servers: Servers, batches: int) -> tuple[list[float], list[float]]:
    """Seconds of each batch, with the rules and without; the transaction included."""
    took: dict[bool, list[float]] = {True: [], False: []}
    rules = {True: load_rules(), False: Rules()}
    with servers.copy_of("template_ours") as database, connect(database, part="bench") as conn:
        known = registry.load(conn)
        conn.rollback()
        for number in range(2 * batches + 2):
            ruled = number % 2 == 0
            batch = _batch()
            began = time.monotonic()
            write(conn, Sorted(events=batch), known, rules[ruled])
            conn.commit()
            if number >= 2:  # the first of each is warm-up
                took[ruled].append(time.monotonic() - began)
    return took[True], took[False]


def _batch() -> list[Arrived]:
    now = datetime.now(UTC)
    return [Arrived(_event(next(_numbers)), now) for _ in range(BATCH)]


def _event(number: int) -> Event:
    kind = "intrusion" if number % INTRUSION_EVERY == 0 else "person"
    return Event(SITE, camera_of(number), f"e-{number}", kind, "start", f"t{number}", 0.9, None, b'{"zone":"gate"}')
