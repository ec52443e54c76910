"""The broker's particulars, all in one place: Mosquitto 2.0 with its dynamic-security plugin. Pure.

One configuration for the local run, containers and the bench. What each line is for was measured; the product's promise
is the receipt and the device's spool, never the broker's own persistence.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from devices.registry import PROBE, SELF_SITE

OWN_USERS = (
    "skynet-alarms",
    "skynet-events",
    "skynet-receipts",
    "skynet-admin",
    "skynet-feeds",
    "skynet-recorder",
    "skynet-probe",
)
CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
RESPONSE_TOPIC = f"{CONTROL_TOPIC}/response"
ITERATIONS = 101  # Mosquitto 2.0's own number: a device's password is 192 random bits, not a word that could be guessed
UP_CHANNELS = ("alarm", "event", "status", "telemetry", "snapshot/#")
DOWN_CHANNELS = ("receipt", "command")

_CONFIGURATION = """\
# Written by skynet; changes here are lost.
per_listener_settings false
allow_anonymous false
listener {port} {host}
# a device can't take over another session by naming its client id (an option of the listener above: not before it)
use_username_as_clientid true
plugin {plugin}
plugin_opt_config_file {security}
persistence true
persistence_location {data}/
autosave_interval 10
autosave_on_changes false
# the window of an ingester that acknowledges after its commit
max_inflight_messages 2000
max_queued_messages 100000
max_queued_bytes 268435456
# a press of 1 MB must reach us to be judged; more is an attack
message_size_limit 2097152
max_keepalive 3600
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages false
"""


class Password(msgspec.Struct, frozen=True):
    """What the broker checks a password against: PBKDF2-HMAC-SHA512, salt and hash in base64."""

    salt: str
    iterations: int
    password_hash: str


def configuration(*, host: str, port: int, plugin: Path, security: Path, data: Path) -> str:
    """mosquitto.conf."""
    return _CONFIGURATION.format(host=host, port=port, plugin=plugin, security=security, data=data)


def new_password() -> str:
    """A password for a device: 192 random bits in letters that every device takes."""
    return secrets.token_urlsafe(24)


def hashed(password: str, salt: bytes | None = None) -> Password:
    """A password as Mosquitto stores it."""
    salt = secrets.token_bytes(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return Password(base64.b64encode(salt).decode(), ITERATIONS, base64.b64encode(digest).decode())


def username(site: str, device: str) -> str:
    """The user a device logs in as; sites and devices can't hold a dot, so it is unambiguous."""
    return f"{site}.{device}"


def device_acls(site: str, device: str, prefix: str | None = None) -> list[dict[str, Any]]:
    """What a device may do: publish its own up channels and read its own down channels.

    A gateway publishes below its prefix and nowhere else, and reads there too: other makers' systems take orders there.
    """
    root = f"skynet/v1/{site}/{device}"
    up = [f"{root}/{channel}" for channel in UP_CHANNELS] if prefix is None else [f"{prefix}/#"]
    down = [f"{root}/{channel}" for channel in DOWN_CHANNELS] + ([] if prefix is None else [f"{prefix}/#"])
    return [_acl("publishClientSend", topic) for topic in up] + [_acl("subscribePattern", topic) for topic in down]


def _acl(kind: str, topic: str, *, allow: bool = True) -> dict[str, Any]:
    # what is forbidden is looked at first
    return {"acltype": kind, "topic": topic, "priority": 0 if allow else 1, "allow": allow}


# everything that devices say; the plugin's wildcard would take the broker's own control topics in as well
_READS_ALL = [_acl("subscribePattern", "#"), _acl("subscribePattern", "$CONTROL/#", allow=False)]

_OWN_ROLES: dict[str, list[dict[str, Any]]] = {
    "listener": [
        *_READS_ALL,
        _acl("publishClientSend", "skynet/v1/+/+/receipt"),
        _acl("publishClientSend", "skynet/v1/+/+/command"),
    ],
    "feeds": [*_READS_ALL, _acl("publishClientSend", "#")],
    "recorder": _READS_ALL,
    "probe": [_acl("publishClientSend", f"skynet/v1/{SELF_SITE}/{PROBE}/alarm")],
    "admin": [
        _acl(kind, "$CONTROL/dynamic-security/#")
        for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
    ],
}
_ROLE_OF = {
    "skynet-alarms": "listener",
    "skynet-events": "listener",
    "skynet-receipts": "listener",
    "skynet-admin": "admin",
    "skynet-feeds": "feeds",
    "skynet-recorder": "recorder",
    "skynet-probe": "probe",
}


class Login(msgspec.Struct, frozen=True):
    """A device that may log in: who it is, what its password is checked against, and a gateway's prefix."""

    site: str
    device: str
    password: Password
    prefix: str | None = None


def security_document(own_password: str, logins: Iterable[Login]) -> dict[str, Any]:
    """The plugin's whole file: our own users, and a user with a role of its own for each device."""
    own = hashed(own_password)
    clients = [_client(user, own, role) for user, role in _ROLE_OF.items()]
    roles = [{"rolename": name, "acls": acls} for name, acls in _OWN_ROLES.items()]
    for login in logins:
        name = username(login.site, login.device)
        clients.append(_client(name, login.password, name))
        roles.append({"rolename": name, "acls": device_acls(login.site, login.device, login.prefix)})
    denied = {"publishClientSend": False, "publishClientReceive": True, "subscribe": False, "unsubscribe": True}
    return {"defaultACLAccess": denied, "clients": clients, "groups": [], "roles": roles}


def _client(name: str, password: Password, role: str) -> dict[str, Any]:
    return {
        "username": name,
        "roles": [{"rolename": role, "priority": 0}],
        "password": password.password_hash,
        "salt": password.salt,
        "iterations": password.iterations,
    }


def adding(site: str, device: str, password: str, prefix: str | None = None) -> list[dict[str, Any]]:
    """Commands that let a device log in from now on, whatever the broker knew of it; an open session of it ends."""
    name = username(site, device)
    return [
        *removing(site, device),
        {"command": "createRole", "rolename": name, "acls": device_acls(site, device, prefix)},
        {"command": "createClient", "username": name, "password": password, "roles": [{"rolename": name}]},
    ]


def changing(site: str, device: str, prefix: str | None) -> list[dict[str, Any]]:
    """Commands after which a device that may log in speaks below another prefix; its password stays."""
    return [{"command": "modifyRole", "rolename": username(site, device), "acls": device_acls(site, device, prefix)}]


def removing(site: str, device: str) -> list[dict[str, Any]]:
    """Commands after which a device can't log in, and its open session has ended."""
    name = username(site, device)
    return [{"command": "deleteClient", "username": name}, {"command": "deleteRole", "rolename": name}]


_HARMLESS = {"deleteClient": "Client not found", "deleteRole": "Role not found"}


def faults(responses: Sequence[dict[str, Any]]) -> list[str]:
    """What the broker refused of a list of commands; that something to be deleted is not there is no fault."""
    return [
        f"{one.get('command')}: {one['error']}"
        for one in responses
        if "error" in one and one["error"] != _HARMLESS.get(str(one.get("command")))
    ]
