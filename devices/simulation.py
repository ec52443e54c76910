"""A simulated site, live: each device has a connection of its own under its own name, buttons keep presses on disk.

One thread does all of it, in the clock's time: it takes what the simulator makes when its moment comes, and drives the
connections in between.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import structlog

from devices import playing
from devices.clock import VirtualClock
from devices.live import Driver, LiveDevice
from devices.outbox import Outbox, Receipt
from devices.registry import Registry
from devices.scenarios import Scenario
from devices.simulator import Said, crowd, simulate
from devices.spool import Spool

log = structlog.get_logger(__name__)

_LONGEST_STEP = 0.5  # seconds
_MOST_AT_ONCE = 200  # things said before the connections are looked after again

Accounts = Mapping[tuple[str, str], str]
"""The password of each simulated device, by (site, device)."""


def run(
    host: str,
    port: int,
    accounts: Accounts,
    registry: Registry,
    scenario: Scenario,
    *,
    seed: int,
    speed: float = 1.0,
    spool_dir: Path,
    stop: threading.Event,
) -> None:
    """Play these devices until `stop`. What has no receipt by then waits in the spool for the next run.

    Raises ValueError for a speed that is not above 0.
    """
    if not speed > 0:
        raise ValueError(f"the speed is {speed:g}; live devices need one above 0")
    _Simulation(host, port, accounts, registry, scenario, seed, speed, spool_dir).run(stop)


def run_crowd(
    host: str, port: int, password: str, *, site: str, cameras: int, rate: float, seed: int, stop: threading.Event
) -> int:
    """Events of any number of cameras at any rate a second, through one connection; gives how many were confirmed.

    Raises playing.BrokerLost.
    """
    records = crowd(site, cameras, rate, seed, datetime.now(UTC))
    return playing.replay(host, port, password, records, stop=stop)


class _Simulation:
    def __init__(
        self,
        host: str,
        port: int,
        accounts: Accounts,
        registry: Registry,
        scenario: Scenario,
        seed: int,
        speed: float,
        spool_dir: Path,
    ) -> None:
        self._spool = Spool(spool_dir / "simulated.sqlite")
        self._live: dict[tuple[str, str], LiveDevice] = {}
        self._outboxes: dict[tuple[str, str], Outbox] = {}
        for key, password in sorted(accounts.items()):
            outbox = Outbox(self._spool, f"{key[0]}.{key[1]}") if registry.devices[key].kind == "button" else None
            if outbox is not None:
                self._outboxes[key] = outbox
            self._live[key] = LiveDevice(
                host,
                port,
                *key,
                password,
                on_receipt=None if outbox is None else _receiver(outbox),
                on_ready=None if outbox is None else outbox.connected,
            )
        self._driver = Driver(self._live.values())
        self._clock = VirtualClock(time.monotonic(), speed)
        self._feed = self._merged(registry, scenario, seed)

    def _merged(self, registry: Registry, scenario: Scenario, seed: int) -> Iterator[Said]:
        devices = [registry.devices[key] for key in self._live]
        zones = {registry.sites[one.site].timezone for one in devices}
        return simulate(devices, scenario, seed, datetime.now(UTC), min(zones, default="Asia/Shanghai"))

    def run(self, stop: threading.Event) -> None:
        log.info("simulated devices are starting", devices=len(self._live), still_in_spool=self._spool.count())
        try:
            said = next(self._feed)
            while not stop.is_set():
                for _ in range(_MOST_AT_ONCE):
                    if self._clock.wait(said.at, time.monotonic()):
                        break
                    self._perform(said)
                    said = next(self._feed)
                self._send_due()
                self._driver.step(min(_LONGEST_STEP, self._clock.wait(said.at, time.monotonic())))
        finally:
            self._driver.close()
            self._spool.close()

    def _perform(self, said: Said) -> None:
        """Do what the simulator says; the devices' clocks are right, whatever the speed."""
        key = (said.site, said.device)
        device = self._live[key]
        now = datetime.now(UTC)
        if said.channel == "status":
            device.plug_in() if said.body["online"] else device.unplug()
        elif said.channel == "alarm":
            body = said.body
            self._outboxes[key].put(body["id"], body["action"], said.payload(now), now.timestamp())
        else:
            device.publish(said.channel, said.payload(now))  # a figure or a sighting that can't be sent is let go

    def _send_due(self) -> None:
        now = time.monotonic()
        for key, outbox in self._outboxes.items():
            device = self._live[key]
            if outbox.pending and device.ready:
                for payload in outbox.due(now):
                    device.publish("alarm", payload)


def _receiver(outbox: Outbox) -> Callable[[Receipt], None]:
    def receive(receipt: Receipt) -> None:
        outbox.receive(receipt, time.time())

    return receive
