"""`skynet unusual`: what would have been shown as unusual, by the rules in force, beside what was."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer

from alerts import habits, openings, unusual
from alerts.habits import Item
from alerts.rules import Rules, load_rules
from devices.registry import Registry
from skynet.cli.context import WHEN, AsJson, DataDir, database, load, moment, print_json, print_rows
from skynet.cli.errors import CommandError
from store import habits as rows
from store import registry
from store.habits import ShownItem

BACK = timedelta(days=7)


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command("unusual")(show)


def show(
    site: Annotated[str, typer.Argument(help="The site.")],
    begins: Annotated[str | None, typer.Option("--from", help=f"From this hour on, {WHEN} (default: a week).")] = None,
    ends: Annotated[
        str | None, typer.Option("--to", help="To before this hour (default: all that is counted).")
    ] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Go through stored hours as if it were then, and show what would have been unusual, beside what was shown."""
    loaded = load(data_dir)
    rules = load_rules(loaded.rules_file)
    with database(loaded) as conn:
        known = registry.load(conn)
        if site not in known.sites:
            raise CommandError(f"no site {site!r}: `skynet sites list` shows them")
        zone = openings.zone_of(known.sites[site].timezone)
        counted_to = rows.up_to(conn, "counted")
        if counted_to is None:
            raise CommandError("no hour is counted yet: `skynet alerts` counts them once they are over")
        last = min(moment(ends, "--to", zone) or counted_to, counted_to)
        first = moment(begins, "--from", zone) or last - BACK
        if first >= last:
            raise CommandError(f"nothing lies between --from and --to: hours are counted up to {counted_to:%FT%RZ}")
        first, last = habits.hour_begins(habits.hour_number(first)), habits.hour_begins(habits.hour_number(last))
        since = habits.hour_begins(habits.replay_from(habits.hour_number(first), rules.unusual))
        of_devices = rows.hours_of_site(conn, site, since, last)
        shown = rows.shown_items(conn, site, first, last)
    would = _replayed(of_devices, habits.hour_number(first), habits.hour_number(last), rules)
    lines = _beside(would, shown, known, zone)
    if as_json:
        print_json({"site": site, "from": first, "to": last, "items": lines})
        return
    typer.echo(f"{site}, {first.astimezone(zone):%F %R} to {last.astimezone(zone):%F %R}: {len(lines)} items")
    print_rows(
        [{**line, "at": f"{line['hour'].astimezone(zone):%F %R}"} for line in lines],
        ["at", "device", "what", "would", "was", "incident", "figure"],
    )


def _replayed(of_devices: list[rows.DeviceHours], first: int, last: int, rules: Rules) -> list[Item]:
    hours = range(habits.replay_from(first, rules.unusual), last)
    return [
        item
        for zone, counted in unusual.by_zone(of_devices, hours)
        for item in habits.replay(counted, zone, first, last, rules.unusual)
    ]


def _beside(would: list[Item], was: list[ShownItem], known: Registry, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Each item once, with whether it would have been shown and whether it was; in order of time."""
    shown = {(one.hour, one.device, one.what): one for one in was}
    found: dict[tuple[datetime, str, str], dict[str, Any]] = {}
    for key, stored in shown.items():
        figures = msgspec.structs.asdict(stored)
        del figures["incident"]
        found[key] = _line(msgspec.convert(figures, Item), known, zone, would=False, incident=str(stored.incident))
    for item in would:
        at = (item.hour, item.device, item.what)
        old = shown.get(at)
        found[at] = _line(item, known, zone, would=True, incident=None if old is None else str(old.incident))
    return [found[key] for key in sorted(found)]


def _line(item: Item, known: Registry, zone: ZoneInfo, *, would: bool, incident: str | None) -> dict[str, Any]:
    device = known.devices.get((item.site, item.device))
    return {
        **msgspec.structs.asdict(item),
        "name": device.name if device else None,
        "figure": item.figure(zone),
        "would": would,
        "was": incident is not None,
        "incident": incident,
    }
