"""`skynet users`: people added by one line, at once, and no password in any argument."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from webserver import add_people

from skynet.cli.users import app
from store import people
from store.connect import connect
from web.passwords import matches

Run = Callable[..., Result]


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    add_people(database)
    monkeypatch.setenv("SKYNET_DATABASE_URL", database)
    monkeypatch.setenv("SKYNET_DATA_DIR", str(tmp_path))
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(app, list(arguments), **more)


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_person_is_added_changed_listed_and_removed(run: Run, database: str) -> None:
    add = ("add", "emil", "--role", "officer", "--site", "s1", "--site", "s2", "--password-stdin", "--json")
    assert said(run(*add, input="correct horse\n")) == {"name": "emil", "role": "officer", "sites": ["s1", "s2"]}
    with connect(database, part="test") as conn:
        assert matches(people.password_hash_of(conn, "emil"), "correct horse")
    assert said(run("add", "emil", "--role", "lead", "--site", "s2", "--json"))["role"] == "lead"
    with connect(database, part="test") as conn:
        assert matches(people.password_hash_of(conn, "emil"), "correct horse")
    assert {"name": "emil", "role": "lead", "sites": ["s2"]} in said(run("list", "--json"))["items"]
    assert said(run("remove", "emil", "--json")) == {"removed": "emil"}
    assert "emil" not in run("list").output


def test_a_link_is_for_the_one_it_was_made_for(run: Run, database: str) -> None:
    url = said(run("link", "anna", "--json"))["login"]
    base, _, token = url.rpartition("/login/")
    assert base.startswith("http://127.0.0.1:")
    with connect(database, part="test") as conn:
        assert people.spend_login_link(conn, token) == "anna"
        assert people.spend_login_link(conn, token) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "emil", "--role", "king", "--site", "s1"), "officer, lead, admin"),
        (("add", "e mil", "--role", "officer", "--site", "s1"), "log-in name"),
        (("add", "emil", "--role", "officer", "--site", "nowhere"), "skynet sites add nowhere"),
        (("add", "emil", "--role", "officer", "--site", "s1", "--password-stdin"), "no password"),
        (("remove", "nobody"), "skynet users list"),
        (("link", "nobody"), "skynet users list"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments, input="")
    assert result.exit_code != 0
    assert words in str(result.exception)
