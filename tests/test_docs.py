"""Documents that lag fail here: settings, commands, links, and nothing of one machine in what is committed."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_core import PydanticUndefined

from skynet.cli.app import app
from skynet.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def settings_table() -> str:
    """The README's table of settings, made from the settings themselves."""
    lines = ["| setting | default | means |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, PydanticUndefined) else f"`{field.default}`"
        lines.append(f"| `SKYNET_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def commands(group: Any, above: str = "skynet") -> Iterator[tuple[str, Any]]:
    """Every command with its whole name."""
    below: dict[str, Any] | None = getattr(group, "commands", None)
    if below is not None:
        for name, one in below.items():
            yield from commands(one, f"{above} {name}")
    else:
        yield above, group


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_the_readme_lists_every_setting_as_it_is() -> None:
    said = README.split("<!-- settings -->")[1].split("<!-- /settings -->")[0].strip()
    assert said == settings_table(), "put this between the two marks:\n" + settings_table()


def test_every_command_is_documented_and_says_what_it_does() -> None:
    text = "\n".join(path.read_text("utf-8") for path in DOCUMENTS)
    for name, command in commands(typer.main.get_command(app)):
        group, _, verb = name.removeprefix("skynet ").partition(" ")
        assert f"skynet {group}" in text, name
        assert not verb or re.search(rf"skynet {group}`[^\n]*`{verb}`|skynet {group} {verb}", text), name
        assert command.help, name
        for option in command.params:
            assert getattr(option, "help", None) or option.param_type_name == "argument" or option.name == "help", (
                name,
                option.name,
            )


def test_every_option_in_the_documents_exists() -> None:
    known = {
        flag
        for _, command in commands(typer.main.get_command(app))
        for option in command.params
        for flag in option.opts
    }
    for path in DOCUMENTS:
        for line in path.read_text("utf-8").splitlines():
            if "skynet " in line and "docker compose up" not in line:
                said = re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", line.split("skynet ", maxsplit=1)[1])
                strange = set(said) - known - {"--help"}
                assert not strange, f"{path.name}: {strange} in {line!r}"


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in DOCUMENTS:
        text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in target:
                continue
            file, _, anchor = target.partition("#")
            whole = (path.parent / file) if file else path
            assert whole.exists(), f"{path.name}: {target}"
            if anchor:
                titles = re.findall(r"^#+ (.+)$", whole.read_text("utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
                assert anchor in anchors, f"{path.name}: {target}"


def test_locks_carry_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock", "web/console/package-lock.json"):
        for line in (ROOT / name).read_text("utf-8").splitlines():
            assert not re.search(r"--(extra-)?index-url|--find-links|\"resolved\": \"http", line), (name, line)


def test_nothing_of_one_machine_is_committed() -> None:
    strange = re.compile(r"(?<![\w.])/(?:home/[a-z]|work/|root/|Users/)|BEGIN [A-Z ]*PRIVATE KEY")
    for path in committed():
        if path.suffix in {".png", ".jpg", ".ico", ".lock"} or path.name in {Path(__file__).name, "package-lock.json"}:
            continue
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            assert not strange.search(line), f"{path.relative_to(ROOT)}:{number}: {line[:120]}"


def test_the_change_log_has_a_place_for_what_comes() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text("utf-8")
