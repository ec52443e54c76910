"""Reports as they go over HTTP."""

from datetime import datetime

from pydantic import Field

from alerts.counting import Verdict
from alerts.responsibility import Role
from store.records import Outcome, Priority, State, Tier
from web.wire import Wire


class ReportFigure(Wire):
    """A number of incidents. `trace` is the call that lists exactly these; `value` is what it is counted by."""

    figure: str
    value: str | None
    label: str = Field(description="what it is called, in the language asked for")
    count: int
    share: float | None = Field(
        None, description="of the whole that the description of its part names; null: of nothing"
    )
    times: int | None = Field(
        None, description="of escalations and lapsed claims: how often, since an incident may have several"
    )
    trace: str


class ReportAnswers(Wire):
    """How soon incidents were answered, that is, when a person first had them. Shares are of `opened`.

    Percentiles are by nearest rank, of `answered`: the time of some incident that half (nine tenths) of them did not exceed.
    """

    of: str = Field(description="`all` or `press`")
    label: str
    opened: ReportFigure
    answered: ReportFigure
    within_30: ReportFigure
    within_60: ReportFigure
    unanswered: ReportFigure
    median_seconds: float | None
    p90_seconds: float | None


class ReportLoadPart(Wire):
    """The windows or days that had more than so many: how many of them, their share of all, and the incidents in them."""

    number: int
    share: float | None
    incidents: ReportFigure


class ReportLoad(Wire):
    """What came to somebody, against EEMUA 191 and ISA-18.2: to all consoles of the site (`officer` null) as it opened, to an
    officer as it came into their hands. Windows are of ten minutes, days the site's own; shares are of all that have passed.
    """

    officer: str | None
    label: str
    incidents: ReportFigure
    per_day: float | None
    busiest_window: int
    busiest_day: int
    windows_over_1: ReportLoadPart
    windows_over_10: ReportLoadPart
    days_over_150: ReportLoadPart
    days_over_300: ReportLoadPart
    verdict: Verdict


class ReportLongest(Wire):
    """One of those that were open longest: from its opening to its end, or as far as the month is counted."""

    incident: str
    opened_at: datetime
    seconds: float
    open: bool = Field(description="whether it was open at the end of the month")
    title: str
    kind: str
    grid: str | None
    grid_name: str
    priority: Priority
    state: State = Field(description="as it is now")
    owner: str | None


class ReportFlood(Wire):
    """A time in which an officer had more than anybody can answer (ISA-18.2)."""

    officer: str
    since: datetime
    until: datetime | None
    peak: int
    incidents: ReportFigure


class MonthlyReport(Wire):
    """A month of a site, in its own time zone. Drills, tests, quiet items and the system's own sites count in nothing but
    `left_out`. carried + opened + reopened = settled + open_at_end; each `by_…` adds up to opened.
    """

    site: str
    name: str
    month: str
    timezone: str
    begins: datetime
    ends: datetime
    until: datetime = Field(description="how far the month is counted: its end, or now")
    flow: list[ReportFigure] = Field(description="carried, opened, reopened, settled, open_at_end")
    left_out: list[ReportFigure] = Field(
        description="opened in the month and counted nowhere, by reason; shares of all that opened"
    )
    answers: list[ReportAnswers]
    outcomes: list[ReportFigure] = Field(description="settled, by how it ended; shares of settled")
    false_share: float | None = Field(description="of those that a person settled as real or false")
    escalations: list[ReportFigure] = Field(description="went up to this tier in the month; shares of opened")
    lapsed: ReportFigure = Field(description="a claim of it lapsed in the month")
    longest: list[ReportLongest]
    by_kind: list[ReportFigure]
    by_priority: list[ReportFigure]
    by_grid: list[ReportFigure]
    by_hour: list[ReportFigure]
    by_weekday: list[ReportFigure] = Field(description="1 is Monday")
    by_day: list[ReportFigure]
    load: list[ReportLoad]
    floods: list[ReportFlood]


class ReportProblem(Wire):
    """A line of 问题清单. `seconds` from opening to end; `left_out`: why it counts in no statistics."""

    incident: str
    opened_at: datetime
    address: str | None
    grid: str | None
    grid_name: str | None
    kind: str
    title: str
    priority: Priority
    state: State
    outcome: Outcome | None
    answered_at: datetime | None
    cancelled_at: datetime | None
    resolved_at: datetime | None
    seconds: float | None
    owner: str | None
    tier: Tier
    left_out: str | None


class ReportMeasure(Wire):
    """A line of 措施清单: a step of a person, or of the system (`who`) where it changed who has it or how it ended."""

    seq: int
    at: datetime
    incident: str
    address: str | None
    grid: str | None
    grid_name: str | None
    kind: str
    title: str
    who: str
    verb: str
    note: str | None


class ReportResponsibility(Wire):
    """A line of 责任清单: who had an incident, as what, from when to when. `kept`: whether the deadline was; null: there was
    none, or it is not decided. `line` counts the lines of an incident.
    """

    incident: str
    line: int
    opened_at: datetime
    address: str | None
    grid: str | None
    grid_name: str | None
    kind: str
    title: str
    role: Role
    who: str = Field(description="a log-in name; for `tier` the tier")
    begins: datetime
    ends: datetime | None
    ended_by: str | None = Field(description="the step that ended it")
    deadline: datetime | None
    kept: bool | None
