"""The live page in a real browser, at a whole running system: seen, heard, answered, and never shown stale or twice."""

import itertools
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from console_desk import PASSWORD, WITHIN, Button, Desk, desk, resolve_all
from playwright.sync_api import Browser, expect, sync_playwright
from whole_system import WholeSystem, running_system

from skynet.local.programs import chromium_path

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SITE = "zhihuo"
SAMPLE = Path(__file__).parents[1] / "devices" / "sites" / f"{SITE}.geojson"

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    with running_system(tmp_path_factory.mktemp("console") / "data") as one:
        one.command("sites", "import", str(SAMPLE))
        for name in ("张三", "李四"):
            one.command("users", "add", name, "--role", "officer", "--site", SITE, "--password-stdin", given=PASSWORD)
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium_path())
        yield one
        one.close()


@pytest.fixture
def zhang(system: WholeSystem, browser: Browser) -> Iterator[Desk]:
    with desk(browser, system.web) as one:
        one.log_in("张三")
        yield one


@pytest.fixture
def li(system: WholeSystem, browser: Browser) -> Iterator[Desk]:
    with desk(browser, system.web) as one:
        one.log_in("李四")
        yield one


@pytest.fixture
def new_button(system: WholeSystem) -> Iterator[Callable[[], Button]]:
    """Buttons of this test alone; afterwards everything is resolved, so that the next test begins quietly."""
    made: list[Button] = []

    def new() -> Button:
        made.append(Button(system, SITE, f"test-{next(_numbers)}", lat=40.2, lon=100.3))
        return made[-1]

    yield new
    for button in made:
        button.close()
    resolve_all(system, "李四", SITE)


def title(button: Button) -> str:
    return f"按钮{button.device}"


def test_a_press_is_shown_and_heard_on_both_desks_until_one_answers(
    zhang: Desk, li: Desk, new_button: Callable[[], Button]
) -> None:
    button = new_button()
    for one in (zhang, li):
        expect(one.sound()).to_have_attribute("data-audio", "running")
        expect(one.sound()).to_have_attribute("data-sounding", "none")
    button.press("p1")
    incident = zhang.incident_of(title(button))
    for one in (zhang, li):
        expect(one.row(incident)).to_have_attribute("data-state", "open")
        expect(one.sound()).to_have_attribute("data-sounding", "critical")
        expect(one.sound()).not_to_have_attribute("data-level", re.compile(r"^0(\.0\d*)?$"))
    zhang.page.keyboard.press("j")
    zhang.page.keyboard.press("a")
    for one in (zhang, li):
        expect(one.row(incident)).to_have_attribute("data-state", "acknowledged")
        expect(one.row(incident).get_by_test_id("who")).to_contain_text(re.compile(r"张三 \d\d:\d\d"))
        expect(one.sound()).to_have_attribute("data-sounding", "none")
        expect(one.sound()).to_have_attribute("data-level", "0")
    zhang.wait(lambda: "acknowledged" in button.stages("p1"))


def test_what_arrives_does_not_come_under_the_hand(zhang: Desk, new_button: Callable[[], Button]) -> None:
    first, second, third = new_button(), new_button(), new_button()
    first.press("p1")
    other = zhang.incident_of(title(first))
    second.press("p1")
    looked_at = zhang.incident_of(title(second))
    zhang.row(looked_at).click()
    before = zhang.rows()
    third.press("p1")
    expect(zhang.page.get_by_test_id("new-waiting")).to_contain_text("1 条新警情")
    expect(zhang.page.get_by_test_id("new-waiting")).to_contain_text(title(third))
    zhang.page.keyboard.press("a")
    expect(zhang.row(looked_at)).to_have_attribute("data-state", "acknowledged")
    assert zhang.rows() == before
    expect(zhang.row(other)).to_have_attribute("data-state", "open")
    zhang.page.mouse.move(700, 400)
    zhang.page.keyboard.press("Escape")
    arrived = zhang.incident_of(title(third))
    assert zhang.rows() == [other, arrived, looked_at]
    expect(zhang.row(arrived)).to_have_attribute("data-state", "open")


def test_the_same_key_twice_is_one_step(zhang: Desk, new_button: Callable[[], Button]) -> None:
    button = new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    zhang.row(incident).click()
    for _ in range(3):
        zhang.page.keyboard.press("a")
    expect(zhang.row(incident)).to_have_attribute("data-state", "acknowledged")
    zhang.page.keyboard.press("a")
    zhang.page.keyboard.press("n")
    zhang.page.locator("textarea[name=note]").fill("已电话联系")
    zhang.page.keyboard.press("Enter")
    expect(zhang.page.get_by_test_id("timeline")).to_contain_text("已电话联系")
    verbs = [one["verb"] for one in zhang.changes(SITE) if one["incident"]["id"] == incident]
    assert verbs == ["open", "acknowledge", "note"]
    assert sum("/acknowledge" in url for url in zhang.requests) == 1


def test_keys_are_dead_where_somebody_types(zhang: Desk, new_button: Callable[[], Button]) -> None:
    button = new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    zhang.row(incident).click()
    zhang.page.keyboard.press("n")
    note = zhang.page.locator("textarea[name=note]")
    expect(note).to_be_focused()
    zhang.page.keyboard.type("adrnsjk1?")
    expect(note).to_have_value("adrnsjk1?")
    zhang.page.keyboard.press("Escape")
    expect(note).to_have_count(0)
    # an input method at work: the letters belong to the word being typed, wherever the focus is
    zhang.page.evaluate(
        """for (const facts of [{isComposing: true}, {keyCode: 229}])
             document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true, ...facts}))"""
    )
    zhang.page.keyboard.press("Control+a")
    zhang.page.keyboard.press("d")  # comes after the others, so they have had their chance
    expect(zhang.page.get_by_test_id("step-form")).to_have_attribute("data-verb", "dispatch")
    assert not any("/acknowledge" in url for url in zhang.requests)
    expect(zhang.row(incident)).to_have_attribute("data-state", "open")


def test_dispatch_and_resolve_ask_first(zhang: Desk, new_button: Callable[[], Button]) -> None:
    button = new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    zhang.row(incident).click()
    zhang.page.keyboard.press("d")
    zhang.page.locator("input[name=to]").fill("王五")
    zhang.page.keyboard.press("Enter")
    expect(zhang.row(incident)).to_have_attribute("data-state", "dispatched")
    expect(zhang.page.get_by_test_id("step-form")).to_have_count(0)
    zhang.page.keyboard.press("r")
    zhang.page.keyboard.press("Enter")
    expect(zhang.page.get_by_test_id("step-form")).to_contain_text("请选择结果")
    zhang.page.get_by_text("误报", exact=True).click()
    zhang.page.get_by_role("button", name="误触,已电话核实").click()
    zhang.page.get_by_role("button", name="确定").click()
    expect(zhang.page.get_by_test_id("detail-state")).to_have_text("已处置")
    zhang.wait(lambda: "closed" in button.stages("p1"))
    closed = next(receipt for receipt in button.receipts if receipt["stage"] == "closed")
    assert closed["outcome"] == "false"
    zhang.page.keyboard.press("a")  # it is over: nothing happens, above all to no other one
    zhang.page.keyboard.press("?")  # comes after it, so it has had its chance
    expect(zhang.page.get_by_test_id("help")).to_be_visible()
    assert not any("/acknowledge" in url for url in zhang.requests)


def test_who_was_second_reads_who_was_first(system: WholeSystem, zhang: Desk, new_button: Callable[[], Button]) -> None:
    button = new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    zhang.row(incident).click()
    with closing(system.password_client("李四", PASSWORD)) as quicker:

        def overtaken(route: object, _request: object) -> None:
            answer = quicker.post(f"/api/v1/incidents/{incident}/acknowledge", json={"version": 1})
            assert answer.status_code == 200, answer.text
            route.continue_()  # type: ignore[attr-defined]

        zhang.page.route("**/acknowledge", overtaken)
        zhang.page.keyboard.press("a")
        zhang.says("李四 已先认领")
    expect(zhang.row(incident).get_by_test_id("who")).to_contain_text("李四")


def test_a_cut_link_looks_stale_and_nothing_is_missed(
    system: WholeSystem, zhang: Desk, new_button: Callable[[], Button]
) -> None:
    button, meanwhile = new_button(), new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    zhang.row(incident).click()
    web = system.pid("web")
    os.kill(web, signal.SIGSTOP)  # a link that is still there and says nothing: the worst kind
    try:
        bar = zhang.page.get_by_test_id("stale-bar")
        expect(bar).to_contain_text(re.compile(r"连接中断,数据停在 \d\d:\d\d:\d\d"), timeout=WITHIN)
        expect(zhang.page.locator("main.desk")).to_have_attribute("data-stale", "true")
        expect(zhang.page.locator('[data-verb="acknowledge"]')).to_be_disabled()
        zhang.page.keyboard.press("a")
        zhang.says("操作没有发出")
        for number in range(5):
            meanwhile.press(f"m{number}")
        zhang.wait(lambda: all("stored" in meanwhile.stages(f"m{number}") for number in range(5)))
        assert zhang.row_of(title(meanwhile)).count() == 0
    finally:
        os.kill(web, signal.SIGCONT)
    expect(bar).to_have_count(0, timeout=WITHIN)
    zhang.says("已补上")
    missed = zhang.page.locator(f'[data-testid=new-waiting]:has-text("{title(meanwhile)}")')
    expect(missed).to_be_visible()
    zhang.page.keyboard.press("Escape")
    expect(zhang.row_of(title(meanwhile)).get_by_test_id("repeats")).to_contain_text("×5")
    assert not any("/acknowledge" in url for url in zhang.requests)
    assert_each_once(zhang)


def test_a_killed_server_is_found_again(system: WholeSystem, zhang: Desk, new_button: Callable[[], Button]) -> None:
    button = new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    system.kill("web")
    button.press("p2")
    zhang.wait(lambda: "stored" in button.stages("p2"))
    expect(zhang.row(incident).get_by_test_id("repeats")).to_contain_text("×2", timeout=WITHIN)
    zhang.says("已补上")
    assert_each_once(zhang)


def assert_each_once(one: Desk) -> None:
    """After its snapshot the desk took every change once, in order, none left out (a repeated one would be passed over)."""
    started = next(frame["seq"] for frame in one.frames if frame["type"] == "snapshot" and frame["site"] == SITE)
    assert sum(frame["type"] == "snapshot" for frame in one.frames) == 1, "it came back by cursor, not by snapshot"
    numbers = [change["seq"] for change in one.changes(SITE)]
    assert numbers == list(range(started + 1, started + 1 + len(numbers)))


def test_the_sound_is_armed_by_a_click_silenced_and_broken_by_the_next(
    system: WholeSystem, browser: Browser, new_button: Callable[[], Button]
) -> None:
    button, second = new_button(), new_button()
    session = system.password_client("张三", PASSWORD).cookies
    with desk(browser, system.web) as one:
        cookies = [{"name": name, "value": value, "url": system.web} for name, value in session.items()]
        one.page.context.add_cookies(cookies)  # type: ignore[arg-type]
        one.page.goto(system.web)
        button.press("p1")
        one.incident_of(title(button))
        expect(one.sound()).to_have_attribute("data-sounding", "critical")
        expect(one.sound()).not_to_have_attribute("data-audio", "running")
        expect(one.page.get_by_test_id("arm-sound")).to_contain_text("报警声未启用")
        one.page.get_by_test_id("arm-sound").click()
        expect(one.page.get_by_test_id("arm-sound")).to_have_count(0)
        expect(one.sound()).to_have_attribute("data-audio", "running")
        expect(one.sound()).not_to_have_attribute("data-level", re.compile(r"^0(\.0\d*)?$"))
        one.page.keyboard.press("s")
        expect(one.sound()).to_contain_text(re.compile(r"本席静音 1[12]\d 秒"))
        expect(one.sound()).to_have_attribute("data-level", "0")
        expect(one.sound()).to_have_attribute("data-due", "critical")
        second.press("p1")
        expect(one.sound()).to_have_attribute("data-silent", "0")
        expect(one.sound()).to_have_attribute("data-sounding", "critical")
        one.says("静音已解除")


def test_selecting_is_not_acknowledging(zhang: Desk, new_button: Callable[[], Button]) -> None:
    button = new_button()
    button.press("p1")
    incident = zhang.incident_of(title(button))
    zhang.row(incident).click()
    expect(zhang.page.get_by_test_id("detail")).to_have_attribute("data-incident", incident)
    zhang.page.keyboard.press("1")
    zhang.page.keyboard.press("m")
    expect(zhang.sound()).to_have_attribute("data-sounding", "critical")
    expect(zhang.row(incident)).to_have_attribute("data-state", "open")


def test_the_map_shows_the_place_and_the_cameras_that_see_it(
    system: WholeSystem, zhang: Desk, new_button: Callable[[], Button]
) -> None:
    with closing(system.password_client("张三", PASSWORD)) as client:
        devices = client.get("/api/v1/devices", params={"site": SITE}).json()["items"]
    camera = next(one for one in devices if one["kind"] == "camera" and one["fov"] < 360)
    bearing_north = camera["bearing"] < 90 or camera["bearing"] > 270
    near = Button(system, SITE, f"test-{next(_numbers)}", lat=camera["lat"] + (0.0001 if bearing_north else -0.0001),
                  lon=camera["lon"] + (0.0001 if camera["bearing"] < 180 else -0.0001))  # fmt: skip
    try:
        near.press("p1")
        incident = zhang.incident_of(title(near))
        zhang.row(incident).click()
        seeing = zhang.page.get_by_test_id("cameras").locator("button")
        first = seeing.first.get_attribute("data-camera")
        on_map = zhang.page.locator(f'.device[data-device="{SITE}/{first}"]')
        expect(on_map).to_have_attribute("data-number", "1")
        zhang.page.keyboard.press("1")
        expect(on_map).to_have_attribute("data-sees", "marked")
        expect(zhang.page.locator(f'.incident[data-incident="{incident}"]')).to_have_attribute("data-selected", "true")
        expect(zhang.page.locator("path.grid")).to_have_count(22)
        expect(zhang.page.locator("path.wedge")).to_have_count(33)
    finally:
        near.close()
        new_button()  # and with it, everything resolved


def test_both_languages_and_one_screen(zhang: Desk) -> None:
    page = zhang.page
    expect(page.get_by_test_id("queue")).to_contain_text("警情")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("queue")).to_contain_text("Incidents")
    for part in ("queue", "detail"):
        assert not re.search(r"[\u4e00-\u9fff]", page.get_by_test_id(part).inner_text().split("\n")[0])
    page.reload()
    expect(page.get_by_test_id("queue")).to_contain_text("Incidents")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    scroll = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert scroll == [1366, 768]
    assert {url.split("/api")[0].split("/assets")[0].rstrip("/") for url in zhang.requests} <= {
        zhang.base.rstrip("/"), f"{zhang.base.rstrip('/')}/icon.svg"
    }  # fmt: skip


def test_the_log_in_page_says_what_is_wrong_and_comes_back_when_the_session_ends(
    system: WholeSystem, browser: Browser
) -> None:
    with desk(browser, system.web) as one:
        one.log_in("张三", "wrong")
        expect(one.page.get_by_role("alert")).to_contain_text("用户名或密码不对")
        one.log_in("张三")
        expect(one.page.get_by_test_id("queue")).to_be_visible()
        cookies = {str(cookie["name"]): str(cookie["value"]) for cookie in one.page.context.cookies()}
        with closing(system.password_client("李四", PASSWORD)) as other:
            other.cookies.clear()
            assert other.delete("/api/v1/session", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
                                ).status_code in {200, 204}  # fmt: skip
        expect(one.page.get_by_role("alert")).to_contain_text("登录已失效", timeout=WITHIN)


def test_a_one_time_link_leads_into_the_console(system: WholeSystem, browser: Browser) -> None:
    with desk(browser, system.web) as one:
        one.page.goto(system.urls["login"])
        one.page.locator("button").click()
        expect(one.page.get_by_test_id("queue")).to_be_visible()


def test_a_hand_on_an_empty_list_hides_nothing(zhang: Desk, new_button: Callable[[], Button]) -> None:
    first, second = new_button(), new_button()
    zhang.page.get_by_test_id("queue").hover()
    first.press("p1")
    incident = zhang.incident_of(title(first))
    second.press("p1")
    expect(zhang.page.get_by_test_id("new-waiting")).to_contain_text("1 条新警情")
    assert zhang.rows() == [incident]
    zhang.page.get_by_test_id("new-waiting").click()
    assert zhang.rows() == [incident, zhang.incident_of(title(second))]
