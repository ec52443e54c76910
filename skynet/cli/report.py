"""`skynet report`: the month of a site, or one of its three lists, into a file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_args

import msgspec
import orjson
import typer

from skynet.cli.context import DataDir, database, load
from skynet.cli.errors import CommandError
from skynet.settings import Settings

FORMS = (".xlsx", ".csv", ".json")


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(report)


def report(
    site: Annotated[str, typer.Argument(help="The site's name in topics.")],
    month: Annotated[str, typer.Option(help="Which month, in the site's own time zone, like 2026-11.")],
    out: Annotated[Path, typer.Option(help="The file to write; .xlsx, .csv or .json says what it is.")],
    list_name: Annotated[
        str | None, typer.Option("--list", help="Instead of the report a list: problems, measures, responsibility.")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of headings: zh, en.")] = "zh",
    data_dir: DataDir = None,
) -> None:
    """Write the month of a site, or one of the three lists, into a file."""
    if out.suffix not in FORMS:
        raise CommandError(f"{out.name!r} does not say what it shall be: end it with {', '.join(FORMS)}")
    try:
        content = _content(load(data_dir), site, month, list_name, lang, out.suffix)
        out.write_bytes(content)
    except OSError as exc:
        raise CommandError(f"{out} can't be written: {exc.strerror}") from exc
    typer.echo(f"{out} is written")


def _content(settings: Settings, site: str, month: str, list_name: str | None, lang: str, form: str) -> bytes:
    # imported when asked for: other commands need not wait for what writes spreadsheets
    from alerts.counting import month_of, zone_of  # noqa: PLC0415
    from store import reporting  # noqa: PLC0415
    from store.report_lists import Span  # noqa: PLC0415
    from web.reports import files, lists, making, tables  # noqa: PLC0415
    from web.reports.words import Language  # noqa: PLC0415

    language: Language = msgspec.convert(_known(lang, "language", get_args(Language)), Language)
    with database(settings) as conn:
        about = reporting.site(conn, site)
    if about is None:
        raise CommandError(f"no site {site!r}: `skynet sites list` shows which there are")
    try:
        when = month_of(month, about["timezone"])
    except ValueError as exc:
        raise CommandError(str(exc)) from exc
    if list_name is None:
        with database(settings) as conn:
            made = making.month(conn, site, month, datetime.now(UTC), language)
        if form == ".json":
            return _json(made.model_dump())
        parts = tables.of_month(made, language)
    else:
        name: lists.ListName = msgspec.convert(_known(list_name, "list", tuple(lists.LISTS)), lists.ListName)
        lines = lists.whole(name, lambda: database(settings), Span(site, when.begins, when.ends))
        if form == ".json":
            return _json({"items": list(lines)})
        parts = [tables.of_list(name, lines, language)]
    zone = zone_of(about["timezone"])
    if form == ".xlsx":
        return files.workbook(parts, zone)
    return b"".join(files.commas(parts[0] if len(parts) == 1 else tables.flat(parts, language), zone))


def _known(given: str, what: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise CommandError(f"{given!r} is not a {what}: use one of {', '.join(known)}")
    return given


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
