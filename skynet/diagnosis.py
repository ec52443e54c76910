"""Is this system fit for duty? Each check says how one thing is and, where it is not well, what to do about it."""

import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import psutil
import psycopg
from psycopg import Connection

from alerts.rules import RulesError, load_rules
from devices import broker_control
from skynet.local import mosquitto
from skynet.settings import Settings, SettingsError, system_file
from store import channels, facts, parts, people, registry
from store.connect import UnsafeDatabase, connect, refuse_unsafe

State = Literal["ok", "warning", "fault"]

BEAT_WITHIN = timedelta(seconds=10)
_LOCAL = {"127.0.0.1", "localhost", "::1"}
_OLDEST_TIMESCALEDB = (2, 19)


class Finding(msgspec.Struct, frozen=True):
    """How one thing is. Any `fault` means: not fit for duty."""

    what: str
    state: State
    said: str


def examine(settings: Settings, now: datetime | None = None) -> list[Finding]:
    """Look at everything; what can't be reached is a finding, never an exception."""
    now = now or datetime.now(UTC)
    found = [*_rules(settings), *exposure(settings), *_files(settings)]
    found += _database(settings, now)
    found += [*_broker(settings), *_web(settings)]
    return found


def examine_part(settings: Settings, part: str) -> list[Finding]:
    """Look at one part's beat alone: cheap enough for a health check every few seconds."""
    if part == "web":
        return list(_web(settings))
    try:
        with connect(settings.require_database(), part="doctor") as conn:
            clock = facts.database_facts(conn).clock
            return [part_finding(part, parts.list_parts(conn), clock)]
    except (SettingsError, psycopg.Error) as exc:
        return [Finding(part, "fault", _first_line(exc))]


def _rules(settings: Settings) -> Iterator[Finding]:
    try:
        load_rules(settings.rules_file)
    except (RulesError, OSError) as exc:
        said = (
            f"{exc}; what runs keeps the rules before it, but can't start again: `skynet rules check` shows all of it"
        )
        yield Finding("rules", "fault", said)
    else:
        yield Finding("rules", "ok", str(settings.rules_file or "the ones that come with it"))


def exposure(settings: Settings) -> Iterator[Finding]:
    """Whether passwords and incidents would cross a network in the clear."""
    address = urlsplit(settings.web_url or f"http://{settings.host}:{settings.web_port}")
    if address.scheme == "https":
        yield Finding("exposure", "ok", "browsers come by https")
    elif address.hostname not in _LOCAL:
        yield Finding(
            "exposure",
            "fault",
            f"browsers come by {address.geturl()}: put a server with TLS before it and set SKYNET_WEB_URL",
        )
    elif settings.host not in _LOCAL:
        yield Finding(
            "exposure",
            "warning",
            f"the web server listens on {settings.host} without TLS: nothing but this machine may reach it",
        )
    else:
        yield Finding("exposure", "ok", "the console is reached from this machine alone")


def _files(settings: Settings) -> Iterator[Finding]:
    told = system_file(settings.data_dir)
    if told.exists() and told.stat().st_mode & 0o077:
        yield Finding("secrets", "fault", f"{told} holds passwords and others can read it: chmod 600 it")
    folder = next(
        (one for one in (settings.data_dir.resolve(), *settings.data_dir.resolve().parents) if one.exists()), Path("/")
    )
    free = psutil.disk_usage(str(folder)).free / 2**30
    state: State = "ok" if free >= 5 else "warning" if free >= 0.5 else "fault"
    yield Finding("disk", state, f"{free:.1f} GiB free below {folder}" + ("" if state == "ok" else ": make room"))


def _database(settings: Settings, now: datetime) -> list[Finding]:
    try:
        with connect(settings.require_database(), part="doctor", role=None) as conn:
            known = facts.database_facts(conn)
            found = list(_server(conn, known, now))
            if known.current:
                found += _parts(conn, known.clock)
                found += _registry(conn)
                found += _channels(conn)
    except (SettingsError, psycopg.Error) as exc:
        return [Finding("database", "fault", _first_line(exc))]
    return found


def _server(conn: Connection, known: facts.DatabaseFacts, now: datetime) -> Iterator[Finding]:
    yield Finding("database", "ok", f"PostgreSQL {known.postgres}, {known.megabytes:.0f} MiB")
    if known.timescaledb is None:
        yield Finding(
            "timescaledb",
            "fault",
            "the extension is not in this database: run `skynet migrate` on a server that has it",
        )
    else:
        old = tuple(int(part) for part in known.timescaledb.split(".")[:2]) < _OLDEST_TIMESCALEDB
        said = f"{known.timescaledb} ({known.edition or 'unknown'} edition)"
        yield Finding("timescaledb", "warning" if old else "ok", said + (": 2.19 or later is tested" if old else ""))
    if known.current:
        yield Finding("migrations", "ok", "the database is at this version")
    else:
        yield Finding("migrations", "fault", "the database is not at this version: run `skynet migrate`")
    try:
        refuse_unsafe(conn)
        yield Finding("durability", "ok", "what is committed stays")
    except UnsafeDatabase as exc:
        yield Finding("durability", "fault", str(exc))
    skew = abs((known.clock - now).total_seconds())
    if skew > 2:
        yield Finding("clock", "warning", f"the database's clock is {skew:.0f} s from this machine's: run NTP on both")


def _parts(conn: Connection, clock: datetime) -> Iterator[Finding]:
    beaten = parts.list_parts(conn)
    for name in ("ingest", "alerts"):
        yield part_finding(name, beaten, clock)


def part_finding(name: str, beaten: list[parts.Part], clock: datetime) -> Finding:
    """How a part is, by the beats in the database and its clock."""
    alive = [one for one in beaten if one.part == name and clock - one.beat_at < BEAT_WITHIN]
    if not alive:
        return Finding(name, "fault", f"not at work: start `skynet up`, or `skynet {name}`")
    if not any(one.ready_since for one in alive):
        return Finding(name, "fault", "it runs, but can't do its work: its log says why")
    since = min(one.ready_since for one in alive if one.ready_since)
    return Finding(name, "ok", f"at work since {since:%Y-%m-%d %H:%M:%S} UTC")


def _registry(conn: Connection) -> Iterator[Finding]:
    known = registry.load(conn)
    if known.communities:
        yield Finding("sites", "ok", ", ".join(sorted(known.communities)))
    else:
        yield Finding("sites", "warning", "there is no site: `skynet sites add` or `skynet sites import`")
    devices = [one for one in known.devices.values() if one.site in known.communities]
    strangers = sum(not one.registered for one in devices)
    said = f"{len(devices) - strangers} registered"
    if strangers:
        said += f", {strangers} that nobody registered: `skynet devices list` shows them"
    yield Finding("devices", "warning" if strangers else "ok", said)
    everybody = people.list_users(conn)
    if not everybody:
        yield Finding("people", "fault", "nobody can log in: `skynet users add`")
        return
    unwatched = sorted(set(known.communities) - {site for one in everybody for site in one.sites})
    if unwatched:
        yield Finding("people", "warning", f"nobody answers for {', '.join(unwatched)}: `skynet users add --site`")
    elif not any(one.role == "officer" for one in everybody):
        yield Finding(
            "people", "warning", "there is no officer yet: `skynet users add NAME --role officer --site SITE`"
        )
    else:
        yield Finding("people", "ok", f"{len(everybody)} may log in")


def _channels(conn: Connection) -> Iterator[Finding]:
    """A remark: a tier without a channel is told by the console alone."""
    for site, tiers in channels.tiers_without(conn).items():
        yield Finding(
            "channels", "ok", f"{site} has none for {', '.join(tiers)}: `skynet channels add` sends notices there"
        )


def _broker(settings: Settings) -> Iterator[Finding]:
    try:
        host, port = settings.require_mqtt()
        password = settings.require_mqtt_password()
        broker_control.apply(host, port, password, [{"command": "getDefaultACLAccess"}], timeout=5)
    except (SettingsError, broker_control.BrokerRefused) as exc:
        yield Finding("broker", "fault", str(exc))
        return
    yield Finding("broker", "ok", f"{host}:{port} lets us in and takes new devices")
    if mosquitto.answers(host, port, secrets.token_hex(), user="nobody-we-know"):
        yield Finding(
            "broker log-ins", "fault", "the broker lets strangers in: set allow_anonymous false and remove other users"
        )
    else:
        yield Finding("broker log-ins", "ok", "strangers are refused")


def _web(settings: Settings) -> Iterator[Finding]:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104 - compared, not bound
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            answer.read()
    except urllib.error.HTTPError as exc:
        with exc:
            yield Finding("web", "fault", f"it runs, but is not ready: {exc.read(500).decode(errors='replace')}")
    except OSError as exc:
        yield Finding("web", "fault", f"{url} does not answer ({exc}): start `skynet up`, or `skynet web`")
    else:
        yield Finding("web", "ok", f"{url} says it is ready")


def _first_line(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]
