"""A month's report and the incidents behind a figure, made from the database."""

from datetime import datetime

from psycopg import Connection

from alerts.counting import Month, month_of
from store import reporting
from store.records import Incident
from store.reporting import FIGURES, Asked
from web.reports import monthly
from web.reports.wire import MonthlyReport
from web.reports.words import Language


class NoSuchReport(Exception):
    """What was asked for can't be; the message says what can."""


def month(conn: Connection, site: str, text: str, now: datetime, language: Language) -> MonthlyReport:
    """The report of a site's month. The connection must not be inside a transaction.

    Raises NoSuchReport for what is no month, LookupError when there is no such site.
    """
    with reporting.snapshot(conn):
        about, when, asked = _asked(conn, site, text, now)
        found = reporting.roll_up(conn, asked)
    return monthly.report(about, when, asked, found, language)


def behind(
    conn: Connection,
    site: str,
    text: str,
    now: datetime,
    figure: str,
    value: str | None,
    before: int | None,
    limit: int,
) -> list[Incident]:
    """The incidents that make a figure of a month, newest first. The connection must not be inside a transaction.

    Raises NoSuchReport for a month or figure that can't be, LookupError when there is no such site.
    """
    known = FIGURES.get(figure)
    if known is None:
        raise NoSuchReport(f"there is no figure {figure!r}: use one of {', '.join(FIGURES)}")
    if known.by is not None and value is None:
        raise NoSuchReport(f"{figure} is counted by something: say which with `value`")
    if known.by is None and value is not None:
        raise NoSuchReport(f"{figure} is one number: leave `value` out")
    with reporting.snapshot(conn):
        _, _, asked = _asked(conn, site, text, now)
        return reporting.incidents_of(conn, asked, figure, value, before, limit)


def _asked(conn: Connection, site: str, text: str, now: datetime) -> tuple[dict[str, str], Month, Asked]:
    about = reporting.site(conn, site)
    if about is None:
        raise LookupError(site)
    try:
        when = month_of(text, about["timezone"])
    except ValueError as exc:
        raise NoSuchReport(str(exc)) from exc
    return about, when, Asked(site, when.zone, when.begins, when.ends, when.until(now))
