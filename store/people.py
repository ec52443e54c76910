"""People who log in: their roles and sites, sessions, one-time links and failed tries. Only hashes of secrets are kept.

Everything is in tables, so that several web processes agree. Times are the database's own, so that they agree on those too.
"""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec
from psycopg import Connection

Role = Literal["officer", "lead", "admin"]
ROLES: tuple[str, ...] = get_args(Role)

# an admin's sites are all that there are, also those added later
SITES_OF_USER = """CASE WHEN users.role = 'admin' THEN ARRAY(SELECT site FROM sites WHERE NOT internal ORDER BY site)
                 ELSE ARRAY(SELECT site FROM user_sites WHERE user_sites.name = users.name ORDER BY site) END"""


_KNOWN = "SELECT site FROM sites WHERE site = ANY(%s) AND NOT internal"


class Person(msgspec.Struct, frozen=True):
    """Who somebody is and which sites are theirs."""

    name: str
    role: Role
    sites: tuple[str, ...]

    @property
    def leads(self) -> bool:
        """Whether they may do what a lead does."""
        return self.role in {"lead", "admin"}


class PeopleError(Exception):
    """The list of people can't hold this; the message says what to do."""


def hash_token(token: str) -> bytes:
    """What is kept of a session's or link's token: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def add_user(conn: Connection, name: str, role: Role, sites: Collection[str], password_hash: str | None) -> None:
    """Add a person, or change role and sites; a new password ends their sessions, None leaves the password as it is.

    Raises PeopleError for a name or site that can't be.
    """
    if not name or len(name) > 64 or "/" in name or any(sign.isspace() for sign in name):
        raise PeopleError(f"{name!r} can't be a log-in name: 1 to 64 signs, no blanks, no '/'")
    known = {site for (site,) in conn.execute(_KNOWN, (list(sites),))}
    if strange := sorted(set(sites) - known):
        raise PeopleError(f"no site {strange[0]!r}: add it with `skynet sites add {strange[0]} --name NAME`")
    conn.execute(
        "INSERT INTO users (name, role, password_hash) VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE"
        " SET role = excluded.role, password_hash = coalesce(excluded.password_hash, users.password_hash)",
        (name, role, password_hash),
    )
    conn.execute("DELETE FROM user_sites WHERE name = %s", (name,))
    conn.execute("INSERT INTO user_sites SELECT %s, unnest(%s::text[])", (name, sorted(set(sites))))
    if password_hash is not None:
        conn.execute("DELETE FROM sessions WHERE name = %s", (name,))


def remove_user(conn: Connection, name: str) -> bool:
    """Remove a person, which ends their sessions; what they did stays on the timelines. Whether there was one."""
    return conn.execute("DELETE FROM users WHERE name = %s", (name,)).rowcount > 0


def list_users(conn: Connection) -> list[Person]:
    """Everybody, by name."""
    rows = conn.execute(f"SELECT name, role, {SITES_OF_USER} FROM users ORDER BY name").fetchall()
    return [Person(name, role, tuple(sites)) for name, role, sites in rows]


def find(conn: Connection, name: str) -> Person | None:
    """The person with this log-in name."""
    row = conn.execute(f"SELECT name, role, {SITES_OF_USER} FROM users WHERE name = %s", (name,)).fetchone()
    return None if row is None else Person(row[0], row[1], tuple(row[2]))


def password_hash_of(conn: Connection, name: str) -> str | None:
    """The argon2id hash of a person's password; None for a stranger, or who has none."""
    row = conn.execute("SELECT password_hash FROM users WHERE name = %s", (name,)).fetchone()
    return None if row is None else row[0]


def open_session(conn: Connection, name: str, lifetime: timedelta) -> str:
    """Begin a session; the token, which is kept nowhere but in the answer.

    Raises psycopg.errors.ForeignKeyViolation when the person was removed just now.
    """
    token = secrets.token_urlsafe(32)
    conn.execute(
        "INSERT INTO sessions (token_hash, name, created_at, expires_at)"
        " VALUES (%s, %s, clock_timestamp(), clock_timestamp() + %s)",
        (hash_token(token), name, lifetime),
    )
    return token


def end_session(conn: Connection, token_hash: bytes) -> None:
    """Log out."""
    conn.execute("DELETE FROM sessions WHERE token_hash = %s", (token_hash,))


def people_of_sessions(conn: Connection, token_hashes: Iterable[bytes]) -> dict[bytes, Person]:
    """Whose sessions these are, in one query; those that ended are left out."""
    rows = conn.execute(
        f"SELECT token_hash, users.name, users.role, {SITES_OF_USER} FROM sessions JOIN users USING (name)"
        " WHERE token_hash = ANY(%s) AND expires_at > clock_timestamp()",
        (list(token_hashes),),
    )
    return {bytes(token_hash): Person(name, role, tuple(sites)) for token_hash, name, role, sites in rows}


def person_of_session(conn: Connection, token_hash: bytes) -> Person | None:
    """Whose session this is; None when it is unknown or has ended."""
    return people_of_sessions(conn, [token_hash]).get(token_hash)


def new_login_link(conn: Connection, name: str, expires_at: datetime) -> str:
    """A token that logs this person in once, until it expires; the page that spends it is /login/{token}."""
    token = secrets.token_urlsafe(32)
    conn.execute(
        "INSERT INTO login_links (token_hash, name, expires_at) VALUES (%s, %s, %s)",
        (hash_token(token), name, expires_at),
    )
    return token


def spend_login_link(conn: Connection, token: str) -> str | None:
    """Spend a link; the name it logs in, or None when it is unknown, spent or expired. Of two at once, one gets it."""
    row = conn.execute(
        "UPDATE login_links SET used_at = clock_timestamp()"
        " WHERE token_hash = %s AND used_at IS NULL AND expires_at > clock_timestamp() RETURNING name",
        (hash_token(token),),
    ).fetchone()
    return None if row is None else str(row[0])


def note_login_failure(conn: Connection, name: str, address: str) -> None:
    """Note that a log-in with this name from this address failed."""
    conn.execute(
        "INSERT INTO login_failures (at, name, address) VALUES (clock_timestamp(), %s, %s)", (name[:64], address)
    )


def login_failures(conn: Connection, name: str, address: str, window: timedelta) -> tuple[int, float]:
    """How many log-ins failed within `window`, by name or by address, whichever are more.

    Also the seconds until the first of them falls out of the window.
    """
    row = conn.execute(
        "SELECT count(*) FILTER (WHERE name = %(name)s), count(*) FILTER (WHERE address = %(address)s),"
        " coalesce(extract(epoch FROM min(at) + %(window)s - clock_timestamp()), 0)::float8"
        " FROM login_failures WHERE at > clock_timestamp() - %(window)s"
        " AND (name = %(name)s OR address = %(address)s)",
        {"name": name[:64], "address": address, "window": window},
    ).fetchone()
    assert row is not None
    return max(row[0], row[1]), row[2]
