"""`skynet posts` and `skynet shifts`: who belongs where, and when they work."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from webserver import add_people

from devices.registry import Grid, Site
from devices.siteplan import SitePlan
from skynet.cli.app import app
from store import registry
from store.connect import connect

Run = Callable[..., Result]
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    add_people(database)
    with connect(database, part="test") as conn:
        grid = Grid(site="s1", grid="g1", name="一组", geometry=SQUARE)
        registry.import_site(conn, SitePlan(site=Site(site="s1", name="s1"), grids=(grid,), devices=()))
    monkeypatch.setenv("SKYNET_DATABASE_URL", database)
    monkeypatch.setenv("SKYNET_DATA_DIR", str(tmp_path))
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, list(arguments))


def said(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_posts_are_added_listed_and_removed(run: Run) -> None:
    post = {"site": "s1", "name": "anna", "tier": "grid", "grid": "g1"}
    for _ in range(2):
        assert said(run("posts", "add", "s1", "anna", "--tier", "grid", "--grid", "g1", "--json")) == post
    assert "anna has a post" in run("posts", "add", "s1", "anna", "--tier", "community").output
    run("posts", "add", "s2", "bert", "--tier", "district")
    assert len(said(run("posts", "list", "--json"))["items"]) == 3
    assert said(run("posts", "list", "--site", "s1", "--json"))["items"] == [
        {"site": "s1", "name": "anna", "tier": "community", "grid": None},
        post,
    ]
    assert said(run("posts", "remove", "s1", "anna", "--tier", "community", "--json")) == {"removed": 1}
    assert "g1" in run("posts", "list").output
    assert said(run("posts", "remove", "s1", "anna", "--json")) == {"removed": 1}
    assert "g1" not in run("posts", "list").output


def test_shifts_are_added_changed_listed_and_removed(run: Run) -> None:
    night = {"site": "s1", "shift": "夜班", "hours": "22:00-06:00", "days": [1, 2, 3, 4, 5], "members": ["anna"]}
    add = ("shifts", "add", "s1", "夜班")
    assert said(run(*add, "--hours", "22:00-06:00", "--days", "mon-fri", "--member", "anna", "--json")) == night
    assert said(run(*add, "--member", "cora", "--json"))["members"] == ["anna", "cora"]
    assert said(run(*add, "--hours", "23:00-07:00", "--json"))["days"] == [1, 2, 3, 4, 5]
    assert "mon tue wed thu fri" in run("shifts", "list").output
    assert said(run("shifts", "remove", "s1", "夜班", "--member", "anna", "--json")) == {"removed": "anna"}
    assert said(run("shifts", "list", "--site", "s1", "--json"))["items"][0]["members"] == ["cora"]
    assert said(run("shifts", "remove", "s1", "夜班", "--json")) == {"removed": "夜班"}
    assert said(run("shifts", "list", "--json"))["items"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("posts", "add", "s1", "anna", "--tier", "street"), "grid, community, district"),
        (("posts", "add", "s1", "anna", "--tier", "grid"), "needs a grid"),
        (("posts", "add", "s1", "anna", "--tier", "grid", "--grid", "nowhere"), "no grid 'nowhere'"),
        (("posts", "add", "s1", "bert", "--tier", "community"), "skynet users list"),
        (("posts", "add", "s3", "anna", "--tier", "community"), "skynet users list"),
        (("posts", "remove", "s1", "anna"), "skynet posts list"),
        (("shifts", "add", "s1", "夜班"), "--hours"),
        (("shifts", "add", "s1", "夜班", "--hours", "22-6"), "22:00-06:00"),
        (("shifts", "add", "s1", "夜班", "--hours", "22:00-06:00", "--days", "someday"), "mon-fri"),
        (("shifts", "add", "s1", "夜班", "--hours", "22:00-06:00", "--member", "bert"), "skynet users list"),
        (("shifts", "add", "s3", "夜班", "--hours", "22:00-06:00"), "skynet sites list"),
        (("shifts", "remove", "s1", "夜班"), "skynet shifts list"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert words in str(result.exception)
