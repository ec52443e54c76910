"""`skynet simulate | record | replay`: feeds made, taken down and played again."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from devices import feed, playing, simulation, siteplan
from devices.registry import Device, Registry
from devices.scenarios import SCENARIOS
from skynet.cli import logins
from skynet.cli.context import DataDir, database, load
from skynet.cli.errors import CommandError
from skynet.settings import Settings
from store import registry

SAMPLE_SITES = ("zhihuo", "liujiang")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(simulate)
    app.command()(record)
    app.command()(replay)


def simulate(
    *,
    site: Annotated[
        str | None, typer.Option(help="Only this site (default: every site with simulated devices).")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed makes the same feed.")] = 1,
    scenario: Annotated[str, typer.Option(help=f"How much goes on: {', '.join(SCENARIOS)}.")] = "day",
    speed: Annotated[float, typer.Option(help="So many times as fast as life.")] = 1.0,
    cameras: Annotated[int | None, typer.Option(help="Instead: events of so many cameras, through one line.")] = None,
    rate: Annotated[float, typer.Option(help="With --cameras: so many events a second in all.")] = 100.0,
    sample: Annotated[
        bool, typer.Option("--sample", help="Import the invented sample sites first, if missing.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Play the simulated devices of a running system, each under a log-in of its own, until SIGTERM or Ctrl-C."""
    loaded = load(data_dir)
    stop = _stop_on_signal()
    if sample:
        _import_samples(loaded)
    if cameras is not None:
        _crowd(loaded, site, cameras, rate, seed, stop)
        return
    if scenario not in SCENARIOS:
        raise CommandError(f"no scenario {scenario!r}: use one of {', '.join(SCENARIOS)}")
    if speed <= 0:
        raise CommandError(f"the speed is {speed:g}; it must be above 0")
    known, given = _simulated(loaded, site)
    host, port = loaded.require_mqtt()
    simulation.run(
        host,
        port,
        {(one.site, one.device): one.password for one in given if one.password is not None},
        known,
        SCENARIOS[scenario],
        seed=seed,
        speed=speed,
        spool_dir=loaded.data_dir / "spool",
        stop=stop,
    )


def _import_samples(loaded: Settings) -> None:
    with database(loaded) as conn:
        there = registry.load(conn).sites
        for name in SAMPLE_SITES:
            if name not in there:
                registry.import_site(conn, siteplan.sample(name))


def _simulated(loaded: Settings, site: str | None) -> tuple[Registry, list[logins.GivenLogin]]:
    """The registry, and new log-ins for its simulated devices; those of the last run end."""
    with database(loaded) as conn:
        known = registry.load(conn)
        _check_site(known, site)
        played: list[Device] = [
            one
            for key, one in sorted(known.devices.items())
            if one.simulated and one.registered and one.via is None and one.kind != "gateway" and site in {None, key[0]}
        ]
        if not played:
            raise CommandError("there is no simulated device: `skynet simulate --sample` brings the sample sites")
        return known, logins.give(conn, loaded, played)


def _check_site(known: Registry, site: str | None) -> None:
    if site is not None and site not in known.communities:
        raise CommandError(f"no site {site!r}: `skynet sites list` shows them")


def _crowd(loaded: Settings, site: str | None, cameras: int, rate: float, seed: int, stop: threading.Event) -> None:
    if not 1 <= cameras <= 100_000 or not 0 < rate <= 1_000_000:
        raise CommandError("give --cameras from 1 to 100000 and --rate above 0")
    with database(loaded) as conn:
        known = registry.load(conn)
    _check_site(known, site)
    if not known.communities:
        raise CommandError("there is no site yet: `skynet sites add` makes one")
    host, port = loaded.require_mqtt()
    sent = simulation.run_crowd(
        host,
        port,
        loaded.require_mqtt_password(),
        site=site or min(known.communities),
        cameras=cameras,
        rate=rate,
        seed=seed,
        stop=stop,
    )
    typer.echo(f"{sent} events were sent")


def record(
    file: Annotated[Path, typer.Argument(help="Where to: JSON lines; what is there already is replaced.")],
    *,
    topic: Annotated[list[str] | None, typer.Option(help="A topic filter; several times for several.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write down what is said on the broker (default: everything), until SIGTERM or Ctrl-C."""
    loaded = load(data_dir)
    stop = _stop_on_signal()
    host, port = loaded.require_mqtt()
    topics = topic or list(playing.EVERYTHING)
    try:
        count = playing.record(host, port, loaded.require_mqtt_password(), file, topics=topics, stop=stop)
    except OSError as exc:
        raise CommandError(f"{file} can't be written: {exc.strerror}") from exc
    typer.echo(f"{count} messages are in {file}")


def replay(
    file: Annotated[Path, typer.Argument(help="A recorded or written feed: JSON lines.")],
    *,
    speed: Annotated[float, typer.Option(help="So many times as fast as it was; 0: without waiting.")] = 1.0,
    data_dir: DataDir = None,
) -> None:
    """Say again what a feed says, in its own rhythm."""
    loaded = load(data_dir)
    if speed < 0:
        raise CommandError(f"the speed is {speed:g}; it can't be below 0")
    stop = _stop_on_signal()
    host, port = loaded.require_mqtt()
    password = loaded.require_mqtt_password()
    try:
        lines = file.open("rb")
    except OSError as exc:
        raise CommandError(f"{file} can't be read: {exc.strerror}") from exc
    with lines:
        count = playing.replay(host, port, password, feed.read(lines), speed=speed, stop=stop)
    typer.echo(f"{count} messages were sent")


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop
