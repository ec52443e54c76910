"""Tables as files: an XLSX workbook, one sheet for each part; CSV in pieces. Text stays text, whatever it looks like."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from web.reports.tables import Cell, Column, Show, Table

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
MEDIA = {"xlsx": XLSX, "csv": CSV}

MOST_ROWS = 1_048_576  # that a sheet can have, the headings among them
LONGEST_TEXT = 32_767  # signs that a cell can have
_FORMATS: dict[Show, dict[str, str]] = {
    "text": {},
    "number": {},
    "time": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    "duration": {"num_format": "[h]:mm:ss"},
    "share": {"num_format": "0.0%"},
}
# what a spreadsheet would take for a formula (OWASP, CSV injection), full-width signs too
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\']")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_PIECE = 500  # lines of CSV


def workbook(tables: Iterable[Table], zone: ZoneInfo) -> bytes:
    """An XLSX file: one sheet for each table, and more where one is too long. Rows are written as they come, none is kept."""
    made = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    with Workbook(made, options) as book:
        formats = {show: book.add_format(look) for show, look in _FORMATS.items()}
        heading = book.add_format(
            {"bold": True, "bg_color": "#DDE7F0", "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        for table in tables:
            _sheets(book, table, zone, formats, heading)
    return made.getvalue()


def _sheets(book: Workbook, table: Table, zone: ZoneInfo, formats: dict[Show, Format], heading: Format) -> None:
    sheet, number = _sheet(book, table, 1, heading), 1
    line = 1
    for row in table.rows:
        if line == MOST_ROWS:
            number += 1
            sheet, line = _sheet(book, table, number, heading), 1
        for place, (value, column) in enumerate(zip(row, table.columns, strict=True)):
            _write(sheet, line, place, value, column.show, zone, formats)
        line += 1


def _sheet(book: Workbook, table: Table, number: int, heading: Format) -> Worksheet:
    name = _NOT_IN_SHEET_NAMES.sub(" ", table.title)[:28]
    sheet = book.add_worksheet(name if number == 1 else f"{name} {number}")
    for place, column in enumerate(table.columns):
        sheet.set_column(place, place, column.width)
    for place, column in enumerate(table.columns):
        sheet.write_string(0, place, column.heading, heading)
    sheet.freeze_panes(1, 0)
    return sheet


def _write(
    sheet: Worksheet, line: int, place: int, value: object, show: Show, zone: ZoneInfo, formats: dict[Show, Format]
) -> None:
    if value is None:
        return
    if isinstance(value, datetime):
        sheet.write_datetime(line, place, _local(value, zone), formats["time"])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = value / 86_400 if show == "duration" else value
        sheet.write_number(line, place, number, formats[show])
    else:
        sheet.write_string(line, place, _NOT_IN_XML.sub("�", str(value))[:LONGEST_TEXT], formats["text"])


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, microsecond=0)


def commas(table: Table, zone: ZoneInfo) -> Iterator[bytes]:
    """A CSV file (RFC 4180, UTF-8 with the mark by which Excel knows it) in pieces."""
    piece = io.StringIO()
    writer = csv.writer(piece)
    piece.write("\ufeff")
    writer.writerow([_harmless(column.heading) for column in table.columns])
    for number, row in enumerate(table.rows, start=1):
        writer.writerow(_shown(row, table.columns, zone))
        if number % _PIECE == 0:
            yield _taken(piece)
    yield _taken(piece)


def _taken(piece: io.StringIO) -> bytes:
    text = piece.getvalue()
    piece.seek(0)
    piece.truncate()
    return text.encode()


def _shown(row: Sequence[Any], columns: Sequence[Column], zone: ZoneInfo) -> list[object]:
    return [_plain(value, column.show, zone) for value, column in zip(row, columns, strict=True)]


def _plain(value: object, show: Show, zone: ZoneInfo) -> object:
    if isinstance(value, Cell):
        return _plain(value.value, value.show, zone)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{_local(value, zone):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _hours(value) if show == "duration" else value
    return _harmless(str(value))


def _hours(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _harmless(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text


def disposition(name: str, plain: str) -> str:
    """The Content-Disposition of a file with a Chinese name (RFC 6266, RFC 5987); `plain` is for who can't read that."""
    safe = _NOT_IN_FILE_NAMES.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"
