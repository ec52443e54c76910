"""`skynet users add | link | list | remove`: who logs in to the console, as what, and for which sites."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from skynet.settings import Settings
from store import people
from store.people import ROLES, PeopleError, Role
from web.passwords import hash_password

app = typer.Typer(no_args_is_help=True)

LINK_LASTS = timedelta(hours=1)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="The log-in name: no blanks, no '/'.")],
    role: Annotated[str, typer.Option(help=f"What they may do: {', '.join(ROLES)}.")],
    site: Annotated[list[str] | None, typer.Option(help="A site they work for; several times for several.")] = None,
    *,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from input.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a person, or change their role, sites and (with --password-stdin) password."""
    if role not in ROLES:
        raise CommandError(f"{role!r} is not a role: use one of {', '.join(ROLES)}")
    known_role: Role = msgspec.convert(role, Role)
    password_hash = hash_password(_password()) if password_stdin else None
    sites = sorted(set(site or []))
    with database(load(data_dir)) as conn:
        try:
            people.add_user(conn, name, known_role, sites, password_hash)
        except PeopleError as exc:
            raise CommandError(str(exc)) from exc
        added = people.find(conn, name)
        has_password = people.password_hash_of(conn, name) is not None
    print_json(msgspec.to_builtins(added)) if as_json else typer.echo(f"{name} is there, as {role}")
    if not has_password:
        typer.echo(f"{name} has no password yet: `skynet users link {name}` makes a one-time link", err=True)


def _password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("no password came on the input: for example `skynet users add … --password-stdin < FILE`")
    if len(password) < 8:
        typer.echo("this password is short: eight signs or more are harder to guess", err=True)
    return password


@app.command()
def link(name: str, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Print a link that logs this person in once, within an hour."""
    settings = load(data_dir)
    with database(settings) as conn:
        if people.find(conn, name) is None:
            raise CommandError(f"nobody is called {name!r}: `skynet users list` shows who is")
        token = people.new_login_link(conn, name, datetime.now(UTC) + LINK_LASTS)
    url = f"{_web(settings)}/login/{token}"
    print_json({"name": name, "login": url}) if as_json else typer.echo(url)


def _web(settings: Settings) -> str:
    return (settings.web_url or f"http://127.0.0.1:{settings.web_port}").rstrip("/")


@app.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the people who may log in."""
    with database(load(data_dir)) as conn:
        everybody = people.list_users(conn)
    if as_json:
        print_json({"items": msgspec.to_builtins(everybody)})
        return
    rows: list[dict[str, object]] = [
        {"name": one.name, "role": one.role, "sites": " ".join(one.sites)} for one in everybody
    ]
    print_rows(rows, ["name", "role", "sites"])


@app.command()
def remove(name: str, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Remove a person; their sessions end at once, what they did stays on record."""
    with database(load(data_dir)) as conn:
        if not people.remove_user(conn, name):
            raise CommandError(f"nobody is called {name!r}: `skynet users list` shows who is")
    print_json({"removed": name}) if as_json else typer.echo(f"{name} is gone")
