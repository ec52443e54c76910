"""`skynet posts add | list | remove`: who belongs to which grid or tier of a site."""

from typing import Annotated

import msgspec
import typer

from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from store import duty
from store.duty import Post
from store.people import PeopleError
from store.records import TIERS, Tier

app = typer.Typer(no_args_is_help=True)

Site = Annotated[str, typer.Argument(help="The site.")]
Name = Annotated[str, typer.Argument(help="The person's log-in name.")]


@app.command()
def add(
    site: Site,
    name: Name,
    tier: Annotated[str, typer.Option(help=f"Where: {', '.join(TIERS)}.")],
    grid: Annotated[str | None, typer.Option(help="At the tier grid: which one.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give a person a post."""
    post = Post(site=site, name=name, tier=_tier(tier), grid=grid)
    with database(load(data_dir)) as conn:
        try:
            duty.add_post(conn, post)
        except PeopleError as exc:
            raise CommandError(str(exc)) from exc
    print_json(msgspec.to_builtins(post)) if as_json else typer.echo(f"{name} has a post at {grid or tier} of {site}")


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Option(help="Only this site.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List the posts."""
    with database(load(data_dir)) as conn:
        found = [msgspec.to_builtins(post) for post in duty.posts(conn, duty.chosen(conn, site))]
    print_json({"items": found}) if as_json else print_rows(found, ["site", "tier", "grid", "name"])


@app.command()
def remove(
    site: Site,
    name: Name,
    tier: Annotated[str | None, typer.Option(help="Only the posts at this tier.")] = None,
    grid: Annotated[str | None, typer.Option(help="Only the post at this grid.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take away a person's posts at a site, or only some of them."""
    with database(load(data_dir)) as conn:
        gone = duty.remove_posts(conn, site, name, None if tier is None else _tier(tier), grid)
    if not gone:
        raise CommandError(f"{name} has no such post at {site}: `skynet posts list --site {site}` shows them")
    print_json({"removed": gone}) if as_json else typer.echo(f"{gone} post(s) of {name} at {site} are gone")


def _tier(text: str) -> Tier:
    if text not in TIERS:
        raise CommandError(f"{text!r} is not a tier: use one of {', '.join(TIERS)}")
    known: Tier = msgspec.convert(text, Tier)
    return known
