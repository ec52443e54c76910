"""Reports: the three lists, the month, and the incidents behind each of its figures; for leads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from alerts.counting import zone_of
from store import reporting
from store.reading import PAGE
from store.records import incident_wire
from store.report_lists import Span
from web.calls.picture import CursorAsked, FromAsked, ToAsked
from web.calls.session import MAY
from web.cursors import page, read_cursor
from web.problems import Refusal, not_found
from web.reports import files, making, tables, words
from web.reports.lists import LISTS, ListName, whole
from web.reports.making import NoSuchReport
from web.reports.tables import Table
from web.reports.wire import MonthlyReport, ReportMeasure, ReportProblem, ReportResponsibility
from web.reports.words import Language
from web.services import calling, services_of
from web.wire import Incident, Page, Text

router = APIRouter(prefix="/reports", tags=["reports"])

Form = Literal["json", "csv", "xlsx"]
SiteOfReport = Annotated[Text, Query(description="of this site")]
MonthAsked = Annotated[Text, Query(description="in the site's own time zone, like 2026-11")]
FormAsked = Annotated[Form, Query(alias="format", description="csv and xlsx are files, and whole")]
LanguageAsked = Annotated[Language, Query(alias="lang", description="of headings and labels")]

_FILES: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}, files.XLSX: {}}}}
_TURNS = threading.BoundedSemaphore(2)  # whole months and workbooks cost a processor each: the live feed goes first
PATIENCE = 20.0  # seconds to wait for a turn


def _list_call(name: ListName, model: type, summary: str, what: str) -> None:
    """Make the call of one list; they differ in their lines alone."""

    def call(
        request: Request,
        site: SiteOfReport,
        begins: FromAsked = None,
        ends: ToAsked = None,
        form: FormAsked = "json",
        language: LanguageAsked = "zh",
        cursor: CursorAsked = None,
    ) -> Any:  # noqa: ANN401 - a page of the model, or a file
        zone, site_name = _site_of(request, site)
        span = Span(site, begins, ends)
        if form == "json":
            kind = LISTS[name]
            before = read_cursor(cursor, kind.cursor)
            with services_of(request).pool.connection() as conn:
                found = kind.read(conn, span, before, PAGE + 1)
            return page(found, PAGE, kind.position)
        lines = whole(name, services_of(request).pool.connection, span)
        days = "".join(f"-{at.astimezone(zone):%Y-%m-%d}" for at in (begins, ends) if at is not None)
        stem = f"{words.text(name, language)}-{site_name}{days}", f"{name}-{site}{days}"
        table = tables.of_list(name, lines, language)
        return _file(form, [table], zone, stem, language)

    call.__name__ = f"report_{name}"
    call.__doc__ = what
    router.add_api_route(f"/lists/{name}", call, response_model=Page[model], summary=summary, responses=_FILES)  # type: ignore[valid-type]


_list_call(
    "problems",
    ReportProblem,
    "问题清单: problems",
    "The incidents that opened in a time, newest first, with how each ended. Drills and tests stand in it, and say so.",
)
_list_call(
    "measures",
    ReportMeasure,
    "措施清单: measures",
    "Every step that a person took in a time, newest first, and those of the system that changed who has it or how it ended.",
)
_list_call(
    "responsibility",
    ReportResponsibility,
    "责任清单: responsibility",
    "Of the incidents that opened in a time, newest first: which tier, owner and person sent had it, from when to when, and"
    " whether the deadline was kept.",
)


@router.get("/monthly", response_model=MonthlyReport, summary="The month of a site", responses=_FILES)
def report_monthly(
    request: Request,
    site: SiteOfReport,
    month: MonthAsked,
    form: FormAsked = "json",
    language: LanguageAsked = "zh",
) -> Any:  # noqa: ANN401 - the report, or a file
    """What a month came to; each figure has the call that lists its incidents. Drills, tests and quiet items are left out."""
    zone, site_name = _site_of(request, site)
    with _turn(), _refusing(), services_of(request).pool.connection() as conn:
        made = making.month(conn, site, month, datetime.now(UTC), language)
    if form == "json":
        return made
    parts = tables.of_month(made, language)
    stem = f"{words.text('monthly', language)}-{site_name}-{month}", f"monthly-{site}-{month}"
    return _file(form, parts, zone, stem, language)


@router.get("/monthly/incidents", response_model=Page[Incident], summary="The incidents behind a figure of the month")
def report_incidents(
    request: Request,
    site: SiteOfReport,
    month: MonthAsked,
    figure: Annotated[Text, Query(description="the name of the figure in the report")],
    value: Annotated[Text | None, Query(description="which of them, for a figure that is counted by something")] = None,
    cursor: CursorAsked = None,
) -> dict[str, Any]:
    """Exactly the incidents that make a figure, newest first: as many as it says."""
    before = read_cursor(cursor, int)
    _site_of(request, site)
    with _turn(), _refusing(), services_of(request).pool.connection() as conn:
        found = making.behind(conn, site, month, datetime.now(UTC), figure, value, before, PAGE + 1)
    return page([incident_wire(incident) for incident in found], PAGE, lambda last: int(last["id"]))


def _site_of(request: Request, site: str) -> tuple[ZoneInfo, str]:
    """The time zone and name of the site, for who may see its reports.

    Raises Refusal: 404 for a site that is not theirs, 403 when their role sees none.
    """
    with calling(request) as caller:
        caller.chosen(site)
        if "reports" not in MAY[caller.person.role]:
            raise Refusal(403, "reports are for leads: ask yours")
        about = reporting.site(caller.conn, site)
    if about is None:
        raise not_found("site")
    return zone_of(about["timezone"]), about["name"]


@contextmanager
def _turn() -> Iterator[None]:
    if not _TURNS.acquire(timeout=PATIENCE):
        raise Refusal(503, "other reports are being made: try again", headers={"Retry-After": "5"})
    try:
        yield
    finally:
        _TURNS.release()


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except NoSuchReport as exc:
        raise Refusal(422, str(exc)) from exc
    except LookupError as exc:
        raise not_found("site") from exc


def _file(form: Form, parts: list[Table], zone: ZoneInfo, stem: tuple[str, str], language: Language) -> Response:
    headers = {"Content-Disposition": files.disposition(f"{stem[0]}.{form}", f"{stem[1]}.{form}")}
    if form == "xlsx":
        with _turn():
            return Response(files.workbook(parts, zone), media_type=files.XLSX, headers=headers)
    pieces = files.commas(parts[0] if len(parts) == 1 else tables.flat(parts, language), zone)
    first = next(pieces)  # what is wrong with the database is then an answer, not a file that breaks off
    return StreamingResponse(chain([first], pieces), media_type=files.CSV, headers=headers)
