"""`skynet shifts add | list | remove`: when people work, in their site's own time."""

from typing import Annotated

import msgspec
import typer

from alerts.duty import DAY_NAMES, read_days, shift_fault
from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from store import duty
from store.duty import EVERY_DAY, Shift
from store.people import PeopleError

app = typer.Typer(no_args_is_help=True)

Site = Annotated[str, typer.Argument(help="The site.")]
Name = Annotated[str, typer.Argument(help="The shift's name, such as 夜班.")]


@app.command()
def add(
    site: Site,
    shift: Name,
    hours: Annotated[
        str | None, typer.Option(help='"HH:MM-HH:MM", the end not included; may go over midnight.')
    ] = None,
    days: Annotated[
        str | None, typer.Option(help="Days it begins on: mon-fri, or sat,sun. Default: every day.")
    ] = None,
    member: Annotated[
        list[str] | None, typer.Option(help="Somebody who works then; several times for several.")
    ] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a shift, or change what is given of it; members are added to those it has."""
    with database(load(data_dir)) as conn:
        known = duty.find_shift(conn, site, shift)
        if known is None and hours is None:
            raise CommandError('a new shift needs its hours: --hours "22:00-06:00"')
        known = known or Shift(site=site, shift=shift, hours=hours or "")
        made = Shift(
            site=site,
            shift=shift,
            hours=hours or known.hours,
            days=known.days if days is None else _days(days),
            members=tuple(sorted({*known.members, *(member or [])})),
        )
        if (fault := shift_fault(made)) is not None:
            raise CommandError(fault)
        try:
            duty.put_shift(conn, made)
        except PeopleError as exc:
            raise CommandError(str(exc)) from exc
    said = f"{shift} of {site}: {made.hours}, {' '.join(made.members) or 'nobody yet'}"
    print_json(msgspec.to_builtins(made)) if as_json else typer.echo(said)


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List the shifts and who works in them."""
    with database(load(data_dir)) as conn:
        found = duty.shifts(conn, duty.chosen(conn, site))
    if as_json:
        print_json({"items": msgspec.to_builtins(found)})
        return
    rows: list[dict[str, object]] = [
        {
            "site": one.site,
            "shift": one.shift,
            "hours": one.hours,
            "days": "every day" if one.days == EVERY_DAY else " ".join(DAY_NAMES[day - 1] for day in one.days),
            "members": " ".join(one.members),
        }
        for one in found
    ]
    print_rows(rows, ["site", "shift", "hours", "days", "members"])


@app.command()
def remove(
    site: Site,
    shift: Name,
    member: Annotated[list[str] | None, typer.Option(help="Take only this person out of it.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Remove a shift, or take people out of it; who is in no shift is always on duty."""
    with database(load(data_dir)) as conn:
        known = duty.find_shift(conn, site, shift)
        if known is None:
            raise CommandError(f"{site} has no shift {shift!r}: `skynet shifts list` shows them")
        strange = sorted(set(member or []) - set(known.members))
        if strange:
            raise CommandError(f"{strange[0]} is not in {shift} of {site}: `skynet shifts list` shows who is")
        if member:
            left = tuple(one for one in known.members if one not in member)
            duty.put_shift(conn, msgspec.structs.replace(known, members=left))
        else:
            duty.remove_shift(conn, site, shift)
    gone = " ".join(member) if member else shift
    print_json({"removed": gone}) if as_json else typer.echo(f"{gone} is gone" + (f" from {shift}" if member else ""))


def _days(text: str) -> tuple[int, ...]:
    try:
        return read_days(text)
    except ValueError as exc:
        raise CommandError(str(exc)) from exc
