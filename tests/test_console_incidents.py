"""What officers see and do with incidents on the live page: claims, shelving, drills, groups, floods, and what is shown."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from console_desk import PASSWORD, Button, Camera, Desk, desk, resolve_all
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect, sync_playwright
from whole_system import WholeSystem, running_system

from alerts.rules import DEFAULT
from skynet.local.programs import chromium_path
from store import feed, incidents
from store.connect import connect
from store.records import Change, Incident

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SITE, FLOODED = "zhihuo", "liujiang"
SITES = Path(__file__).parents[1] / "devices" / "sites"
PEOPLE = {"张三": ("officer", SITE), "李四": ("officer", SITE), "王主任": ("lead", SITE), "王五": ("officer", FLOODED)}
LEADER = "赵书记"  # of both sites
PLACE = {"lat": 40.2, "lon": 100.3}

# a claim of a fall ends soon, and a press that no console shows goes up soon
LAPSES = """
[[escalation]]
kinds = ["fall"]
lease = 4

[[escalation]]
priorities = ["critical"]
lease = 600
step = [{ after = 300, tier = "community" }]
"""

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    folder = tmp_path_factory.mktemp("incidents")
    rules = folder / "rules.toml"
    usual = DEFAULT.read_text().replace("shown_within = 10", "shown_within = 5")
    rules.write_text(usual.replace("[[escalation]]", LAPSES + "\n[[escalation]]", 1))
    rules.chmod(0o644)
    with running_system(folder / "data", environment={"SKYNET_RULES_FILE": str(rules)}) as one:
        for site in (SITE, FLOODED):
            one.command("sites", "import", str(SITES / f"{site}.geojson"))
        for name, (role, site) in PEOPLE.items():
            one.command("users", "add", name, "--role", role, "--site", site, "--password-stdin", given=PASSWORD)
        both = ("--site", SITE, "--site", FLOODED)
        one.command("users", "add", LEADER, "--role", "lead", *both, "--password-stdin", given=PASSWORD)
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium_path())
        yield one
        one.close()


Sit = Callable[..., Any]


@pytest.fixture
def sit(system: WholeSystem, browser: Browser) -> Sit:
    """`with sit("张三") as desk`: somebody logged in at a desk; `before` is done to the page first."""

    @contextmanager
    def at(name: str, before: Callable[[Page], object] = lambda _: None) -> Iterator[Desk]:
        with desk(browser, system.web) as one:
            before(one.page)
            one.log_in(name)
            expect(one.page.get_by_test_id("queue")).to_be_visible()
            yield one

    return at


@pytest.fixture
def things(system: WholeSystem) -> Iterator[Callable[..., Any]]:
    """`things(Button)`: a device of this test alone; afterwards everything is resolved."""
    made: list[Button | Camera] = []

    def new(of: type[Button] | type[Camera], **place: float) -> Button | Camera:
        made.append(of(system, SITE, f"own-{next(_numbers)}", **(PLACE | place)))
        return made[-1]

    yield new
    for one in made:
        one.close()
    resolve_all(system, "王主任", SITE)


def rows(system: WholeSystem, query: str, *values: object) -> list[tuple[Any, ...]]:
    with connect(system.urls["database"], part="test") as conn:
        return conn.execute(query, values).fetchall()


def caught_up(system: WholeSystem) -> bool:
    """Whether ingest has taken up the newest registry and windows."""
    return rows(
        system,
        "SELECT 1 FROM parts WHERE part = 'ingest' AND registry_version < (SELECT version FROM registry_version)"
        " AND beat_at > clock_timestamp() - interval '5 seconds'",
    ) == []  # fmt: skip


def steps_of(system: WholeSystem, incident: str) -> list[tuple[Any, ...]]:
    return rows(system, "SELECT verb, actor, note FROM changes WHERE incident = %s ORDER BY seq", int(incident))


HIDEABLE = """
let hidden = false
Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') })
window.hideTab = (is) => { hidden = is; document.dispatchEvent(new Event('visibilitychange')) }
"""


def test_what_is_on_the_screen_is_reported_and_does_not_go_up(
    system: WholeSystem, sit: Sit, things: Callable[..., Any]
) -> None:
    button = things(Button)
    with sit("张三") as zhang:
        with zhang.page.expect_request("**/api/v1/shown") as told:
            button.press("p1")
        incident = zhang.incident_of("按钮" + button.device)
        [opened] = [one for one in zhang.changes(SITE) if one["incident"]["id"] == incident]
        assert told.value.post_data_json == {"items": [{"incident": incident, "seq": opened["seq"]}]}
        zhang.wait(
            lambda: rows(system, "SELECT 1 FROM incidents WHERE shown_at IS NOT NULL AND id = %s", int(incident))
        )
        assert rows(system, "SELECT step FROM timers WHERE incident = %s AND step = 'unshown'", int(incident)) == []
        with zhang.page.expect_request("**/api/v1/shown") as again:
            button.press("p2")
        [one] = again.value.post_data_json["items"]
        assert one["seq"] > opened["seq"], "each repeat anew"
        assert [verb for verb, *_ in steps_of(system, incident)] == ["open", "repeat"]


def test_a_hidden_tab_shows_nothing(system: WholeSystem, sit: Sit, things: Callable[..., Any]) -> None:
    button = things(Button)
    with sit("张三", lambda page: page.add_init_script(HIDEABLE)) as zhang:
        zhang.page.evaluate("hideTab(true)")
        button.press("p1")
        incident = zhang.incident_of("按钮" + button.device)
        expect(zhang.row(incident).get_by_test_id("tier")).to_have_text("↑社区")
        assert ("escalate", "system", "5秒内没有任何值班屏显示") in steps_of(system, incident)
        assert not any(url.endswith("/shown") for url in zhang.requests)
        with zhang.page.expect_request("**/api/v1/shown"):
            zhang.page.evaluate("hideTab(false)")


def test_a_row_that_is_scrolled_away_is_not_shown(sit: Sit, things: Callable[..., Any]) -> None:
    first, second = things(Button), things(Button)

    def told(incident: str) -> bool:
        return any(item["incident"] == incident for body in reports for item in body["items"])

    reports: list[dict[str, Any]] = []
    with sit("张三") as zhang:
        zhang.page.on(
            "request",
            lambda request: reports.append(request.post_data_json) if request.url.endswith("/shown") else None,
        )
        # as if many rows stood between the first and the second
        zhang.page.locator(".section.alarms ul").evaluate(
            "({style}) => Object.assign(style, {display: 'grid', rowGap: '3000px'})"
        )
        first.press("p1")
        selected = zhang.incident_of("按钮" + first.device)
        zhang.wait(lambda: told(selected))
        second.press("p1")
        below = zhang.incident_of("按钮" + second.device)
        expect(zhang.page.get_by_test_id("detail")).to_have_attribute("data-incident", selected)
        first.press("p2")  # reported after the second would have been
        zhang.wait(lambda: len(reports) > 1)
        assert not told(below)
        zhang.row(below).scroll_into_view_if_needed()
        zhang.wait(lambda: told(below))


def test_a_claim_that_lapses_is_on_the_board_again_and_sounds(sit: Sit, things: Callable[..., Any]) -> None:
    camera = things(Camera)
    with sit("张三") as zhang:
        camera.sees("fall", "e1")
        incident = zhang.incident_of("探头" + camera.device)
        expect(zhang.sound()).to_have_attribute("data-sounding", "high")
        zhang.page.keyboard.press("j")
        zhang.page.keyboard.press("a")
        expect(zhang.row(incident).get_by_test_id("due")).to_contain_text(re.compile(r"剩 0:0\d"))
        expect(zhang.sound()).to_have_attribute("data-sounding", "none")
        zhang.says("张三 的认领已超时")
        expect(zhang.row(incident)).to_have_attribute("data-state", "open")
        expect(zhang.sound()).to_have_attribute("data-sounding", "high")
        expect(zhang.page.get_by_test_id("timeline")).to_contain_text("认领到期,自动放回")
        expect(zhang.page.get_by_test_id("timeline")).to_contain_text("张三 认领后没有进展")


def test_taking_over_and_handing_over(system: WholeSystem, sit: Sit, things: Callable[..., Any]) -> None:
    button = things(Button)
    with sit("张三") as zhang:
        button.press("p1")
        incident = zhang.incident_of("按钮" + button.device)
        with closing(system.password_client("李四", PASSWORD)) as li:
            assert li.post(f"/api/v1/incidents/{incident}/acknowledge", json={"version": 1}).status_code == 200
        expect(zhang.row(incident).get_by_test_id("who")).to_contain_text("李四")
        zhang.row(incident).click()
        zhang.page.keyboard.press("a")
        zhang.says("李四 已先认领")
        zhang.page.keyboard.press("t")
        form = zhang.page.get_by_test_id("step-form")
        expect(form).to_contain_text("现在由 李四 处置")
        zhang.page.keyboard.press("Enter")
        expect(form).to_contain_text("请填写说明")
        zhang.page.locator("textarea[name=note]").fill("联系不上")
        zhang.page.keyboard.press("Enter")
        expect(zhang.row(incident).get_by_test_id("who")).to_contain_text("张三")
        expect(zhang.page.get_by_test_id("timeline")).to_contain_text("→ 张三 · 联系不上")
        zhang.page.keyboard.press("h")
        zhang.page.get_by_test_id("colleagues").get_by_role("button", name="李四").click()
        zhang.page.get_by_role("button", name="确定").click()
        expect(zhang.row(incident).get_by_test_id("who")).to_contain_text("李四")
        zhang.page.keyboard.press("e")
        zhang.page.locator("textarea[name=note]").fill("需要增援")
        zhang.page.keyboard.press("Enter")
        expect(zhang.page.get_by_test_id("detail-tier")).to_have_text("社区")


def test_shelving_is_always_on_screen_and_silent(sit: Sit, things: Callable[..., Any]) -> None:
    camera, button = things(Camera), things(Button)
    with sit("张三") as zhang, sit("王主任") as lead:
        camera.sees("tamper", "e1")
        incident = zhang.incident_of("探头" + camera.device)
        zhang.row(incident).click()
        zhang.page.keyboard.press("z")
        form = zhang.page.get_by_test_id("step-form")
        form.get_by_role("button", name="现场施工,已核实").click()
        form.get_by_role("button", name="确定").click()
        expect(form).to_contain_text("请选择结束时间")
        form.get_by_text("30 分钟").click()
        form.get_by_role("button", name="确定").click()
        for one in (zhang, lead):
            shelf = one.page.locator('[data-list="shelved"]')
            expect(shelf.get_by_test_id("count")).to_have_text("1")
            expect(shelf).to_contain_text(re.compile(r"至 .*\d\d:\d\d · 张三 · 还剩 29:\d\d"))
            expect(one.sound()).to_have_attribute("data-sounding", "none")
        zhang.page.keyboard.press("Escape")
        expect(zhang.page.locator('[data-list="alarms"] button.row')).to_have_count(0)
        zhang.page.locator('[data-list="shelved"]').get_by_test_id("unshelve").click()
        expect(zhang.page.locator('[data-list="shelved"]')).to_contain_text("已放回")  # the hand is on it still
        zhang.page.mouse.move(700, 400)
        expect(zhang.page.locator('[data-list="shelved"]')).to_have_count(0)
        expect(zhang.page.locator('[data-list="alarms"] button.row')).to_have_attribute("data-incident", incident)
        expect(zhang.sound()).to_have_attribute("data-sounding", "high")

        button.press("p1")
        press = lead.incident_of("按钮" + button.device)
        zhang.page.keyboard.press("Escape")
        zhang.row(press).click()
        zhang.page.keyboard.press("z")
        zhang.says("只能由负责人搁置")
        lead.page.keyboard.press("Escape")
        lead.row(press).click()
        lead.page.keyboard.press("z")
        lead.page.get_by_test_id("step-form").get_by_text("30 分钟").click()
        lead.page.locator("textarea[name=note]").fill("按钮故障")
        lead.page.keyboard.press("Enter")
        shelf = zhang.page.locator('[data-list="shelved"]')
        expect(shelf).to_contain_text("王主任")
        expect(shelf.get_by_test_id("unshelve")).to_be_disabled()
        # until the form is closed the key is one more letter of the note
        expect(lead.page.get_by_test_id("step-form")).to_have_count(0)
        lead.page.keyboard.press("z")  # the same key brings it back
        expect(shelf).to_contain_text("已放回")
        zhang.page.keyboard.press("Escape")
        expect(shelf).to_have_count(0)


def test_a_drill_says_so_everywhere_and_sounds(system: WholeSystem, sit: Sit, things: Callable[..., Any]) -> None:
    button = things(Button)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with sit("王主任", lambda page: page.route("**/api/v1/sites", hold)) as lead:
        lead.page.keyboard.press("w")
        sheet = lead.page.get_by_test_id("windows")
        expect(sheet).to_be_visible()
        lead.wait(lambda: held)
        held.pop().continue_()  # the sites come after the sheet was opened
        sheet.get_by_text("演练", exact=True).click()
        sheet.get_by_text("30 分钟").click()
        sheet.locator("[name=reason]").fill("季度演练")
        sheet.get_by_role("button", name="现在开始").click()
        expect(sheet.locator("[data-window]")).to_contain_text("季度演练")
        lead.page.keyboard.press("Escape")
        expect(lead.page.get_by_test_id("windows-button")).to_have_text(re.compile("演练中 1"))
        lead.wait(lambda: caught_up(system))
        button.press("p1")
        incident = lead.incident_of("按钮" + button.device)
        expect(lead.row(incident).get_by_test_id("drill")).to_have_text("演练")
        expect(lead.page.get_by_test_id("detail").get_by_test_id("drill")).to_have_text("演练")
        expect(lead.page.get_by_test_id("timeline")).to_contain_text("演练")
        expect(lead.page.locator(f'.incident[data-incident="{incident}"]')).to_have_attribute("data-drill", "演练")
        expect(lead.page.locator("p.unseen")).to_contain_text("演练")
        expect(lead.sound()).to_have_attribute("data-sounding", "critical")
        lead.page.keyboard.press("w")
        sheet.get_by_role("button", name="现在结束").click()
        expect(sheet.locator("[data-window]")).to_have_count(0)
        lead.page.keyboard.press("Escape")
        expect(lead.page.get_by_test_id("windows-button")).not_to_contain_text("演练中")


def test_a_group_is_opened_and_its_cameras_seen(sit: Sit, things: Callable[..., Any]) -> None:
    first, second = things(Camera, lat=40.25), things(Camera, lat=40.25)
    with sit("张三") as zhang:
        first.sees("fire", "e1")
        incident = zhang.incident_of("探头" + first.device)
        second.sees("smoke", "e2")
        first.sees("fire", "e3")
        row = zhang.row(incident)
        expect(row.get_by_test_id("part-count")).to_have_text("2 个探头")
        expect(row.get_by_test_id("repeats")).to_contain_text("×3")
        row.click()
        parts = zhang.page.get_by_test_id("parts")
        expect(parts.locator(f'[data-part="{first.device}"]')).to_contain_text("明火 2 次")
        expect(parts.locator(f'[data-part="{second.device}"]')).to_contain_text("烟雾 1 次")
        for camera in (first, second):
            on_map = zhang.page.locator(f'.device[data-device="{SITE}/{camera.device}"]')
            expect(on_map).to_have_attribute("data-part", "yes")
        zhang.page.keyboard.press("g")
        expect(parts.locator("[data-part]")).to_have_count(0)
        zhang.page.keyboard.press("g")
        expect(parts.locator("[data-part]")).to_have_count(2)


def open_many(system: WholeSystem) -> tuple[str, str]:
    """Eleven fires in two grids of the flooded site, and a press in one of them; the two grids."""
    now = datetime.now(UTC)
    with connect(system.urls["database"], part="test") as conn:
        grids = [
            one for (one,) in conn.execute("SELECT grid FROM grids WHERE site = %s ORDER BY 1 LIMIT 2", (FLOODED,))
        ]
        for number in range(12):
            kind = "press" if number == 5 else "fire"
            opening = Incident(
                site=FLOODED, join_key=None, grid=grids[number % 2], kind=kind, priority="critical", device=None,
                title=f"{kind} {number}", lat=None, lon=None, address=None, opened_at=now, updated_at=now, last_event_at=now,
            )  # fmt: skip
            joined = incidents.open_or_join(conn, opening)
            feed.append(conn, [Change(incident=joined.incident, actor="system", verb="open")])
            conn.commit()
    return grids[0], grids[1]


def test_a_flood_is_gathered_by_grid_with_presses_on_top(system: WholeSystem, sit: Sit) -> None:
    with sit("王五") as wang, sit(LEADER) as lead:
        one, other = open_many(system)
        expect(wang.page.get_by_test_id("flood-mode")).to_be_visible()
        queue = wang.page.locator('[data-list="alarms"]')
        expect(queue.get_by_test_id("count").first).to_have_text("12")
        wang.page.keyboard.press("Escape")
        expect(wang.page.get_by_test_id("pinned").locator("button.row")).to_have_count(1)
        expect(wang.page.get_by_test_id("pinned")).to_contain_text("press 5")
        groups = wang.page.get_by_test_id("group")
        keys = [groups.nth(number).get_attribute("data-key") for number in range(groups.count())]
        assert sorted(map(str, keys)) == [f"grid:{FLOODED}/{one}", f"grid:{FLOODED}/{other}"]
        expect(queue.locator("ul:not(.pinned) button.row[data-incident]")).to_have_count(0)
        expect(wang.sound()).to_have_attribute("data-sounding", "critical")  # the press
        for key in "ja":
            wang.page.keyboard.press(key)
        expect(wang.sound()).to_have_attribute("data-sounding", "flood")  # all the rest
        wang.page.keyboard.press("j")
        expect(groups.first).to_have_attribute("aria-current", "true")
        wang.page.keyboard.press("a")
        wang.says("请先选中一条警情")
        wang.page.keyboard.press("g")
        expect(queue.locator("ul:not(.pinned) button.row[data-incident]")).not_to_have_count(0)
        wang.page.keyboard.press("j")
        chosen = wang.page.get_by_test_id("detail")
        expect(chosen).to_have_attribute("data-incident", re.compile(r"\d"))
        expect(lead.page.get_by_test_id("flood-bar")).to_contain_text("王五")
    resolve_all(system, "王五", FLOODED)


def test_a_broken_path_of_alarms_is_a_bar_of_its_own(sit: Sit) -> None:
    said: dict[str, Any] = {"pipeline": {"ok": True, "proven_at": "2026-11-24T04:00:00Z"}}

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            socket.send(json.dumps(frame | said if frame["type"] == "heartbeat" else frame))

        server.on_message(pass_on)

    with sit("张三", lambda page: page.route_web_socket("**/api/v1/live**", between)) as zhang:
        bar = zhang.page.get_by_test_id("pipeline-bar")
        expect(zhang.page.get_by_test_id("link")).to_have_attribute("data-link", "live")
        expect(bar).to_have_count(0)
        said["pipeline"] = {"ok": False, "proven_at": "2026-11-24T04:00:00Z"}
        expect(bar).to_contain_text("报警链路中断")
        expect(bar).to_contain_text("电话通知技术员")
        expect(bar).to_contain_text("12:00:00")
        expect(zhang.page.get_by_test_id("stale-bar")).to_have_count(0)
        expect(zhang.sound()).to_have_attribute("data-sounding", "broken")
        bar.get_by_role("button").click()
        expect(zhang.sound()).to_have_attribute("data-sounding", "none")
        expect(bar).to_be_visible()
        said.clear()
        expect(bar).to_have_count(0)
