"""Which TCP ports our servers listen on: as asked for, else as last time, else the usual ones, else any free one."""

import socket
from collections.abc import Mapping
from pathlib import Path

import orjson

from skynet.local.processes import CantRun

_LOCAL = "127.0.0.1"
_USUAL = {"web": 8420, "mqtt": 18830, "database": 54320}


def choose(kept_file: Path, asked: Mapping[str, int | None], hosts: Mapping[str, str]) -> dict[str, int]:
    """A port for each server in `asked` (None: no wish, 0: any free one), kept in a file for the next start.

    Raises CantRun when one asked for is taken.
    """
    try:
        kept = orjson.loads(kept_file.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        kept = {}
    chosen: dict[str, int] = {}
    for name, wish in asked.items():
        chosen[name] = _port(name, wish, kept.get(name), hosts.get(name, _LOCAL))
    kept_file.write_bytes(orjson.dumps({**kept, **chosen}))
    return chosen


def free() -> int:
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((_LOCAL, 0))
        return int(probe.getsockname()[1])


def _port(name: str, asked: int | None, kept: int | None, host: str) -> int:
    """A port for a server.

    Raises CantRun when the one asked for is taken.
    """
    if asked == 0:
        return kept if kept and is_free(kept, host) else free()
    if asked is not None:
        if not is_free(asked, host):
            raise CantRun(f"port {asked} for the {name} is taken: give another, or 0 for any free one")
        return asked
    usual = _USUAL[name]
    return next((one for one in (kept, *range(usual, usual + 100)) if one and is_free(one, host)), None) or free()


def is_free(port: int, host: str) -> bool:
    """Whether nobody listens on the port of that address; False as well when the address is none of ours."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
