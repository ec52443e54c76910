"""From a press to a websocket client: idle, beside a stream of camera events, and with ingest saturated."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import orjson

from bench import systems
from bench.servers import Servers, python
from bench.systems import System

Load = Literal["idle", "5,000 camera events/s", "ingest saturated"]
LOADS: dict[Load, float | None] = {"idle": 0.0, "5,000 camera events/s": 5000.0, "ingest saturated": None}
RATE = 40.0  # presses a second
_WARM = 20  # the first presses of a fresh process are not counted
_HEAD_START = 1.5  # seconds the load runs before the first press
LOAD_SECONDS = 3600.0  # it is ended when the presses are through


@dataclass(frozen=True)
class Watched:
    """What the watcher found: seconds from each press to the last client, and how long the burst took."""

    paced: list[float]
    burst_seconds: float


def measure(servers: Servers, load: Load, presses: int, system: System) -> list[float]:
    """Milliseconds from press to client, one for each press, all of different buttons."""
    rate = LOADS[load]
    with systems.running(servers, system, buttons=presses + _WARM) as target:
        told = {**servers.publisher("loader"), "seconds": LOAD_SECONDS, "rate": rate}
        with nullcontext() if rate == 0.0 else python("bench.load", told=told):
            found = watch(servers, target, clients=1, paced=presses + _WARM, rate=RATE, head_start=rate != 0.0)
    return [1000 * seconds for seconds in found.paced[_WARM:]]


def watch(
    servers: Servers,
    target: systems.Running,
    *,
    clients: int,
    paced: int,
    rate: float,
    burst: int = 0,
    head_start: bool = False,
) -> Watched:
    """Have a watcher press and watch; with a head start the load is well under way before."""
    told = {
        "publisher": servers.publisher("presser"), "web_port": target.web_port, "path": target.path,
        "headers": target.headers, "greets": target.greets, "clients": clients, "paced": paced, "rate": rate,
        "burst": burst,
    }  # fmt: skip
    with python("bench.watcher", told=told, log=servers.folder / "watcher.log") as watcher:
        assert watcher.stdin is not None
        assert watcher.stdout is not None
        if watcher.stdout.readline().strip() != "ready":
            raise RuntimeError((servers.folder / "watcher.log").read_text("utf-8")[-1000:])
        if head_start:
            systems.pause(_HEAD_START)
        watcher.stdin.write("go\n")
        watcher.stdin.flush()
        line = watcher.stdout.readline()
        if not line:
            raise RuntimeError((servers.folder / "watcher.log").read_text("utf-8")[-1000:])
    said = orjson.loads(line)
    return Watched(said["paced"], said["burst_seconds"])
