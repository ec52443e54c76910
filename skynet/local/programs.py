"""Which programs the system brings for itself, and where they are."""

import os
import shutil
from pathlib import Path

from skynet.local.debian import ProgramsError, Recipe, Say, ensure, quiet, say, triplet

__all__ = ["BROWSER", "SERVERS", "ProgramsError", "Say", "chromium_path", "quiet", "say", "server_programs", "triplet"]

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


def server_programs(progress: Say = quiet) -> Path:
    """The root below which PostgreSQL with TimescaleDB, and Mosquitto, can be run; fetched the first time.

    Raises ProgramsError when they can't be had here.
    """
    return ensure(SERVERS, progress)


def chromium_path(progress: Say = quiet) -> Path:
    """A Chromium with Chinese letters for the browser tests: the machine's own, or one fetched like the servers.

    Raises ProgramsError when it can't be had here.
    """
    installed = shutil.which("chromium")
    if installed is not None:
        return Path(installed)
    root = ensure(BROWSER, progress)
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
    libraries = root / "usr" / "lib" / triplet()
    # some libraries name the folder of their own helpers absolutely, so the loader must be told of it
    found = ":".join(str(folder) for folder in (libraries, libraries / "pulseaudio"))
    fresh = start.with_suffix(f".{os.getpid()}")
    fresh.write_text(
        "#!/bin/sh\n# Chromium with the fonts and libraries unpacked beside it\n"
        f'FONTCONFIG_FILE="{root}/fonts.conf" LD_LIBRARY_PATH="{found}" exec "{root}/usr/lib/chromium/chromium" "$@"\n',
        "utf-8",
    )
    fresh.chmod(0o755)
    fresh.replace(start)
