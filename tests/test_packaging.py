"""The project as it is installed: its six names are ours, the wheel has what runs and no more, secrets come from files."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from skynet.settings import Settings
from web.console_files import STATIC

ROOT = Path(__file__).parent.parent
PACKAGES = ("alerts", "devices", "ingest", "skynet", "store", "web")


@pytest.mark.parametrize("package", PACKAGES)
def test_our_names_are_ours_wherever_python_starts(package: str, tmp_path: Path) -> None:
    """An installed package by another's hand with a name like `web` would win over ours outside this folder."""
    asked = f"import {package}; print({package}.__file__)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert Path(done.stdout.strip()) == ROOT / package / "__init__.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel of this project, made without any network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    [made] = folder.glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        return archive.namelist()


def test_the_wheel_has_what_runs(wheel: list[str]) -> None:
    wanted = {
        "store/migrations/versions/0001_first.sql",
        "store/migrations/env.py",
        "alerts/rules.toml",
        "devices/sites/zhihuo.geojson",
        "devices/sites/liujiang.geojson",
        "skynet/cli/up.py",
        "web/calls/incidents.py",
    }
    assert wanted - set(wheel) == set()
    for path in (ROOT / "web" / "static").rglob("*"):
        if path.is_file():
            assert path.relative_to(ROOT).as_posix() in wheel, "the built console is git-ignored, and shipped anyway"


def test_the_wheel_has_nothing_else(wheel: list[str]) -> None:
    tops = {name.split("/", maxsplit=1)[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [
        name for name in wheel if "node_modules" in name or name.startswith("web/console/") or "__pycache__" in name
    ]


def test_the_console_is_served_from_where_the_wheel_has_it() -> None:
    assert STATIC == ROOT / "web" / "static"


def test_it_is_never_published_by_mistake() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]


def test_secrets_come_from_files_where_containers_have_them(tmp_path: Path) -> None:
    (tmp_path / "skynet_database_url").write_text("postgresql://u:p@database:5432/skynet\n", "utf-8")
    (tmp_path / "skynet_mqtt_password").write_text("a-secret\n", "utf-8")
    settings = Settings(_secrets_dir=tmp_path)
    assert settings.require_database() == "postgresql://u:p@database:5432/skynet"
    assert settings.require_mqtt_password() == "a-secret"
    assert "a-secret" not in repr(settings)
