"""The monthly report, put together from what was counted: every figure with its trace, shares, percentiles, verdicts. Pure."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from alerts import counting
from alerts.counting import Load, Month
from store.records import TIERS
from store.reporting import DESK, Asked, Counted, RolledUp
from web.reports import words
from web.reports.wire import (
    MonthlyReport,
    ReportAnswers,
    ReportFigure,
    ReportFlood,
    ReportLoad,
    ReportLoadPart,
    ReportLongest,
)
from web.reports.words import Language

FLOW = ("carried", "opened", "reopened", "settled", "open_at_end")
OUTCOMES = ("settled_real", "settled_false", "settled_by_itself")
_NOTHING = Counted("", "", 0, 0, 0, None)


def report(site: Mapping[str, str], month: Month, asked: Asked, found: RolledUp, language: Language) -> MonthlyReport:
    """The report of a site's month; `site` has its name and the words for it."""
    figures = _Figures(found, asked.site, month, language)
    opened = figures.of("opened").count
    settled = figures.of("settled").count
    real, false = figures.of("settled_real").count, figures.of("settled_false").count
    left_out = sum(one.count for one in figures.rows("left_out"))
    return MonthlyReport(
        site=asked.site,
        name=site["name"],
        month=month.text,
        timezone=month.zone,
        begins=month.begins,
        ends=month.ends,
        until=asked.until,
        flow=[figures.one(name) for name in FLOW],
        left_out=figures.by("left_out", "left_out", ("drill", "test", "quiet", "internal"), opened + left_out),
        answers=[figures.answers("all", ""), figures.answers("press", "press_")],
        outcomes=[figures.one(name, of=settled) for name in OUTCOMES],
        false_share=counting.share_of(false, real + false),
        escalations=figures.by("escalated", "tier", TIERS[1:], opened, times=True),
        lapsed=figures.one("lapsed", of=opened, times=True),
        longest=figures.longest(),
        by_kind=figures.by("by_kind", "kind", (), opened),
        by_priority=figures.by("by_priority", "priority", ("critical", "high", "medium", "low"), opened),
        by_grid=figures.by("by_grid", "grid", (), opened),
        by_hour=figures.by("by_hour", None, [str(hour) for hour in range(24)], opened),
        by_weekday=figures.by("by_weekday", "weekday", [str(day) for day in range(1, 8)], opened),
        by_day=figures.by("by_day", None, month.days[: counting.days_in(month, asked.until)], opened),
        load=figures.loads(asked),
        floods=figures.floods(),
    )


class _Figures:
    """What was counted, by figure and value, as it goes out."""

    def __init__(self, found: RolledUp, site: str, month: Month, language: Language) -> None:
        self._found = found
        self._site = site
        self._month = month
        self._language = language
        self._counted = {(row.figure, row.value): row for row in found.figures}

    def of(self, figure: str, value: str = "") -> Counted:
        return self._counted.get((figure, value), _NOTHING)

    def rows(self, figure: str) -> list[Counted]:
        return [row for row in self._found.figures if row.figure == figure]

    def _out(
        self, figure: str, value: str | None, label: str, *, of: int | None = None, times: bool = False
    ) -> ReportFigure:
        counted = self.of(figure, value or "")
        asked = {"site": self._site, "month": self._month.text, "figure": figure}
        if value is not None:
            asked["value"] = value
        return ReportFigure(
            figure=figure,
            value=value,
            label=label,
            count=counted.count,
            share=None if of is None else counting.share_of(counted.count, of),
            times=counted.a if times else None,
            trace=f"/api/v1/reports/monthly/incidents?{urlencode(asked)}",
        )

    def one(self, figure: str, *, of: int | None = None, times: bool = False, label: str | None = None) -> ReportFigure:
        return self._out(figure, None, label or words.text(figure, self._language), of=of, times=times)

    def by(
        self, figure: str, what: str | None, known: Iterable[str], of: int, *, times: bool = False
    ) -> list[ReportFigure]:
        """A figure by each value: the known ones in their order, also where there are none; then the others, most first."""
        values = list(known)
        others = sorted(
            (row for row in self.rows(figure) if row.value not in values), key=lambda row: (-row.count, row.value)
        )
        return [
            self._out(figure, value, self._label(what, value), of=of, times=times)
            for value in [*values, *(row.value for row in others)]
        ]

    def _label(self, what: str | None, value: str) -> str:
        if what is None:
            return f"{int(value):02d}:00" if value.isdigit() else value
        if what == "grid":
            return words.grid(value, self._found.grids, self._language)
        return words.code(what, value, self._language)

    def answers(self, of: str, prefix: str) -> ReportAnswers:
        opened = self.of(f"{prefix}opened").count
        seconds = self.of(f"{prefix}answered").seconds or []

        def one(name: str) -> ReportFigure:
            return self.one(f"{prefix}{name}", of=opened, label=words.text(name, self._language))

        return ReportAnswers(
            of=of,
            label=words.code("who", of, self._language),
            opened=one("opened"),
            answered=one("answered"),
            within_30=one("answered_30"),
            within_60=one("answered_60"),
            unanswered=one("unanswered"),
            median_seconds=_rounded(counting.percentile(seconds, 0.5)),
            p90_seconds=_rounded(counting.percentile(seconds, 0.9)),
        )

    def longest(self) -> list[ReportLongest]:
        return [
            ReportLongest(
                incident=str(one.id),
                opened_at=incident.opened_at,
                seconds=round(one.seconds, 1),
                open=one.open,
                title=incident.title,
                kind=incident.kind,
                grid=incident.grid,
                grid_name=words.grid(incident.grid or "-", self._found.grids, self._language),
                priority=incident.priority,
                state=incident.state,
                owner=incident.owner,
            )
            for one, incident in self._found.longest
        ]

    def loads(self, asked: Asked) -> list[ReportLoad]:
        windows = counting.windows_in(asked.begins, asked.until)
        days = counting.days_in(self._month, asked.until)
        officers = sorted({row.value for row in self.rows("load")} - {DESK})
        return [self._load(officer, windows, days) for officer in (DESK, *officers)]

    def _load(self, officer: str, windows: int, days: int) -> ReportLoad:
        load = self.of("load", officer)
        label = words.code("officer", officer, self._language)

        def part(figure: str, whole: int) -> ReportLoadPart:
            number = self.of(figure, officer).a
            incidents = self._out(figure, officer, label, of=load.count)
            return ReportLoadPart(number=number, share=counting.share_of(number, whole), incidents=incidents)

        over_10, over_150 = part("load_over_10", windows), part("load_over_150", days)
        over_300 = part("load_over_300", days)
        judged = Load(
            incidents=load.count,
            windows=windows,
            days=days,
            windows_over_10=over_10.number,
            days_over_150=over_150.number,
            days_over_300=over_300.number,
        )
        return ReportLoad(
            officer=None if officer == DESK else officer,
            label=label,
            incidents=self._out("load", officer, label),
            per_day=round(load.count / days, 2) if days else None,
            busiest_window=load.a,
            busiest_day=load.b,
            windows_over_1=part("load_over_1", windows),
            windows_over_10=over_10,
            days_over_150=over_150,
            days_over_300=over_300,
            verdict=counting.verdict(judged),
        )

    def floods(self) -> list[ReportFlood]:
        return [
            ReportFlood(
                officer=one.name,
                since=one.since,
                until=one.until,
                peak=one.peak,
                incidents=self._out("flood", one.flood, one.name),
            )
            for one in self._found.floods
        ]


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
