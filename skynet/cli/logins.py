"""Devices' log-ins: the registry's rows and the broker's users, changed together or not at all."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import structlog
from psycopg import Connection

from devices import broker, broker_control
from devices.registry import Device, Registry
from skynet.cli.context import database
from skynet.settings import Settings
from store import parts, registry

log = structlog.get_logger(__name__)

TAKEN_UP_WITHIN = 5.0  # seconds


class GivenLogin(msgspec.Struct, frozen=True):
    """What a device logs in with, told once; both None for one that speaks through a gateway."""

    site: str
    device: str
    username: str | None
    password: str | None


def give(conn: Connection, loaded: Settings, devices: Iterable[Device]) -> list[GivenLogin]:
    """Give each device a new password, in the open transaction and at the broker; earlier ones end.

    Devices that speak through a gateway lose the log-in they may have had. Commit only after this: when the broker
    refuses (BrokerRefused, SettingsError), nothing has changed.
    """
    given: list[GivenLogin] = []
    kept: list[registry.Credentials] = []
    commands: list[dict[str, Any]] = []
    for one in devices:
        if one.via is not None:
            given.append(GivenLogin(one.site, one.device, None, None))
            if registry.drop_credentials(conn, one.site, one.device):
                commands += broker.removing(one.site, one.device)
            continue
        name, password = broker.username(one.site, one.device), broker.new_password()
        stored = broker.hashed(password)
        kept.append(
            registry.Credentials(name, one.site, one.device, stored.salt, stored.iterations, stored.password_hash)
        )
        commands += broker.adding(one.site, one.device, password, one.prefix)
        given.append(GivenLogin(one.site, one.device, name, password))
    registry.put_credentials(conn, kept)
    tell_broker(loaded, commands)
    return given


def follow(conn: Connection, loaded: Settings, before: Registry, now: Iterable[Device]) -> None:
    """Let log-ins follow what an import changed, in the open transaction and at the broker; passwords stay.

    A gateway whose prefix is another may speak there and no longer here; a device that speaks through a gateway from now on
    has no log-in. Raises BrokerRefused, SettingsError.
    """
    commands: list[dict[str, Any]] = []
    for one in now:
        known = before.devices.get((one.site, one.device))
        if known is None:
            continue
        if one.via is not None and registry.drop_credentials(conn, one.site, one.device):
            commands += broker.removing(one.site, one.device)
        elif one.prefix != known.prefix and registry.has_credentials(conn, one.site, one.device):
            commands += broker.changing(one.site, one.device, one.prefix)
    tell_broker(loaded, commands)


def take_away(loaded: Settings, devices: Iterable[tuple[str, str]]) -> None:
    """End the log-ins of devices (site, device) at the broker, and their open sessions.

    Raises BrokerRefused, SettingsError.
    """
    tell_broker(loaded, [command for site, device in devices for command in broker.removing(site, device)])


def tell_broker(loaded: Settings, commands: Sequence[dict[str, Any]]) -> None:
    """Have the broker carry out commands, in order.

    Raises BrokerRefused, SettingsError.
    """
    if commands:
        host, port = loaded.require_mqtt()
        # within the time that the database lets a transaction idle
        broker_control.apply(host, port, loaded.require_mqtt_password(), commands, timeout=25)


def wait_taken_up(loaded: Settings, version: int) -> None:
    """Wait until every ingest at work has this version of the registry, so that the change is in effect."""
    deadline = time.monotonic() + TAKEN_UP_WITHIN
    while True:
        with database(loaded) as conn:
            behind = parts.behind(conn, "ingest", version)
        if not behind:
            return
        if time.monotonic() > deadline:
            log.warning("ingest has not taken the change up yet; `skynet doctor` shows how it is", behind=behind)
            return
        time.sleep(0.05)
