"""The month's report: a month worked out by hand, random months that must add up, and a trace behind every figure."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from histories import History, random_history
from psycopg import Connection
from webserver import Web, add_people, open_incident, running_web

from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from store import people, registry
from store.connect import connect
from web.reports import making

CHINA = ZoneInfo("Asia/Shanghai")
LATER = datetime(2021, 6, 1, tzinfo=UTC)
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}
API = "/api/v1"


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    add_people(database)
    with connect(database, part="test", autocommit=True) as conn:
        grids = tuple(Grid(site="s1", grid=name, name=f"{name}组", geometry=SQUARE) for name in ("g1", "g2"))
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="止火街社区"), grids=grids, devices=()))
        for name in ("li", "wang"):
            people.add_user(conn, name, "officer", ["s1"], None)
        yield conn


def local(day: int, time: str, month: int = 11) -> datetime:
    hour, minute, second = (int(part) for part in f"{time}:00".split(":")[:3])
    return datetime(2020, month, day, hour, minute, second, tzinfo=CHINA).astimezone(UTC)


def after(at: datetime, seconds: float) -> datetime:
    return at + timedelta(seconds=seconds)


def month_by_hand(conn: Connection) -> dict[str, int]:
    """November 2020 of s1: begins on a Sunday. What each incident is for stands beside it."""
    history = History(conn)
    ids: dict[str, int] = {}

    def opened(
        name: str, at: datetime, kind: str = "press", grid: str | None = "g1", **more: Any
    ) -> tuple[int, datetime]:
        ids[name] = history.open(at, kind, grid, **more)
        return ids[name], at

    one, at = opened("carried", local(31, "23:50", 10))  # from October into November
    history.step(one, after(at, 20), "li", "acknowledge")
    history.step(one, local(1, "00:10"), "li", "dispatch", to="wang")  # li had it before: nothing new came to his hands
    history.step(one, after(at, 2400), "li", "resolve", outcome="real")

    one, at = opened("reopened", local(30, "10:00", 10), "intrusion")  # settled in October, reopened, never settled
    history.step(one, after(at, 3600), "li", "resolve", outcome="false")
    history.step(one, local(2, "09:00"), "cora", "reopen", note="又来了")

    one, at = opened("december", local(20, "10:00", 10))  # settled in October and reopened in December: not November's
    history.step(one, after(at, 60), "li", "resolve", outcome="real")
    history.step(one, local(5, "10:00", 12), "cora", "reopen", note="又来了")

    one, at = opened("first", local(1, "00:00"))  # the first moment of the month
    history.step(one, after(at, 10), "li", "acknowledge")
    history.step(one, after(at, 30), "li", "dispatch", to="wang")
    history.step(one, after(at, 300), "wang", "arrive")
    history.step(one, after(at, 600), "li", "resolve", outcome="real", note="已送医")

    one, at = opened("false", local(2, "08:15"), grid="g2")  # to the community, a false alarm
    history.escalate(one, after(at, 30), "community")
    history.step(one, after(at, 45), "cora", "acknowledge")
    history.step(one, after(at, 1000), "cora", "resolve", outcome="false")

    one, at = opened("lapsed", local(2, "08:16"), grid=None)  # to the district, and its claim lapses
    history.escalate(one, after(at, 30), "community")
    history.escalate(one, after(at, 60), "district")
    history.step(one, after(at, 61), "li", "acknowledge")
    history.lapse(one, after(at, 661))
    history.step(one, after(at, 700), "wang", "acknowledge")
    history.step(one, after(at, 800), "wang", "resolve", outcome="real")

    opened("nobody", local(2, "08:17"), "intrusion", "g2")  # nobody ever took it

    one, at = opened("healed", local(3, "22:00"), "offline")
    history.step(one, after(at, 600), "system", "resolve", outcome="real")

    one, at = opened("last", local(30, "23:59:59"))  # the last second; answered in December, after just 60 s
    history.step(one, after(at, 60), "li", "acknowledge")
    history.step(one, after(at, 600), "li", "resolve", outcome="real")

    opened("drill", local(4, "10:00"), drill=True)
    one, at = opened("test", local(5, "10:00"))
    history.step(one, after(at, 5), "li", "resolve", outcome="test")
    opened("quiet", local(6, "10:00"), "intrusion", quiet="chattering")
    opened("next", local(1, "00:00", 12))
    history.write()
    conn.execute(
        "INSERT INTO floods VALUES ('li', %s, %s, 3), ('bert', %s, NULL, 9)",
        (local(2, "08:16:30"), local(2, "08:40"), local(2, "08:16")),  # bert is of another site
    )
    return ids


def counts(figures: list[dict[str, Any]]) -> dict[str, int]:
    """Figures by value, those of nothing left out."""
    return {one["value"] or one["figure"]: one["count"] for one in figures if one["count"]}


def get(client: httpx.Client, path: str, **params: object) -> dict[str, Any]:
    answer = client.get(API + path, params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def figures_in(report: Any) -> Iterator[dict[str, Any]]:
    """Every figure in a report, wherever it stands."""
    if isinstance(report, dict):
        if "trace" in report:
            yield report
        report = list(report.values())
    if isinstance(report, list):
        for part in report:
            yield from figures_in(part)


def traced(client: httpx.Client, trace: str) -> list[int]:
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(trace, params={**{k: v[0] for k, v in parse_qs(urlsplit(trace).query).items()}, **cursor})
        assert answer.status_code == 200, answer.text
        found += [int(one["id"]) for one in answer.json()["items"]]
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}


def test_a_month_by_hand(conn: Connection, database: str) -> None:
    ids = month_by_hand(conn)
    with running_web(database) as web, web.client("cora") as client:
        report = get(client, "/reports/monthly", site="s1", month="2020-11")
        assert (report["name"], report["timezone"]) == ("止火街社区", "Asia/Shanghai")
        assert (report["begins"], report["ends"]) == ("2020-10-31T16:00:00Z", "2020-11-30T16:00:00Z")
        assert counts(report["flow"]) == {"carried": 1, "opened": 6, "reopened": 1, "settled": 5, "open_at_end": 3}
        assert counts(report["left_out"]) == {"drill": 1, "test": 1, "quiet": 1}
        everything, presses = report["answers"]
        for found, of in ((everything, (6, 4, 1, 3, 2)), (presses, (4, 4, 1, 3, 0))):
            names = ("opened", "answered", "within_30", "within_60", "unanswered")
            assert tuple(found[name]["count"] for name in names) == of
            # 10, 45, 60 and 61 seconds
            assert (found["median_seconds"], found["p90_seconds"]) == (45.0, 61.0)
        assert presses["within_60"]["share"] == 0.75
        assert counts(report["outcomes"]) == {"settled_real": 3, "settled_false": 1, "settled_by_itself": 1}
        assert report["false_share"] == 0.25
        assert counts(report["by_kind"]) == {"press": 4, "intrusion": 1, "offline": 1}
        assert counts(report["by_priority"]) == {"critical": 4, "low": 2}
        assert counts(report["by_grid"]) == {"g1": 3, "g2": 2, "-": 1}
        assert [one["label"] for one in report["by_grid"]] == ["g1组", "g2组", "未划入网格"]
        assert counts(report["by_hour"]) == {"0": 1, "8": 3, "22": 1, "23": 1}
        assert counts(report["by_weekday"]) == {"7": 1, "1": 4, "2": 1}
        assert counts(report["by_day"]) == {"2020-11-01": 1, "2020-11-02": 3, "2020-11-03": 1, "2020-11-30": 1}
        assert (len(report["by_hour"]), len(report["by_weekday"]), len(report["by_day"])) == (24, 7, 30)
        assert {one["value"]: (one["count"], one["times"]) for one in report["escalations"]} == {
            "community": (2, 2),
            "district": (1, 1),
        }
        assert (report["lapsed"]["count"], report["lapsed"]["times"]) == (1, 1)
        end = local(1, "00:00", 12)
        assert [(int(one["incident"]), one["seconds"], one["open"]) for one in report["longest"]] == [
            (ids["reopened"], (end - local(30, "10:00", 10)).total_seconds(), True),
            (ids["nobody"], (end - local(2, "08:17")).total_seconds(), True),
            (ids["carried"], 2400.0, False),
            (ids["false"], 1000.0, False),
            (ids["lapsed"], 800.0, False),
            (ids["first"], 600.0, False),
            (ids["healed"], 600.0, False),
            (ids["last"], 1.0, True),
        ]
        check_loads(report)
        assert [(one["officer"], one["peak"], one["incidents"]["count"]) for one in report["floods"]] == [("li", 3, 3)]
        behind = {
            (one["figure"], one["value"]): traced(client, one["trace"]) for one in figures_in(report) if one["count"]
        }
        assert behind["settled", None] == sorted(
            (ids[name] for name in ("carried", "first", "false", "lapsed", "healed")), reverse=True
        )
        assert behind["by_hour", "8"] == [ids["nobody"], ids["lapsed"], ids["false"]]
        assert behind["load_over_1", "/desk"] == [ids["nobody"], ids["lapsed"], ids["false"]]
        assert behind["left_out", "drill"] == [ids["drill"]]
        assert behind["escalated", "district"] == behind["lapsed", None] == [ids["lapsed"]]
        for one in figures_in(report):
            assert len(traced(client, one["trace"])) == one["count"], one


def check_loads(report: dict[str, Any]) -> None:
    desk, *officers = report["load"]
    assert desk["officer"] is None
    assert (desk["incidents"]["count"], desk["busiest_window"], desk["busiest_day"]) == (6, 3, 3)
    # three of the morning of the second share a window of ten minutes; there are 30 days of 144 windows
    assert (desk["windows_over_1"]["number"], desk["windows_over_1"]["incidents"]["count"]) == (1, 3)
    assert desk["windows_over_1"]["share"] == round(1 / 4320, 4)
    assert (desk["windows_over_10"]["number"], desk["days_over_150"]["number"], desk["per_day"]) == (0, 0, 0.2)
    assert desk["verdict"] == "manageable"
    # li had the one from October before the month began, and that of the last second after it
    assert {one["officer"]: one["incidents"]["count"] for one in officers} == {"cora": 1, "li": 2, "wang": 1}


def test_december_goes_on_where_november_ends(conn: Connection) -> None:
    ids = month_by_hand(conn)
    with_reopened = [ids["last"], ids["nobody"], ids["reopened"]]
    for month, figure in (("2020-11", "open_at_end"), ("2020-12", "carried")):
        found = making.behind(conn, "s1", month, LATER, figure, None, None, 99)
        assert [one.id for one in found] == with_reopened, month
    december = making.month(conn, "s1", "2020-12", LATER, "en")
    assert [one.count for one in december.flow] == [3, 1, 1, 1, 4]
    assert december.load[1].officer == "li"
    assert december.load[1].incidents.count == 1


def test_a_step_counts_in_the_month_whose_feed_tells_it(conn: Connection) -> None:
    """Its decision is a moment older, by another clock: no month may lose it between the two."""
    history = History(conn)
    one = history.open(local(31, "23:00", 10))
    history.step(one, local(1, "00:00:00"), "li", "resolve", outcome="real")
    history.write()
    conn.execute("UPDATE incidents SET resolved_at = resolved_at - interval '1 millisecond'")
    flows = [
        [one.count for one in making.month(conn, "s1", month, LATER, "en").flow] for month in ("2020-10", "2020-11")
    ]
    assert flows == [[0, 1, 0, 0, 1], [1, 0, 0, 1, 0]]


ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")


@pytest.mark.parametrize("seed", range(4))
def test_random_months_add_up_and_every_figure_has_its_incidents(conn: Connection, seed: int) -> None:
    zone = ZoneInfo(ZONES[seed])  # two of them change their clocks in these months
    registry.add_site(conn, Site(site="s1", name="One", timezone=zone.key))
    history = History(conn)
    random_history(history, seed, datetime(2020, 9, 20, tzinfo=UTC), 70, 150)
    conn.execute("INSERT INTO floods VALUES ('li', '2020-10-05', '2020-10-06', 12), ('li', '2020-10-20', NULL, 12)")
    was_open = None
    for month in ("2020-10", "2020-11", "2020-12"):
        report = making.month(conn, "s1", month, LATER, "en")
        plain = report.model_dump(mode="json")
        carried, opened, reopened, settled, open_at_end = (one.count for one in report.flow)
        assert carried + opened + reopened == settled + open_at_end
        assert was_open in {None, carried}
        was_open = open_at_end
        for part in (
            report.by_kind,
            report.by_priority,
            report.by_grid,
            report.by_hour,
            report.by_weekday,
            report.by_day,
        ):
            assert sum(one.count for one in part) == opened
        assert sum(one.incidents.count for one in report.load if one.officer is None) == opened
        for one in figures_in(plain):
            found = making.behind(conn, "s1", month, LATER, one["figure"], one["value"], None, 1000)
            ids = [incident.id for incident in found]
            assert len(ids) == one["count"], (month, one)
            assert ids == sorted(set(ids), reverse=True)
        check_another_way(plain, history, month, zone)


def check_another_way(shown: dict[str, Any], history: History, month: str, zone: ZoneInfo) -> None:
    """Count the incidents as they were made, without a database."""
    fresh = [one for one in history.made.values() if f"{one.opened_at.astimezone(zone):%Y-%m}" == month]
    counted = [one for one in fresh if not (one.drill or one.quiet or one.outcome in {"drill", "test"})]
    waits = sorted((one.answered_at - one.opened_at).total_seconds() for one in counted if one.answered_at)
    by = {
        "by_kind": Counter(one.kind for one in counted),
        "by_grid": Counter(one.grid or "-" for one in counted),
        "by_hour": Counter(str(one.opened_at.astimezone(zone).hour) for one in counted),
        "by_weekday": Counter(str(one.opened_at.astimezone(zone).isoweekday()) for one in counted),
        "by_day": Counter(f"{one.opened_at.astimezone(zone):%Y-%m-%d}" for one in counted),
    }
    for name, expected in by.items():
        assert counts(shown[name]) == expected, name
    everything = shown["answers"][0]
    assert everything["within_30"]["count"] == sum(wait <= 30 for wait in waits)
    assert everything["within_60"]["count"] == sum(wait <= 60 for wait in waits)
    windows = Counter(int(one.opened_at.timestamp()) // 600 for one in counted)
    assert shown["load"][0]["busiest_window"] == max(windows.values(), default=0)
    assert shown["load"][0]["windows_over_1"]["number"] == sum(number > 1 for number in windows.values())
    assert sum(one["count"] for one in shown["left_out"]) == len(fresh) - len(counted)


def test_traces_are_paged_as_other_lists(conn: Connection, database: str) -> None:
    history = History(conn)
    ids = [history.open(local(3, "10:00")) for _ in range(405)]
    history.write()
    with running_web(database) as web, web.client("cora") as client:
        call = {"site": "s1", "month": "2020-11", "figure": "by_kind", "value": "press"}
        first = get(client, "/reports/monthly/incidents", **call)
        assert [int(one["id"]) for one in first["items"]] == ids[:-201:-1]
        report = get(client, "/reports/monthly", site="s1", month="2020-11")
        assert traced(client, report["by_kind"][0]["trace"]) == ids[::-1]
        desk = report["load"][0]
        assert (desk["windows_over_10"]["number"], desk["days_over_300"]["number"]) == (1, 1)
        assert desk["verdict"] == "overloaded"
        assert traced(client, desk["days_over_300"]["incidents"]["trace"]) == ids[::-1]


def test_an_internal_site_counts_in_nothing(conn: Connection) -> None:
    month_by_hand(conn)
    conn.execute("UPDATE sites SET internal = true WHERE site = 's1'")
    report = making.month(conn, "s1", "2020-11", LATER, "zh")
    assert {one.count for one in report.flow} == {0}
    assert [(one.value, one.count) for one in report.left_out] == [
        ("drill", 0),
        ("test", 0),
        ("quiet", 0),
        ("internal", 9),
    ]


def test_a_month_that_runs_is_counted_up_to_now(conn: Connection) -> None:
    month_by_hand(conn)
    now = local(3, "12:00")
    report = making.month(conn, "s1", "2020-11", now, "zh")
    assert report.until == now
    assert [one.value for one in report.by_day][:4] == ["2020-11-01", "2020-11-02", "2020-11-03", "2020-11-30"]
    # 60 hours of six windows
    assert report.load[0].windows_over_1.share == round(1 / 360, 4)


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with running_web(database) as server:
        yield server


CALLS = [
    "/reports/monthly?month=2020-11&site=",
    "/reports/monthly/incidents?month=2020-11&figure=opened&site=",
    "/reports/lists/problems?site=",
    "/reports/lists/measures?format=csv&site=",
    "/reports/lists/responsibility?format=xlsx&site=",
]


def test_reports_are_for_leads_of_the_site(web: Web) -> None:
    open_incident(web.database, "s1")
    with web.client() as nobody, web.client("anna") as officer, web.client("cora") as lead, web.client("dora") as admin:
        for call in CALLS:
            assert nobody.get(f"{API}{call}s1").status_code == 401, call
            assert officer.get(f"{API}{call}s1").status_code == 403, call
            assert officer.get(f"{API}{call}s2").status_code == 404, call
            for site in ("s3", ""):
                assert lead.get(f"{API}{call}{site}").status_code == 404, call
                assert admin.get(f"{API}{call}{site}").status_code == 404, call
            assert lead.get(f"{API}{call}s1").status_code == 200, call
            assert admin.get(f"{API}{call}s2").status_code == 200, call


REFUSED = [
    ("monthly?site=s1&month=2020-13", "write it like 2026-11"),
    ("monthly?site=s1&month=2020-1", "write it like 2026-11"),
    ("monthly?site=s1", "month"),
    ("monthly?site=s1&month=2020-11&format=pdf", "format"),
    ("monthly/incidents?site=s1&month=2020-11&figure=made_up", "by_kind"),
    ("monthly/incidents?site=s1&month=2020-11&figure=by_kind", "value"),
    ("monthly/incidents?site=s1&month=2020-11&figure=opened&value=1", "leave"),
    ("monthly/incidents?site=s1&month=2020-11&figure=opened&cursor=x", "cursor"),
    ("lists/measures?site=s1&cursor=Mw", "cursor"),
    ("lists/problems?site=s1&from=yesterday", "from"),
]


def test_what_can_t_be_asked_is_refused_with_words(web: Web) -> None:
    with web.client("cora") as client:
        for query, words in REFUSED:
            answer = client.get(f"{API}/reports/{query}")
            assert answer.status_code == 422, query
            assert words in answer.json()["detail"], query
