"""Camera events durably stored a second: a fixed number published as fast as the broker takes them, until all are stored."""

import time
from functools import partial

from bench import systems
from bench.load import camera_of
from bench.servers import Servers, python
from bench.systems import System


def measure(servers: Servers, events: int, system: System) -> float:
    """Events a second, from the first one published to the last one committed; every one is counted afterwards.

    Raises RuntimeError when one is missing or there twice.
    """
    with systems.running(servers, system) as target:
        told = {**servers.publisher("loader"), "seconds": 600.0, "rate": None, "count": events}
        last = partial(target.stored, f"e-{events}", camera_of(events))
        with python("bench.load", told=told) as loader:
            assert loader.stdout is not None
            began = float(loader.stdout.readline())
            systems.wait_until(last, "the last event", within=120.0)
            took = time.monotonic() - began
        if (stored := target.count()) != events:
            raise RuntimeError(f"{system} stored {stored} of {events} events: the broker's queue was too short for it")
    return events / took
