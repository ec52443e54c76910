"""The three lists, and reports as files: read back as a spreadsheet reads them, with text that would rather be a formula."""

import csv
import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import httpx
import openpyxl
import pytest
from histories import History
from openpyxl.workbook import Workbook
from psycopg import Connection
from test_web_reports import CHINA, after, get, local, month_by_hand
from typer.testing import CliRunner, Result
from webserver import Web, add_people, running_web

from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from skynet.cli.app import app
from store import people, registry
from store.connect import connect
from store.report_lists import Span
from web.reports import files, lists, tables

UTC_ZONE = ZoneInfo("UTC")
NASTY = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("http://evil","x")', 'say "hi", you', "a\nb", "http://x",
    "12", "\x01\x0b\ufffe", "𠮷", " ", "x" * 40_000, "{=1}",
]  # fmt: skip


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    add_people(database)
    with connect(database, part="test", autocommit=True) as conn:
        grid = Grid(site="s1", grid="g1", name="一组", geometry={"type": "Polygon", "coordinates": []})
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="止火街/社区"), grids=(grid,), devices=()))
        for name in ("li", "wang"):
            people.add_user(conn, name, "officer", ["s1"], None)
        yield conn


@pytest.fixture
def web(conn: Connection, database: str) -> Iterator[Web]:
    with running_web(database) as server:
        yield server


@pytest.fixture
def command(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`skynet`, in this process."""
    monkeypatch.setenv("SKYNET_DATABASE_URL", database)
    monkeypatch.setenv("SKYNET_DATA_DIR", str(tmp_path))
    root = logging.getLogger()
    handlers = root.handlers[:]
    yield lambda *arguments: CliRunner().invoke(app, arguments)
    root.handlers[:] = handlers  # the command's own wrote to a stream that is closed now


def file(client: httpx.Client, path: str, **params: str) -> httpx.Response:
    answer = client.get(f"/api/v1/reports/{path}", params={"site": "s1", **params})
    assert answer.status_code == 200, answer.text
    return answer


def sheets(content: bytes) -> Workbook:
    return openpyxl.load_workbook(io.BytesIO(content))


def rows(content: bytes) -> list[list[str]]:
    text = content.decode("utf-8-sig")
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_lists_are_made_of_incidents_steps_and_owners(conn: Connection, web: Web) -> None:
    ids = month_by_hand(conn)
    span = {"site": "s1", "from": "2020-11-01T00:00:00+08:00", "to": "2020-12-01T00:00:00+08:00"}
    with web.client("cora") as client:
        problems = get(client, "/reports/lists/problems", **span)
        names = ("last", "quiet", "test", "drill", "healed", "nobody", "lapsed", "false", "first")
        assert {one["incident"] for one in problems["items"]} == {str(ids[name]) for name in names}
        by_id = {one["incident"]: one for one in problems["items"]}
        first = by_id[str(ids["first"])]
        assert (first["seconds"], first["outcome"], first["owner"], first["grid_name"]) == (600.0, "real", "li", "一组")
        assert [by_id[str(ids[name])]["left_out"] for name in ("drill", "test", "quiet", "first")] == [
            "drill", "test", "quiet", None,
        ]  # fmt: skip
        measures = get(client, "/reports/lists/measures", **span)["items"]
        told = [(one["who"], one["verb"]) for one in measures if one["incident"] == str(ids["lapsed"])]
        assert told[::-1] == [
            ("system", "escalate"), ("system", "escalate"), ("li", "acknowledge"), ("system", "release"),
            ("wang", "acknowledge"), ("wang", "resolve"),
        ]  # fmt: skip
        assert [one["at"] for one in measures] == sorted((one["at"] for one in measures), reverse=True)
        responsible = get(client, "/reports/lists/responsibility", **span)["items"]
        mine = [one for one in responsible if one["incident"] == str(ids["first"])]
        start = local(1, "00:00")
        assert [(one["role"], one["who"], one["begins"], one["kept"]) for one in mine] == [
            ("tier", "grid", f"{start:%Y-%m-%dT%H:%M:%SZ}", True),
            ("owner", "li", f"{after(start, 10):%Y-%m-%dT%H:%M:%SZ}", True),
            ("sent", "wang", f"{after(start, 30):%Y-%m-%dT%H:%M:%SZ}", True),
        ]
        lapsed = [one for one in responsible if one["incident"] == str(ids["lapsed"])]
        assert [(one["who"], one["kept"]) for one in lapsed] == [
            ("grid", False), ("community", False), ("district", None), ("li", False), ("wang", True),
        ]  # fmt: skip


@pytest.mark.parametrize("name", lists.LISTS)
def test_lists_are_paged_in_json_and_whole_in_files(
    conn: Connection, web: Web, name: lists.ListName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "BATCH", 70)
    history = History(conn)
    for number in range(150):
        one = history.open(local(3, "10:00") + timedelta(minutes=number))
        history.step(one, local(3, "10:01") + timedelta(minutes=number), "li", "acknowledge")
        history.step(one, local(3, "10:02") + timedelta(minutes=number), "li", "resolve", outcome="real")
    history.write()
    lines = {"problems": 150, "measures": 300, "responsibility": 300}[name]
    with web.client("cora") as client:
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = get(client, f"/reports/lists/{name}", site="s1", **cursor)
            found += answer["items"]
            assert len(answer["items"]) <= 200
            if answer["next"] is None:
                break
            cursor = {"cursor": answer["next"]}
        assert len(found) == lines
        assert len({json.dumps(one) for one in found}) == lines
        assert len(rows(file(client, f"lists/{name}", format="csv").content)) == lines + 1
        book = sheets(file(client, f"lists/{name}", format="xlsx").content)
        assert [sheet.max_row for sheet in book] == [lines + 1]


def test_nasty_text_stays_text(conn: Connection, web: Web) -> None:
    history = History(conn)
    one = history.open(local(3, "10:00"))
    notes = [text[:1900] for text in NASTY]
    for number, text in enumerate(notes):
        history.step(one, after(local(3, "10:00"), number), "li", "note", note=text)
    history.write()
    with web.client("cora") as client:
        sheet = sheets(file(client, "lists/measures", format="xlsx").content).active
        assert sheet is not None
        cells = [row[8] for row in sheet.iter_rows(min_row=2)][::-1]
        for cell, text in zip(cells, notes, strict=True):
            assert cell.data_type in {"s", "n"}, text  # a blank alone reads as nothing; never "f"
            assert cell.hyperlink is None
            assert cell.data_type == "s" or not text.strip()
        plain = [cell.value for cell in cells]
        assert plain[0] == "=1+1"
        assert plain[8:10] == ['say "hi", you', "a\nb"]
        assert plain[12] == "���"
        written = [row[8] for row in rows(file(client, "lists/measures", format="csv").content)[1:]][::-1]
        for cell_text, text in zip(written, notes, strict=True):
            assert cell_text == (f"'{text}" if text[0] in "=+-@\t\r＝" else text)


def test_a_month_as_a_workbook(conn: Connection, web: Web) -> None:
    ids = month_by_hand(conn)
    with web.client("cora") as client:
        answer = file(client, "monthly", month="2020-11", format="xlsx")
        assert answer.headers["content-type"] == files.XLSX
        said = answer.headers["content-disposition"]
        assert said.startswith("attachment; filename=\"monthly-s1-2020-11.xlsx\"; filename*=UTF-8''")
        assert unquote(said.split("''")[1]) == "月报-止火街_社区-2020-11.xlsx"
        book = sheets(answer.content)
        assert book.sheetnames == [
            "概况", "响应", "按类型", "按等级", "按网格", "按时段", "按星期", "按日", "上报与超时", "最久未结", "值班负荷",
            "警情潮", "不计入统计",
        ]  # fmt: skip
        for sheet in book:
            assert sheet.freeze_panes == "A2"
            assert sheet.cell(1, 1).font.b
        summary = {row[0]: row[1:] for row in book["概况"].iter_rows(values_only=True)}
        assert summary["新增"][0] == 6
        assert summary["统计截至"][1] == datetime(2020, 12, 1)  # noqa: DTZ001 - a sheet knows no zone
        assert summary["误报率"][2] == "25.0%"
        longest = list(book["最久未结"].iter_rows(min_row=2))
        assert [row[0].value for row in longest][:2] == [ids["reopened"], ids["nobody"]]
        assert longest[0][1].value == datetime(2020, 10, 30, 10)  # noqa: DTZ001
        assert longest[2][2].value == timedelta(seconds=2400)
        assert book["响应"]["E2"].number_format == "0.0%"
        english = sheets(file(client, "monthly", month="2020-11", format="xlsx", lang="en").content)
        assert english.sheetnames[:2] == ["Summary", "Answers"]


def test_a_month_as_csv(conn: Connection, web: Web) -> None:
    month_by_hand(conn)
    with web.client("cora") as client:
        answer = file(client, "monthly", month="2020-11", format="csv")
        assert answer.headers["content-type"] == files.CSV
        found = rows(answer.content)
        assert found[0] == ["部分", "项目", "指标", "数值"]
        assert ["概况", "新增", "件数", "6"] in found
        assert ["响应", "一键报警", "认领用时中位数", "0:00:45"] in found
        assert ["按类型", "入侵", "占比", "0.1667"] in found
        assert {len(row) for row in found} == {4}
        assert b"\r\n" in answer.content


def test_a_list_that_is_too_long_for_a_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    table = tables.Table("a/b[c]", [tables.Column("n", "number")], ((number,) for number in range(5)))
    book = sheets(files.workbook([table], UTC_ZONE))
    assert book.sheetnames == ["a b c ", "a b c  2", "a b c  3"]
    assert [[row[0] for row in sheet.iter_rows(values_only=True)] for sheet in book] == [
        ["n", 0, 1],
        ["n", 2, 3],
        ["n", 4],
    ]


def test_a_list_is_read_in_batches_that_hold_no_connection(conn: Connection, database: str) -> None:
    history = History(conn)
    one = history.open(local(3, "10:00"))
    for number in range(lists.BATCH + 10):
        history.step(one, after(local(3, "10:00"), number), "li", "note", note=str(number))
    history.write()
    lines = lists.whole("measures", lambda: connect(database, part="test"), Span("s1"))
    assert [line["note"] for line in lines] == [str(number) for number in range(lists.BATCH + 9, -1, -1)]


def test_the_command_writes_what_the_server_gives(
    conn: Connection, web: Web, tmp_path: Path, command: Callable[..., Result]
) -> None:
    month_by_hand(conn)

    def written(name: str, *more: str) -> bytes:
        done = command("report", "s1", "--month", "2020-11", "--out", str(tmp_path / name), *more)
        assert done.exit_code == 0, (done.exception, done.output)
        return (tmp_path / name).read_bytes()

    with web.client("cora") as client:
        report = get(client, "/reports/monthly", site="s1", month="2020-11")
        assert json.loads(written("month.json")) == report
        assert written("month.csv") == file(client, "monthly", month="2020-11", format="csv").content
        span = {"from": local(1, "00:00").isoformat(), "to": local(1, "00:00", 12).isoformat()}
        for name in lists.LISTS:
            assert written(f"{name}.csv", "--list", name) == file(client, f"lists/{name}", format="csv", **span).content
        items = get(client, "/reports/lists/responsibility", site="s1", **span)["items"]
        assert json.loads(written("r.json", "--list", "responsibility"))["items"] == items
    assert sheets(written("month.xlsx", "--lang", "en")).sheetnames[0] == "Summary"


REFUSED = [
    (("s1", "--month", "2020-11", "--out", "x.pdf"), ".xlsx, .csv, .json"),
    (("s1", "--month", "November", "--out", "x.csv"), "2026-11"),
    (("s9", "--month", "2020-11", "--out", "x.csv"), "skynet sites list"),
    (("s1", "--month", "2020-11", "--list", "people", "--out", "x.csv"), "problems, measures, responsibility"),
    (("s1", "--month", "2020-11", "--lang", "fr", "--out", "x.csv"), "zh, en"),
    (("s1", "--month", "2020-11", "--out", "/nowhere/x.csv"), "can't be written"),
]


def test_the_command_says_what_to_do(conn: Connection, command: Callable[..., Result]) -> None:
    for arguments, words in REFUSED:
        done = command("report", *arguments)
        assert done.exit_code != 0, arguments
        assert words in f"{done.output} {done.exception}", arguments


def test_times_are_the_sites_own() -> None:
    at = datetime(2020, 11, 3, 2, 0, tzinfo=UTC)
    table = tables.Table(
        "t", [tables.Column("at", "time"), tables.Column("for", "duration")], [(at, 3_725.4), (None, None)]
    )
    assert rows(b"".join(files.commas(table, CHINA)))[1:] == [["2020-11-03 10:00:00", "1:02:05"], ["", ""]]
