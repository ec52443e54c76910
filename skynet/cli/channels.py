"""`skynet channels add | list | remove | test`, `skynet users contact`: where people are told outside of the console.

Addresses hold secrets: they come on the input, never as arguments, and are never printed.
"""

import sys
from datetime import UTC, datetime
from typing import Annotated, get_args

import msgspec
import typer

from alerts.notices import addresses, cloudevents, wording
from alerts.notices.addresses import BadAddress
from devices.registry import NAME_RULE, is_name
from skynet.cli.context import AsJson, DataDir, database, load, print_json, print_rows
from skynet.cli.errors import CommandError
from store import channels, registry
from store.channels import Channel, ChannelError
from store.records import Tier

app = typer.Typer(no_args_is_help=True)

_TIERS = get_args(Tier)
UrlStdin = Annotated[bool, typer.Option("--url-stdin", help="Read the address from input: it holds a secret.")]


@app.command()
def add(
    site: str,
    channel: Annotated[str, typer.Argument(help="Its name: " + NAME_RULE)],
    tier: Annotated[str, typer.Option(help=f"Whom it tells: {', '.join(_TIERS)}.")],
    second: Annotated[str | None, typer.Option(help="The channel of this site that is tried when it fails.")] = None,
    per_minute: Annotated[
        float | None, typer.Option(help="Messages a minute at most; what its service bears, if left out.")
    ] = None,
    *,
    url_stdin: UrlStdin = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Add a channel, or change it: a robot of WeCom, DingTalk or Feishu, a mailbox, a webhook."""
    if not is_name(channel):
        raise CommandError(f"{channel!r} can't be a channel's name: use {NAME_RULE}")
    if tier not in _TIERS:
        raise CommandError(f"{tier!r} is not a tier: use one of {', '.join(_TIERS)}")
    if per_minute is not None and not 0.01 <= per_minute <= 6000:
        raise CommandError("--per-minute must be from 0.01 to 6000")
    url = _address(given=url_stdin, example=f"skynet channels add {site} {channel} --tier {tier} --url-stdin < FILE")
    added = Channel(
        site=site,
        channel=channel,
        tier=msgspec.convert(tier, Tier),
        url=url,
        second=second,
        per_minute=per_minute or addresses.default_per_minute(url),
    )
    with database(load(data_dir)) as conn:
        try:
            channels.put(conn, added)
        except ChannelError as exc:
            raise CommandError(str(exc)) from exc
    if as_json:
        print_json(_row(added))
    else:
        typer.echo(f"channel {channel} of {site} is there: `skynet channels test {site} {channel}` tries it")


def _address(*, given: bool, example: str) -> str:
    """The address on the input, in our own form and proven to be one."""
    if not given:
        raise CommandError(f"the address comes on the input, since it holds a secret: {example}")
    text = sys.stdin.readline().strip()
    if not text:
        raise CommandError(f"no address came on the input: {example}")
    from alerts.notices.targets import target_of  # noqa: PLC0415 - Apprise, which only this needs

    try:
        url = addresses.canonical(text)
        target_of(url)
    except BadAddress as exc:
        raise CommandError(str(exc)) from None
    return url


def _row(channel: Channel) -> dict[str, object]:
    """A channel as it may be shown."""
    named = {name: value for name, value in msgspec.structs.asdict(channel).items() if name != "url"}
    return named | {"to": addresses.shown(channel.url)}


@app.command("list")
def list_(
    site: Annotated[str | None, typer.Argument(help="Only this site's.")] = None,
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List the channels; of their addresses, only service and host."""
    with database(load(data_dir)) as conn:
        rows = [_row(one) for one in channels.list_channels(conn, site)]
    columns = ["site", "channel", "tier", "to", "second", "per_minute"]
    print_json({"items": rows}) if as_json else print_rows(rows, columns)


@app.command()
def remove(site: str, channel: str, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Remove a channel; what waits for it counts as failed, what it was sent stays on record."""
    with database(load(data_dir)) as conn:
        if not channels.remove(conn, site, channel):
            raise _no_channel(site, channel)
    print_json({"removed": channel, "site": site}) if as_json else typer.echo(f"channel {channel} of {site} is gone")


def _no_channel(site: str, channel: str) -> CommandError:
    return CommandError(f"no channel {channel!r} at {site!r}: `skynet channels list` shows them")


@app.command("test")
def prove(site: str, channel: str, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Send a test message, and say what the service said; exit 1 if it did not take it."""
    from alerts.notices.targets import Message, target_of  # noqa: PLC0415 - Apprise, which only this needs
    from alerts.notices.verdicts import Sent  # noqa: PLC0415

    settings = load(data_dir)
    with database(settings) as conn:
        found = channels.find(conn, site, channel)
        site_name = registry.load(conn).sites[site].name if found is not None else site
    if found is None:
        raise _no_channel(site, channel)
    message = Message(wording.trial(site_name, channel), cloudevents.trial(site, settings.web_url, datetime.now(UTC)))
    try:
        verdict = target_of(found.url).send(message)
    except BadAddress as exc:
        raise CommandError(str(exc)) from None
    sent = isinstance(verdict, Sent)
    if as_json:
        print_json({"site": site, "channel": channel, "sent": sent, "said": verdict.said})
    else:
        typer.echo(f"{'sent' if sent else 'NOT sent'}: {verdict.said}")
    if not sent:
        raise typer.Exit(1)


def contact(
    name: Annotated[str, typer.Argument(help="The log-in name.")],
    *,
    url_stdin: UrlStdin = False,
    remove: Annotated[bool, typer.Option("--remove", help="Forget how they are reached.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Say how a person is reached outside of the console: a mail address, a robot of their own."""
    if remove:
        with database(load(data_dir)) as conn:
            if not channels.remove_contact(conn, name):
                raise CommandError(f"there is no contact of {name!r}")
        print_json({"removed": name}) if as_json else typer.echo(f"the contact of {name} is gone")
        return
    url = _address(given=url_stdin, example=f"skynet users contact {name} --url-stdin < FILE")
    with database(load(data_dir)) as conn:
        if not channels.put_contact(conn, name, url):
            raise CommandError(f"nobody is called {name!r}: `skynet users list` shows who is")
    to = addresses.shown(url)
    print_json({"name": name, "to": to}) if as_json else typer.echo(f"{name} is reached by {to}")
