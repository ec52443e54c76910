"""One change to many consoles: how long until the last of them has it, and how many frames a second go out at most."""

from dataclasses import dataclass

from bench import latency, systems
from bench.servers import Servers
from bench.systems import System

# consoles: presses at a pace, presses a second, presses at once
CASES: dict[int, tuple[int, float, int]] = {1: (100, 20.0, 500), 100: (100, 20.0, 300), 1000: (40, 5.0, 100)}
_WARM = 5


@dataclass(frozen=True)
class FanOut:
    """Milliseconds from each press to the last client, and frames delivered a second when all is pressed at once."""

    milliseconds: list[float]
    deliveries: float


def measure(servers: Servers, clients: int, system: System) -> FanOut:
    """One case of CASES."""
    paced, rate, burst = CASES[clients]
    with systems.running(servers, system, buttons=paced + burst) as target:
        found = latency.watch(servers, target, clients=clients, paced=paced, rate=rate, burst=burst)
    return FanOut([1000 * seconds for seconds in found.paced[_WARM:]], burst * clients / found.burst_seconds)
