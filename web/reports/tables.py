"""Reports as tables: parts with headings, columns of a kind, rows; spreadsheets and CSV files are made of these. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from web.reports import words
from web.reports.wire import MonthlyReport, ReportFigure
from web.reports.words import Language

Show = Literal["text", "number", "time", "duration", "share"]
Row = Sequence[Any]


class Column(msgspec.Struct, frozen=True):
    """A column: its heading, how its values are shown, and how wide it is (in signs)."""

    heading: str
    show: Show = "text"
    width: int = 12


class Table(msgspec.Struct, frozen=True):
    """A part of a report; the rows are read once."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Row]


# of each list: the key of a line, how it is shown, how wide, and what codes it holds
_LISTS: dict[str, tuple[tuple[str, Show, int, str | None], ...]] = {
    "problems": (
        ("incident", "number", 10, None),
        ("opened_at", "time", 20, None),
        ("address", "text", 30, None),
        ("grid_name", "text", 16, None),
        ("kind", "text", 12, "kind"),
        ("priority", "text", 10, "priority"),
        ("title", "text", 36, None),
        ("state", "text", 10, "state"),
        ("outcome", "text", 10, "outcome"),
        ("answered_at", "time", 20, None),
        ("resolved_at", "time", 20, None),
        ("seconds", "duration", 12, None),
        ("owner", "text", 14, None),
        ("tier", "text", 12, "tier"),
        ("left_out", "text", 12, "left_out"),
    ),
    "measures": (
        ("at", "time", 20, None),
        ("incident", "number", 10, None),
        ("address", "text", 30, None),
        ("grid_name", "text", 16, None),
        ("kind", "text", 12, "kind"),
        ("title", "text", 36, None),
        ("who", "text", 14, "actor"),
        ("verb", "text", 14, "verb"),
        ("note", "text", 50, None),
    ),
    "responsibility": (
        ("incident", "number", 10, None),
        ("opened_at", "time", 20, None),
        ("address", "text", 30, None),
        ("grid_name", "text", 16, None),
        ("kind", "text", 12, "kind"),
        ("title", "text", 36, None),
        ("role", "text", 12, "role"),
        ("who", "text", 14, "tier"),
        ("begins", "time", 20, None),
        ("ends", "time", 20, None),
        ("ended_by", "text", 14, "verb"),
        ("deadline", "time", 20, None),
        ("kept", "text", 12, "kept"),
    ),
}


def of_list(name: str, items: Iterable[Mapping[str, Any]], language: Language) -> Table:
    """A list as a table; codes are told in words."""
    keys = _LISTS[name]
    columns = [Column(words.text(key, language), show, width) for key, show, width, _ in keys]
    return Table(words.text(name, language), columns, (_line(item, keys, language) for item in items))


def _line(
    item: Mapping[str, Any], keys: tuple[tuple[str, Show, int, str | None], ...], language: Language
) -> list[object]:
    line: list[object] = []
    for key, show, _, codes in keys:
        value = item[key]
        if codes is not None and value is not None and not (codes == "tier" and item.get("role", "tier") != "tier"):
            value = words.code(codes, str(value).lower() if isinstance(value, bool) else value, language)
        line.append(int(value) if show == "number" and value is not None else value)
    return line


def of_month(report: MonthlyReport, language: Language) -> list[Table]:
    """A month as one table for each part."""

    def text(name: str) -> str:
        return words.text(name, language)

    return [
        _summary(report, language),
        _answers(report, language),
        *(
            _counted(text(title), figures, language)
            for title, figures in (
                ("kinds", report.by_kind),
                ("priorities", report.by_priority),
                ("grids", report.by_grid),
                ("hours", report.by_hour),
                ("weekdays", report.by_weekday),
                ("days", report.by_day),
            )
        ),
        _escalations(report, language),
        _longest(report, language),
        _load(report, language),
        _floods(report, language),
        _counted(text("left_out"), report.left_out, language),
    ]


def _columns(language: Language, *named: tuple[str, Show, int]) -> list[Column]:
    return [Column(words.text(name, language), show, width) for name, show, width in named]


def _counted(title: str, figures: Iterable[ReportFigure], language: Language) -> Table:
    columns = _columns(language, ("item", "text", 24), ("count", "number", 10), ("share", "share", 10))
    return Table(title, columns, [(one.label, one.count, one.share) for one in figures])


def _summary(report: MonthlyReport, language: Language) -> Table:
    def text(name: str) -> str:
        return words.text(name, language)

    head = [
        (text("site"), None, None, report.name),
        (text("month"), None, None, report.month),
        (text("timezone"), None, None, report.timezone),
        (text("until"), None, report.until, None),
    ]
    figures = [(one.label, one.count, None, None) for one in (*report.flow, *report.outcomes)]
    share = (text("false_share"), None, None, "–" if report.false_share is None else f"{report.false_share:.1%}")
    left_out = (text("left_out"), sum(one.count for one in report.left_out), None, None)
    columns = _columns(
        language, ("item", "text", 24), ("count", "number", 10), ("at", "time", 20), ("note", "text", 24)
    )
    return Table(text("summary"), columns, [*head, *figures, share, left_out])


def _answers(report: MonthlyReport, language: Language) -> Table:
    columns = _columns(
        language,
        ("who_all", "text", 16), ("opened", "number", 10), ("answered", "number", 10), ("answered_30", "number", 14),
        ("share_30", "share", 14), ("answered_60", "number", 14), ("share_60", "share", 14), ("unanswered", "number", 12),
        ("median", "duration", 20), ("p90", "duration", 24),
    )  # fmt: skip
    rows = [
        (
            one.label, one.opened.count, one.answered.count, one.within_30.count, one.within_30.share,
            one.within_60.count, one.within_60.share, one.unanswered.count, one.median_seconds, one.p90_seconds,
        )
        for one in report.answers
    ]  # fmt: skip
    return Table(words.text("answers", language), columns, rows)


def _escalations(report: MonthlyReport, language: Language) -> Table:
    columns = _columns(
        language, ("item", "text", 24), ("count", "number", 10), ("share", "share", 10), ("times", "number", 10)
    )
    up = words.code("verb", "escalate", language)
    rows: list[Row] = [(f"{up} → {one.label}", one.count, one.share, one.times) for one in report.escalations]
    rows.append((report.lapsed.label, report.lapsed.count, report.lapsed.share, report.lapsed.times))
    return Table(words.text("escalations", language), columns, rows)


def _longest(report: MonthlyReport, language: Language) -> Table:
    columns = _columns(
        language,
        ("incident", "number", 10), ("opened_at", "time", 20), ("seconds", "duration", 14), ("title", "text", 36),
        ("kind", "text", 12), ("grid_name", "text", 16), ("priority", "text", 10), ("state", "text", 10),
        ("owner", "text", 14),
    )  # fmt: skip
    rows = [
        (
            int(one.incident), one.opened_at, one.seconds, one.title, words.kind(one.kind, language), one.grid_name,
            words.code("priority", one.priority, language), words.code("state", one.state, language), one.owner,
        )
        for one in report.longest
    ]  # fmt: skip
    return Table(words.text("longest", language), columns, rows)


def _load(report: MonthlyReport, language: Language) -> Table:
    columns = _columns(
        language,
        ("officer", "text", 20), ("count", "number", 10), ("per_day", "number", 10), ("busiest_window", "number", 16),
        ("busiest_day", "number", 12), ("windows_over_1", "number", 20), ("share_over_1", "share", 18),
        ("windows_over_10", "number", 22), ("share_over_10", "share", 18), ("days_over_150", "number", 18),
        ("days_over_300", "number", 18), ("verdict", "text", 20),
    )  # fmt: skip
    rows = [
        (
            one.label, one.incidents.count, one.per_day, one.busiest_window, one.busiest_day, one.windows_over_1.number,
            one.windows_over_1.share, one.windows_over_10.number, one.windows_over_10.share, one.days_over_150.number,
            one.days_over_300.number, words.code("verdict", one.verdict, language),
        )
        for one in report.load
    ]  # fmt: skip
    return Table(words.text("load", language), columns, rows)


def _floods(report: MonthlyReport, language: Language) -> Table:
    columns = _columns(
        language,
        ("officer", "text", 16), ("since", "time", 20), ("ends", "time", 20), ("peak", "number", 16),
        ("count", "number", 10),
    )  # fmt: skip
    rows = [(one.officer, one.since, one.until, one.peak, one.incidents.count) for one in report.floods]
    return Table(words.text("floods", language), columns, rows)


def flat(tables: Iterable[Table], language: Language) -> Table:
    """Several parts as one table, a line for each value: what a CSV file, which has no sheets, can hold."""
    columns = _columns(
        language, ("part", "text", 16), ("item", "text", 24), ("heading", "text", 24), ("value", "text", 24)
    )
    return Table(words.text("monthly", language), columns, _values(tables))


def _values(tables: Iterable[Table]) -> Iterator[Row]:
    for table in tables:
        for row in table.rows:
            for column, value in zip(table.columns[1:], row[1:], strict=True):
                if value is not None:
                    yield table.title, row[0], column.heading, Cell(value, column.show)


class Cell(msgspec.Struct, frozen=True):
    """A value that is shown otherwise than its column says."""

    value: Any
    show: Show
