"""The programs without Docker: found again at once, and what is said where they can't be had. No network is used here."""

import sys
from pathlib import Path

import pytest

from skynet.local import debian
from skynet.local.debian import ProgramsError, Recipe

RECIPE = Recipe(name="demo", packages=("one", "two"), runs=("usr/bin/*",))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(debian, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def put(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)


def test_what_is_there_is_used_without_apt(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    root = own_cache / f"demo-{debian.SUITE}-{debian._architecture()[0]}-{debian.RECIPE_VERSION}"
    root.mkdir(parents=True)
    (root / debian.STAMP).write_text("one two")
    assert debian.ensure(RECIPE) == root


def test_another_list_of_packages_is_fetched_again(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    root = own_cache / f"demo-{debian.SUITE}-{debian._architecture()[0]}-{debian.RECIPE_VERSION}"
    root.mkdir(parents=True)
    (root / debian.STAMP).write_text("one")
    with pytest.raises(ProgramsError):
        debian.ensure(RECIPE)


def test_without_apt_it_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProgramsError, match=r"no apt-get.*docker compose up.*SKYNET_DATABASE_URL.*SKYNET_MQTT_URL"):
        debian.ensure(RECIPE)


@pytest.mark.parametrize(
    ("apt", "said"),
    [
        ("exit 0", "no Debian mirror"),
        ("echo 'http://mirror.example/other/|stable'", "no Debian mirror"),
        ("echo 'E: broken sources' >&2; exit 100", "broken sources"),
        (
            'case "$*" in indextargets*) echo "http://mirror.example/debian/|stable";; *) echo "E: 404" >&2; exit 100;; esac',
            "package lists of Debian 13 can't be read.*404",
        ),
    ],
)
def test_where_no_mirror_answers_it_says_so_and_leaves_nothing_half_made(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apt: str, said: str
) -> None:
    put(tmp_path / "bin", "apt-get", apt)
    put(tmp_path / "bin", "dpkg-deb", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(ProgramsError, match=said):
        debian.ensure(RECIPE)
    assert not list(own_cache.glob("demo-*"))


def test_another_machine_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ProgramsError, match="no packages for darwin"):
        debian.ensure(RECIPE)
