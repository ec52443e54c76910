"""The shape of the code: imports go one way, files that decide know no broker, no database and no clock."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("alerts", "devices", "ingest", "skynet", "store", "web")

MAY_IMPORT = {
    "devices": set(),
    "store": {"devices"},
    "alerts": {"devices", "store", "skynet"},
    "ingest": {"devices", "store", "alerts", "skynet"},
    "web": {"devices", "store", "alerts", "skynet"},
    "skynet": {"devices", "store", "alerts", "ingest", "web"},
}
# what the flow shares with the rooms beside it: plain data, and one frozen bag of settings
ONLY = {
    ("store", "devices"): {"devices.registry", "devices.messages", "devices.siteplan"},
    ("alerts", "skynet"): {"skynet.settings"},
    ("ingest", "skynet"): {"skynet.settings"},
    ("web", "skynet"): {"skynet.settings"},
}
EDGES = {"asyncio", "fastapi", "paho", "psycopg", "psycopg_pool", "socket", "starlette", "uvicorn"}
CLOCKS = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.monotonic", "time.sleep", "time.time_ns"}

# the files that act; all others of these packages decide
ACTING = {
    "devices": {"broker_control.py", "button.py", "live.py", "playing.py", "probing.py", "simulation.py", "spool.py"},
    "alerts": {
        "auditing.py",
        "bad_rules.py",
        "chattering.py",
        "checks.py",
        "deadlines.py",
        "dispatching.py",
        "engine.py",
        "floods.py",
        "handing_over.py",
        "pipeline.py",
        "raising.py",
        "reaching.py",
        "retiming.py",
        "rules_file.py",
        "service.py",
        "silences.py",
        "steps.py",
        "street.py",
        "tending.py",
        "unusual.py",
        "channel_health.py",
        "claiming.py",
        "posting.py",
        "robots.py",
        "sender.py",
        "targets.py",  # of notices
    },
}
DECIDING = {
    "ingest": {"incoming.py", "life.py", "rejects.py", "sorting.py"},
    "web": {"hub.py", "cursors.py", "origin.py"},
}

# a library of the edge lives in the few files whose job it is
HOMES = {
    "paho": {
        "devices/broker_control.py", "devices/live.py", "devices/playing.py",
        "ingest/session.py", "ingest/wire.py", "skynet/local/mosquitto.py",
    },
    "apprise": {"alerts/notices/robots.py"},
    "argon2": {"web/passwords.py"},
    "requests": {"alerts/notices/posting.py"},
    "sqlalchemy": {"store/migrate.py", "store/migrations/env.py"},
    "alembic": {"store/migrate.py", "store/migrations/env.py"},
}  # fmt: skip


def files(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts)


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports, anywhere in it; `from a import b` gives a.b, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(tree: ast.AST) -> Iterator[str]:
    """Every `a.b` in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def one_way_faults(package: str, tree: ast.AST) -> list[str]:
    """The imports that go the wrong way."""
    found = []
    for name in imports(tree):
        other = name.split(".", maxsplit=1)[0]
        if other not in PACKAGES or other == package:
            continue
        allowed = ONLY.get((package, other))
        whole = allowed is None or any(name == one or name.startswith(f"{one}.") for one in allowed)
        if other not in MAY_IMPORT[package] or not whole:
            found.append(name)
    return found


def purity_faults(tree: ast.AST) -> list[str]:
    """What a deciding file must not do."""
    return [name for name in imports(tree) if name.split(".", maxsplit=1)[0] in EDGES] + [
        name for name in dotted(tree) if name in CLOCKS
    ]


def deciding_files() -> list[Path]:
    found = [
        path for package in ACTING for path in files(package) if path.name not in ACTING[package] | {"__init__.py"}
    ]
    found += [ROOT / package / name for package, names in DECIDING.items() for name in sorted(names)]
    says_so = [
        path
        for package in PACKAGES
        for path in files(package)
        if (ast.get_docstring(parsed(path)) or "").endswith("Pure.")
    ]
    return sorted({*found, *says_so})


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    faults = {str(path.relative_to(ROOT)): one_way_faults(package, parsed(path)) for path in files(package)}
    assert {path: found for path, found in faults.items() if found} == {}


def test_what_decides_knows_no_broker_no_database_and_no_clock() -> None:
    faults = {str(path.relative_to(ROOT)): purity_faults(parsed(path)) for path in deciding_files()}
    assert len(faults) > 20
    assert {path: found for path, found in faults.items() if found} == {}


def test_these_tests_see_what_they_are_for() -> None:
    wrong = ast.parse(
        "def f():\n    from web.hub import Hub\n    import paho.mqtt.client\n    return datetime.now(UTC)"
    )
    assert one_way_faults("alerts", wrong) == ["web.hub.Hub"]
    assert purity_faults(wrong) == ["paho.mqtt.client", "datetime.now"]
    assert one_way_faults("store", ast.parse("from devices import playing, registry")) == ["devices.playing"]


def test_each_library_of_the_edge_lives_in_few_files() -> None:
    for library, homes in HOMES.items():
        found = {
            path.relative_to(ROOT).as_posix()
            for package in PACKAGES
            for path in files(package)
            if any(name.split(".", maxsplit=1)[0] == library for name in imports(parsed(path)))
        }
        steps = {path for path in found if library == "alembic" and path.startswith("store/migrations/versions/")}
        assert found - steps <= homes, library


def test_only_the_settings_read_the_environment() -> None:
    """skynet/local reads it only to hand it on to the processes that it starts, and to find the user's cache."""
    for package in PACKAGES:
        for path in files(package):
            if path.parent != ROOT / "skynet" / "local":
                assert not {"os.environ", "os.getenv"} & set(dotted(parsed(path))), path


def test_only_the_store_speaks_sql() -> None:
    """Beside it: making a database for a server of our own, listening to doorbells, and a device's own spool (SQLite)."""
    for package in set(PACKAGES) - {"store"}:
        for path in files(package):
            for node in ast.walk(parsed(path)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "execute":
                    said = ast.unparse(node.args[0]).strip("f'\"")
                    assert said.startswith(("LISTEN", "SELECT 1")) or path.name in {"postgres.py", "spool.py"}, (
                        f"{path}: {said}"
                    )


def test_files_and_functions_stay_short_enough_to_read() -> None:
    for package in PACKAGES:
        for path in files(package):
            lines = path.read_text("utf-8").splitlines()
            assert len(lines) <= 350, f"{path} has {len(lines)} lines: it does more than one thing"


def test_every_module_says_what_it_is_for() -> None:
    for package in PACKAGES:
        for path in files(package):
            assert ast.get_docstring(parsed(path)), path
