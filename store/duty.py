"""Posts and shifts as rows: who belongs to which grid or tier of a site, and when they work."""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row, dict_row

from store.belonging import is_person_of
from store.people import PeopleError
from store.records import Tier

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A person's place in a site: at one grid, or at a tier above the grids."""

    site: str
    name: str
    tier: Tier
    grid: str | None = None


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Hours "HH:MM-HH:MM" of the site's own time, the end not included; `days` (1 is Monday) are those it begins on.

    One that ends at or before its beginning goes over midnight.
    """

    site: str
    shift: str
    hours: str
    days: tuple[int, ...] = EVERY_DAY
    members: tuple[str, ...] = ()


def posts(conn: Connection, sites: Collection[str]) -> list[Post]:
    """The posts of these sites, of people who work there."""
    with conn.cursor(row_factory=class_row(Post)) as cur:
        return cur.execute(
            "SELECT site, name, tier, grid FROM posts JOIN users USING (name) WHERE site = ANY(%s) AND (role = 'admin'"
            " OR (name, site) IN (SELECT name, site FROM user_sites)) ORDER BY site, tier, grid, name",
            (list(sites),),
        ).fetchall()


def add_post(conn: Connection, post: Post) -> None:
    """Give a person a post; a second time changes nothing.

    Raises PeopleError when there is no such grid, or nobody of that name works for the site.
    """
    _refuse_strangers(conn, post.site, [post.name])
    if (post.tier == "grid") != (post.grid is not None):
        raise PeopleError("a post at the tier grid needs a grid, one at community or district has none")
    known = conn.execute("SELECT 1 FROM grids WHERE site = %s AND grid = %s", (post.site, post.grid)).fetchone()
    if post.grid is not None and known is None:
        raise PeopleError(f"{post.site} has no grid {post.grid!r}: GET /api/v1/grids?site={post.site} lists them")
    conn.execute(
        "INSERT INTO posts (site, name, tier, grid) VALUES (%(site)s, %(name)s, %(tier)s, %(grid)s)"
        " ON CONFLICT DO NOTHING",
        msgspec.structs.asdict(post),
    )


def remove_posts(conn: Connection, site: str, name: str, tier: Tier | None = None, grid: str | None = None) -> int:
    """Take away a person's posts at a site, or only those at a tier or grid; how many there were."""
    return conn.execute(
        "DELETE FROM posts WHERE site = %s AND name = %s AND (%s::text IS NULL OR tier = %s)"
        " AND (%s::text IS NULL OR grid = %s)",
        (site, name, tier, tier, grid, grid),
    ).rowcount


def shifts(conn: Connection, sites: Collection[str]) -> list[Shift]:
    """The shifts of these sites, by name."""
    with conn.cursor(row_factory=dict_row) as cur:
        rows = cur.execute(
            "SELECT site, shift, hours, days, ARRAY(SELECT name FROM shift_members AS m WHERE m.site = s.site"
            " AND m.shift = s.shift ORDER BY name) AS members FROM shifts AS s WHERE site = ANY(%s) ORDER BY site, shift",
            (list(sites),),
        ).fetchall()
    return [msgspec.convert(row, Shift) for row in rows]


def find_shift(conn: Connection, site: str, shift: str) -> Shift | None:
    """One shift; None when there is none of that name."""
    return next((one for one in shifts(conn, [site]) if one.shift == shift), None)


def put_shift(conn: Connection, shift: Shift) -> None:
    """Store a shift as it is given, in the place of one of that name.

    Raises PeopleError when there is no such site, or a member does not work there.
    """
    if not conn.execute("SELECT 1 FROM sites WHERE site = %s AND NOT internal", (shift.site,)).fetchone():
        raise PeopleError(f"no site {shift.site!r}: `skynet sites list` shows them")
    _refuse_strangers(conn, shift.site, shift.members)
    conn.execute(
        "INSERT INTO shifts (site, shift, hours, days) VALUES (%s, %s, %s, %s::smallint[])"
        " ON CONFLICT (site, shift) DO UPDATE SET hours = excluded.hours, days = excluded.days",
        (shift.site, shift.shift, shift.hours, sorted(set(shift.days))),
    )
    conn.execute("DELETE FROM shift_members WHERE site = %s AND shift = %s", (shift.site, shift.shift))
    conn.execute(
        "INSERT INTO shift_members SELECT %s, %s, unnest(%s::text[])",
        (shift.site, shift.shift, sorted(set(shift.members))),
    )


def remove_shift(conn: Connection, site: str, shift: str) -> bool:
    """Remove a shift; whether there was one. Its members are then always on duty, unless another shift has them."""
    return conn.execute("DELETE FROM shifts WHERE site = %s AND shift = %s", (site, shift)).rowcount > 0


def leave_shifts(conn: Connection, site: str, name: str) -> int:
    """Take a person out of all shifts of a site; how many there were."""
    return conn.execute("DELETE FROM shift_members WHERE site = %s AND name = %s", (site, name)).rowcount


def staff(conn: Connection, site: str) -> list[dict[str, Any]]:
    """Everybody who works for a site, by name: role, and whether a contact of theirs is known."""
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute(
            "SELECT name, role, EXISTS (SELECT FROM contacts WHERE contacts.name = users.name) AS reachable FROM users"
            " WHERE role = 'admin' OR EXISTS (SELECT FROM user_sites WHERE user_sites.name = users.name AND site = %s)"
            " ORDER BY name",
            (site,),
        ).fetchall()


def parents(conn: Connection, site: str) -> dict[str, str | None]:
    """The grid above each grid of a site."""
    return dict(conn.execute("SELECT grid, parent FROM grids WHERE site = %s", (site,)).fetchall())


def timezone(conn: Connection, site: str) -> str | None:
    """The name of a site's time zone; None when there is no such site."""
    row = conn.execute("SELECT timezone FROM sites WHERE site = %s", (site,)).fetchone()
    return None if row is None else str(row[0])


def _refuse_strangers(conn: Connection, site: str, names: Iterable[str]) -> None:
    for name in names:
        if not is_person_of(conn, name, site):
            raise PeopleError(f"nobody named {name!r} works for {site}: `skynet users list` shows who does")


def chosen(conn: Connection, site: str | None) -> list[str]:
    """This site, or every one when none is named."""
    return [site] if site is not None else [one for (one,) in conn.execute("SELECT site FROM sites WHERE NOT internal")]
