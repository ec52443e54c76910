"""People, posts and shifts by HTTP: who is near and on duty, what a lead manages, and nothing of another site."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from webserver import Web, add_people, running_web

from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from store import people, registry
from store.connect import connect

API = "/api/v1"
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    add_people(database)
    with connect(database, part="test") as conn:
        tree = (("town", None), ("village", "town"), ("group", "village"), ("other", "town"))
        grids = tuple(Grid(site="s1", grid=name, name=name, parent=parent, geometry=SQUARE) for name, parent in tree)
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="s1"), grids=grids, devices=()))
        people.add_user(conn, "王", "officer", ["s1"], None)
        conn.execute("INSERT INTO contacts VALUES ('王', 'json://127.0.0.1:9/secret')")
    with running_web(database) as server:
        yield server


def posts(client: httpx.Client, name: str, *grids: str, site: str = "s1", tier: str = "grid") -> httpx.Response:
    wanted: list[dict[str, str | None]] = [{"tier": tier, "grid": grid} for grid in grids] or [
        {"tier": tier, "grid": None}
    ]
    return client.put(f"{API}/people/{site}/{name}", json={"posts": wanted})


def shift(client: httpx.Client, name: str, *members: str, working: bool = True, site: str = "s1") -> httpx.Response:
    """A shift that runs now, or does not."""
    local = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    start = local - timedelta(hours=1) if working else local + timedelta(hours=10)
    hours = f"{start:%H:%M}-{start + timedelta(hours=4):%H:%M}"
    return client.put(f"{API}/shifts/{site}/{name}", json={"hours": hours, "members": list(members)})


def staff(client: httpx.Client, **params: str) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/people", params={"site": "s1", **params})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_who_is_nearest_and_on_duty_comes_first(web: Web) -> None:
    with web.client("cora") as cora:
        assert posts(cora, "王", "group").json()["posts"] == [{"tier": "grid", "grid": "group"}]
        assert posts(cora, "anna", "village", "other").status_code == 200
        assert posts(cora, "cora", tier="community").status_code == 200
        assert shift(cora, "夜班", "王", working=False).status_code == 200
        near = staff(cora, grid="group")
        assert [(one["name"], one["steps_away"], one["on_duty"]) for one in near] == [
            ("王", 0, False), ("anna", 1, True), ("cora", 3, True), ("dora", None, True),
        ]  # fmt: skip
        assert [one["name"] for one in staff(cora, grid="other")] == ["anna", "cora", "dora", "王"]
        assert [(one["name"], one["reachable"], one["shifts"]) for one in near if one["name"] == "王"] == [
            ("王", True, ["夜班"])
        ]
        assert "secret" not in str(near)
        shift(cora, "夜班", "王")
        assert staff(cora, grid="group")[0]["on_duty"] is True
        assert posts(cora, "anna", "group").status_code == 200
        shift(cora, "夜班", "anna", working=False)
        assert [one["name"] for one in staff(cora, grid="group")][:2] == ["王", "anna"], "of two there, who is on duty"


def test_a_lead_manages_people_and_shifts_and_an_officer_sees_them(web: Web) -> None:
    with web.client("anna") as anna, web.client("cora") as cora:
        for answer in (
            posts(anna, "anna", "group"),
            shift(anna, "早班"),
            anna.delete(f"{API}/people/s1/anna"),
            anna.delete(f"{API}/shifts/s1/早班"),
        ):
            assert answer.status_code == 403
            assert "lead" in answer.json()["detail"]
        assert staff(anna)[0]["posts"] == []
        assert posts(cora, "anna", "group").status_code == 200
        assert posts(cora, "anna", "village").json()["posts"] == [{"tier": "grid", "grid": "village"}], "just these"
        made = shift(cora, "早班", "anna", "王").json()
        assert made["days"] == [1, 2, 3, 4, 5, 6, 7]
        assert anna.get(f"{API}/shifts").json()["items"] == [made]
        assert cora.delete(f"{API}/people/s1/anna").status_code == 204
        assert anna.get(f"{API}/shifts").json()["items"][0]["members"] == ["王"]
        assert cora.delete(f"{API}/people/s1/anna").status_code == 404
        assert cora.delete(f"{API}/shifts/s1/早班").status_code == 204
        assert cora.delete(f"{API}/shifts/s1/早班").status_code == 404
        assert "anna" in [one["name"] for one in staff(cora)], "the log-in stays"


def test_what_cannot_be_is_refused_and_changes_nothing(web: Web) -> None:
    with web.client("cora") as cora:
        assert posts(cora, "anna", "group").status_code == 200
        for answer in (
            posts(cora, "anna", "village", "nowhere"),
            posts(cora, "bert", "group"),
            posts(cora, "nobody", "group"),
            posts(cora, "anna", "group", tier="community"),
            posts(cora, "anna", tier="grid"),
            posts(cora, "anna", tier="street"),
            shift(cora, "早班", "bert"),
            shift(cora, "a b"),
            cora.put(f"{API}/shifts/s1/x", json={"hours": "8-16"}),
            cora.put(f"{API}/shifts/s1/x", json={"hours": "08:00-16:00", "days": []}),
            cora.put(f"{API}/shifts/s1/x", json={"hours": "08:00-16:00", "days": [8]}),
        ):
            assert answer.status_code == 422, answer.request.content
        assert next(one for one in staff(cora) if one["name"] == "anna")["posts"] == [{"tier": "grid", "grid": "group"}]
        assert cora.get(f"{API}/shifts").json()["items"] == []
        assert cora.get(f"{API}/people").status_code == 422, "of which site?"


def test_nothing_of_another_site(web: Web) -> None:
    with web.client("bert") as bert, web.client() as nobody:
        for path in ("/people?site=s1", "/shifts?site=s1"):
            assert bert.get(API + path).status_code == 404
            assert nobody.get(API + path).status_code == 401
        assert bert.put(f"{API}/people/s1/anna", json={"posts": []}).status_code == 404
        assert bert.delete(f"{API}/shifts/s1/x").status_code == 404
        assert shift(bert, "x").status_code == 404
        assert bert.get(f"{API}/shifts").json()["items"] == []


def test_posts_go_with_who_no_longer_works_there(web: Web) -> None:
    with web.client("cora") as cora:
        posts(cora, "王", "group")
        with connect(web.database, part="test") as conn:
            people.add_user(conn, "王", "officer", ["s1"], None)  # as it was: the post stays
        assert staff(cora, grid="group")[0]["name"] == "王"
        with connect(web.database, part="test") as conn:
            people.add_user(conn, "王", "officer", ["s2"], None)
        assert "王" not in [one["name"] for one in staff(cora)]
        with connect(web.database, part="test") as conn:
            people.remove_user(conn, "王")
            registry.import_site(conn, SitePlan(site=Site(site="s1", name="s1"), grids=(), devices=()))
    with psycopg.connect(web.database) as conn:
        assert conn.execute("SELECT count(*) FROM posts").fetchone() == (0,)
