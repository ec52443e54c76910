"""The page of a dispatched person in a real browser without script: read, pressed, settled, on a phone and on a desk."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from webserver import Web, add_people, open_incident, running_web

from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from skynet.local.programs import chromium_path
from store import registry
from store.connect import connect

pytestmark = [pytest.mark.browser]

API = "/api/v1"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1366, "height": 768}
SHOTS = os.environ.get("SHOTS")  # a folder: look at what is drawn


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=chromium_path())
        yield one
        one.close()


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with connect(database, part="test") as conn:
        grid = Grid(site="s1", grid="g1", name="展望一组", geometry=SQUARE)
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="止火街社区"), grids=(grid,), devices=()))
    with running_web(database) as server:
        yield server


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_person_in_the_street_reads_goes_and_settles_it(web: Web, browser: Browser, size: dict[str, int]) -> None:
    name = f"{size['width']}"
    with web.client("anna") as anna:
        number = open_incident(web.database, "s1", grid="g1")
        with connect(web.database, part="test") as conn:
            conn.execute(
                "UPDATE incidents SET address = '展望路3号院2单元401', lat = 29.901234, lon = 103.204321, drill = %s,"
                " opened_at = opened_at - interval '7 minutes', title = '一键报警 · 展望路3号院2单元401'",
                (size == DESK,),
            )
        anna.post(f"{API}/incidents/{number}/note", json={"version": 1, "note": "老人独居,敲门大声些;钥匙在门卫处"})
        answer = anna.post(f"{API}/incidents/{number}/dispatch", json={"version": 1, "to": "cora", "note": "请尽快"})
        assert answer.status_code == 200
        url = anna.get(f"{API}/incidents/{number}/link").json()["url"]
        context = browser.new_context(viewport=size, java_script_enabled=False)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(url)
        expect(page.get_by_role("heading", level=1)).to_have_text("一键报警")
        for button in page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is None or box["height"] >= 48, "a thumb must hit it"
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], "nothing is cut off"
        shot(page, f"{name}-new")
        page.get_by_role("link", name="English").click()
        expect(page.get_by_role("button", name="On my way")).to_be_visible()
        shot(page, f"{name}-english")
        page.get_by_role("button", name="On my way").click()
        expect(page.get_by_text("✓ On my way")).to_be_visible()
        page.get_by_role("link", name="中文").click()
        page.get_by_role("button", name="已到场").click()
        expect(page.get_by_text("✓ 已到场")).to_be_visible()
        page.get_by_text("已处置").click()
        shot(page, f"{name}-open")
        page.get_by_label("误报").check()
        page.get_by_label("说明(可不填)").fill("误碰,人平安")
        shot(page, f"{name}-filled")
        page.get_by_role("button", name="提交处置结果").click()
        expect(page.get_by_text("辛苦了")).to_be_visible()
        shot(page, f"{name}-done")
        found = anna.get(f"{API}/incidents/{number}").json()
        assert (found["state"], found["outcome"]) == ("resolved", "false")
        assert [one["verb"] for one in found["timeline"] if one["actor"] == "cora"] == ["note", "arrive", "resolve"]
        context.close()
