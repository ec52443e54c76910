"""Which programs the system brings for itself, and where they are."""

import os
import shutil
from pathlib import Path

import msgspec

from skynet.local.debian import Recipe, Say, ensure, library_dir, quiet

_POSTGRES_BIN = "usr/lib/postgresql/17/bin"
SERVERS = Recipe(
    name="servers",
    packages=("postgresql-17", "postgresql-17-timescaledb", "mosquitto", "mosquitto-clients"),
    runs=(f"{_POSTGRES_BIN}/*", "usr/sbin/mosquitto", "usr/bin/mosquitto_*"),
)
BROWSER = Recipe(
    name="browser",
    packages=("chromium", "fonts-noto-cjk"),
    runs=("usr/lib/chromium/chromium", "usr/lib/chromium/chrome_crashpad_handler"),
)


class Programs(msgspec.Struct, frozen=True):
    """Paths of the servers' programs and of Mosquitto's plugin."""

    postgres: Path
    initdb: Path
    mosquitto: Path
    security_plugin: Path


def servers(say: Say = quiet) -> Programs:
    """PostgreSQL with TimescaleDB, and Mosquitto; fetched the first time.

    Raises ProgramsMissing when they can't be had here.
    """
    root = ensure(SERVERS, say)
    return Programs(
        postgres=root / _POSTGRES_BIN / "postgres",
        initdb=root / _POSTGRES_BIN / "initdb",
        mosquitto=root / "usr/sbin/mosquitto",
        security_plugin=library_dir(root) / "mosquitto_dynamic_security.so",
    )


def chromium_path(say: Say = quiet) -> Path:
    """A Chromium with Chinese letters for the browser tests: the machine's own, or one fetched like the servers.

    Raises ProgramsMissing when it can't be had here.
    """
    installed = shutil.which("chromium")
    if installed is not None:
        return Path(installed)
    root = ensure(BROWSER, say)
    start = root / "chromium.sh"
    if not start.exists():
        _write_start(root, start)
    return start


_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>{root}/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
</fontconfig>
"""


def _write_start(root: Path, start: Path) -> None:
    (root / "fonts.conf").write_text(_FONTS.format(root=root), "utf-8")
    fresh = start.with_suffix(f".{os.getpid()}")
    fresh.write_text(
        "#!/bin/sh\n# Chromium with the fonts unpacked beside it\n"
        f'FONTCONFIG_FILE="{root}/fonts.conf" exec "{root}/usr/lib/chromium/chromium" "$@"\n',
        "utf-8",
    )
    fresh.chmod(0o755)
    fresh.replace(start)
