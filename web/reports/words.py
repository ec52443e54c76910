"""The words of reports, Chinese and English: headings, figures, and what codes are called. Pure."""

from collections.abc import Mapping
from typing import Literal

from alerts.openings import KIND_NAMES

Language = Literal["zh", "en"]

# what stands in a column as a code
_CODES: dict[str, dict[str, tuple[str, str]]] = {
    "priority": {
        "critical": ("紧急", "Critical"),
        "high": ("重要", "High"),
        "medium": ("一般", "Medium"),
        "low": ("提示", "Notice"),
    },
    "state": {
        "open": ("待处置", "Open"),
        "acknowledged": ("已认领", "Acknowledged"),
        "dispatched": ("已派人", "Dispatched"),
        "resolved": ("已处置", "Resolved"),
        "closed": ("已关闭", "Closed"),
    },
    "outcome": {
        "real": ("真警", "Real"),
        "false": ("误报", "False"),
        "test": ("测试", "Test"),
        "drill": ("演练", "Drill"),
    },
    "left_out": {
        "drill": ("演练", "Drill"),
        "test": ("测试", "Test"),
        "quiet": ("静默", "Quiet"),
        "internal": ("系统自检", "Of the system itself"),
    },
    "tier": {
        "grid": ("网格", "Grid"),
        "community": ("社区", "Community"),
        "district": ("区域党委", "District"),
    },
    "role": {
        "tier": ("责任层级", "Tier"),
        "owner": ("责任人", "Owner"),
        "sent": ("处置人员", "Sent"),
    },
    "verb": {
        "acknowledge": ("认领", "Acknowledge"),
        "assign": ("转交", "Assign"),
        "dispatch": ("派人", "Dispatch"),
        "arrive": ("已到场", "Arrived"),
        "release": ("放回", "Release"),
        "escalate": ("上报", "Escalate"),
        "note": ("备注", "Note"),
        "resolve": ("处置完毕", "Resolve"),
        "close": ("关闭", "Close"),
        "reopen": ("重新打开", "Reopen"),
        "shelve": ("搁置", "Shelve"),
        "unshelve": ("取消搁置", "Unshelve"),
    },
    "actor": {"system": ("系统", "System")},
    "kept": {"true": ("按时", "Kept"), "false": ("超时", "Missed")},
    "verdict": {
        "manageable": ("可承受", "Manageable"),
        "demanding": ("偏重", "Demanding"),
        "overloaded": ("超负荷", "Overloaded"),
    },
    "officer": {"/desk": ("全站值班席", "All consoles of the site")},
    "grid": {"-": ("未划入网格", "In no grid")},
    "weekday": {
        "1": ("星期一", "Monday"),
        "2": ("星期二", "Tuesday"),
        "3": ("星期三", "Wednesday"),
        "4": ("星期四", "Thursday"),
        "5": ("星期五", "Friday"),
        "6": ("星期六", "Saturday"),
        "7": ("星期日", "Sunday"),
    },
    "who": {"all": ("全部警情", "All incidents"), "press": ("一键报警", "Presses")},
}

# figures of the month, and the headings of parts and columns
_TEXT: dict[str, tuple[str, str]] = {
    "carried": ("月初未结", "Open at the start"),
    "opened": ("新增", "Opened"),
    "reopened": ("结后重开", "Reopened"),
    "settled": ("办结", "Settled"),
    "open_at_end": ("月末未结", "Open at the end"),
    "answered": ("已认领", "Answered"),
    "answered_30": ("30秒内认领", "Answered within 30 s"),
    "answered_60": ("60秒内认领", "Answered within 60 s"),
    "unanswered": ("无人认领", "Answered by nobody"),
    "settled_real": ("真警", "Real"),
    "settled_false": ("误报", "False alarms"),
    "settled_by_itself": ("自行恢复", "Settled by themselves"),
    "false_share": ("误报率", "False-alarm share"),
    "lapsed": ("认领超时放回", "Claims that lapsed"),
    "left_out": ("不计入统计", "Left out"),
    "monthly": ("月报", "Monthly report"),
    "summary": ("概况", "Summary"),
    "answers": ("响应", "Answers"),
    "kinds": ("按类型", "By kind"),
    "priorities": ("按等级", "By priority"),
    "grids": ("按网格", "By grid"),
    "hours": ("按时段", "By hour"),
    "weekdays": ("按星期", "By weekday"),
    "days": ("按日", "By day"),
    "escalations": ("上报与超时", "Escalations and lapses"),
    "longest": ("最久未结", "Longest open"),
    "load": ("值班负荷", "Load"),
    "floods": ("警情潮", "Floods"),
    "problems": ("问题清单", "Problems"),
    "measures": ("措施清单", "Measures"),
    "responsibility": ("责任清单", "Responsibility"),
    "site": ("站点", "Site"),
    "month": ("月份", "Month"),
    "timezone": ("时区", "Time zone"),
    "until": ("统计截至", "Counted up to"),
    "item": ("项目", "Item"),
    "count": ("件数", "Incidents"),
    "share": ("占比", "Share"),
    "times": ("次数", "Times"),
    "who_all": ("范围", "Of"),
    "median": ("认领用时中位数", "Median time to answer"),
    "p90": ("90%认领用时不超过", "90 % answered within"),
    "share_30": ("30秒内占比", "Share within 30 s"),
    "share_60": ("60秒内占比", "Share within 60 s"),
    "incident": ("编号", "Number"),
    "opened_at": ("发生时间", "Opened"),
    "address": ("地点", "Place"),
    "grid_name": ("网格", "Grid"),
    "kind": ("类型", "Kind"),
    "title": ("内容", "Title"),
    "priority": ("等级", "Priority"),
    "state": ("状态", "State"),
    "outcome": ("结果", "Outcome"),
    "resolved_at": ("办结时间", "Settled at"),
    "seconds": ("用时", "Duration"),
    "owner": ("责任人", "Owner"),
    "tier": ("层级", "Tier"),
    "answered_at": ("认领时间", "Answered"),
    "at": ("时间", "Time"),
    "who": ("人员", "Who"),
    "verb": ("措施", "Step"),
    "note": ("说明", "Note"),
    "role": ("责任", "As"),
    "begins": ("起", "From"),
    "ends": ("止", "To"),
    "ended_by": ("结束方式", "Ended by"),
    "deadline": ("期限", "Deadline"),
    "kept": ("是否按时", "Deadline kept"),
    "officer": ("值班员", "Officer"),
    "per_day": ("日均", "A day"),
    "busiest_window": ("10分钟最多", "Most in 10 minutes"),
    "busiest_day": ("单日最多", "Most in a day"),
    "windows_over_1": ("超过1件的10分钟时段", "Windows of 10 min with more than 1"),
    "share_over_1": ("时段占比(>1件)", "Share of windows (>1)"),
    "windows_over_10": ("超过10件的10分钟时段", "Windows of 10 min with more than 10"),
    "share_over_10": ("时段占比(>10件)", "Share of windows (>10)"),
    "days_over_150": ("超过150件的天数", "Days with more than 150"),
    "days_over_300": ("超过300件的天数", "Days with more than 300"),
    "verdict": ("评价(EEMUA 191)", "Verdict (EEMUA 191)"),
    "since": ("开始", "Since"),
    "peak": ("峰值(10分钟)", "Peak (10 minutes)"),
    "part": ("部分", "Part"),
    "heading": ("指标", "Figure"),
    "value": ("数值", "Value"),
}

KINDS_EN = {"press": "Alarm button", "video-loss": "Video loss"}


def text(name: str, language: Language) -> str:
    """A heading, or what a figure is called."""
    chinese, english = _TEXT[name]
    return chinese if language == "zh" else english


def code(what: str, value: str, language: Language) -> str:
    """What a code is called; one that we have no word for stands for itself."""
    if what == "kind":
        return kind(value, language)
    chinese, english = _CODES[what].get(value, (value, value))
    return chinese if language == "zh" else english


def kind(value: str, language: Language) -> str:
    """What a kind of incident is called."""
    if language == "zh":
        return KIND_NAMES.get(value, value)
    return KINDS_EN.get(value, value.capitalize())


def grid(value: str, names: Mapping[str, str], language: Language) -> str:
    """What a grid is called; one that is gone from the site by its own name."""
    return names.get(value) or code("grid", value, language)
