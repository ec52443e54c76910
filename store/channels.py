"""Where people are told outside of the console: the channels of a site, and how one person is reached.

The addresses hold secrets: they are in no text that these types make of themselves.
"""

from collections.abc import Mapping

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from store.records import TIERS, Tier

_COLUMNS = "site, channel, tier, url, second, per_minute"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A way to tell a tier of a site; `second` is the channel that is tried when this one fails."""

    site: str
    channel: str
    tier: Tier
    url: str
    second: str | None = None
    per_minute: float = 20.0

    def __repr__(self) -> str:
        return f"Channel({self.site}/{self.channel}, {self.tier})"


class ChannelError(Exception):
    """The list of channels can't hold this; the message says what to do."""


def put(conn: Connection, channel: Channel) -> None:
    """Add a channel, or change it.

    Raises ChannelError for a site or a second channel that is not there.
    """
    if conn.execute("SELECT 1 FROM sites WHERE site = %s", (channel.site,)).fetchone() is None:
        raise ChannelError(f"no site {channel.site!r}: `skynet sites list` shows them")
    if channel.second == channel.channel:
        raise ChannelError("a channel can't be its own second way")
    if channel.second is not None and find(conn, channel.site, channel.second) is None:
        raise ChannelError(f"no channel {channel.second!r} at {channel.site}: add the second way first")
    conn.execute(
        f"INSERT INTO channels ({_COLUMNS})"
        " VALUES (%(site)s, %(channel)s, %(tier)s, %(url)s, %(second)s, %(per_minute)s)"
        " ON CONFLICT (site, channel) DO UPDATE SET tier = excluded.tier, url = excluded.url,"
        " second = excluded.second, per_minute = excluded.per_minute",
        msgspec.structs.asdict(channel),
    )


def remove(conn: Connection, site: str, channel: str) -> bool:
    """Remove a channel, also as another's second way; what it was sent stays on record. Whether there was one."""
    conn.execute("UPDATE channels SET second = NULL WHERE site = %s AND second = %s", (site, channel))
    return conn.execute("DELETE FROM channels WHERE site = %s AND channel = %s", (site, channel)).rowcount > 0


def find(conn: Connection, site: str, channel: str) -> Channel | None:
    """The channel of this name."""
    with conn.cursor(row_factory=class_row(Channel)) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM channels WHERE site = %s AND channel = %s", (site, channel)
        ).fetchone()


def list_channels(conn: Connection, site: str | None = None) -> list[Channel]:
    """The channels of a site, or all, by name."""
    with conn.cursor(row_factory=class_row(Channel)) as cur:
        return cur.execute(
            f"SELECT {_COLUMNS} FROM channels WHERE %(site)s::text IS NULL OR site = %(site)s ORDER BY site, channel",
            {"site": site},
        ).fetchall()


def tiers_without(conn: Connection) -> Mapping[str, tuple[Tier, ...]]:
    """The tiers of each site that no channel tells; sites that have all of them are left out."""
    rows = conn.execute(
        "SELECT sites.site, array_agg(DISTINCT channels.tier) FROM sites LEFT JOIN channels USING (site)"
        " GROUP BY sites.site ORDER BY sites.site"
    ).fetchall()
    missing = {site: tuple(tier for tier in TIERS if tier not in there) for site, there in rows}
    return {site: tiers for site, tiers in missing.items() if tiers}


def put_contact(conn: Connection, name: str, url: str) -> bool:
    """Let a person be reached at this address; False when there is no such person."""
    return (
        conn.execute(
            "INSERT INTO contacts (name, url) SELECT name, %s FROM users WHERE name = %s"
            " ON CONFLICT (name) DO UPDATE SET url = excluded.url",
            (url, name),
        ).rowcount
        > 0
    )


def remove_contact(conn: Connection, name: str) -> bool:
    """Forget how a person is reached. Whether that was known."""
    return conn.execute("DELETE FROM contacts WHERE name = %s", (name,)).rowcount > 0


def contact_of(conn: Connection, name: str) -> str | None:
    """The address of a person; None when nobody gave one."""
    row = conn.execute("SELECT url FROM contacts WHERE name = %s", (name,)).fetchone()
    return None if row is None else str(row[0])
