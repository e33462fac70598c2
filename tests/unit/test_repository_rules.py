"""What keeps this a house: sizes, names, documents that know every option, and nothing that does not belong into a commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from bulkzoho.cli.main import COMMANDS, program

TOP = Path(__file__).resolve().parents[2]
MOST_LINES = 400
WEAK_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|base|managers?|misc)(_|$)")
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org"), ("proxy", "golang", "org"))
)


def _tracked() -> list[Path]:
    """Give the files of the repository; in an unpacked archive, every source and document."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=False)
    if listed.returncode == 0:
        names = [TOP / name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [file for folder in ("bulkzoho", "tests", "docs", "benchmarks") for file in (TOP / folder).rglob("*")]
    return [name for name in names if name.is_file()]


def _commands() -> list[tuple[str, click.Command]]:
    with click.Context(program) as context:
        commands = ((name, program.get_command(context, name)) for name in COMMANDS)
        return [(name, part) for name, command in commands if command is not None for part in _parts(command)]


def _parts(command: click.Command) -> list[click.Command]:
    """Give a command, and those of a group with it: they share a section."""
    return [command, *command.commands.values()] if isinstance(command, click.Group) else [command]


def test_no_source_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in _tracked() if file.suffix == ".py"}

    assert [f"{file}: {length}" for file, length in lengths.items() if length > MOST_LINES] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [file for file in _tracked() if file.suffix == ".py" and WEAK_NAMES.search(file.stem)] == []


def test_every_module_of_the_package_says_what_its_one_job_is() -> None:
    sources = [file for file in _tracked() if file.suffix == ".py" and file.is_relative_to(TOP / "bulkzoho")]

    assert [file for file in sources if not file.read_text(encoding="utf-8").startswith('"""')] == []


def test_nothing_names_the_host_of_a_package_registry() -> None:
    texts = ((file, file.read_bytes()) for file in _tracked())

    assert [file for file, text in texts if any(host.encode() in text for host in REGISTRY_HOSTS)] == []


@pytest.mark.parametrize(("name", "command"), _commands())
def test_every_command_and_every_option_stands_in_the_documents(name: str, command: click.Command) -> None:
    pages = (TOP / "docs" / "commands.md").read_text(encoding="utf-8")
    section = re.search(rf"^## bulkzoho {name}$(.*?)(?=^## |\Z)", pages, re.MULTILINE | re.DOTALL)
    assert section is not None, f"docs/commands.md has no section on {name}"

    options = [word for parameter in command.params if isinstance(parameter, click.Option) for word in parameter.opts]

    assert [word for word in options if f"`{word}" not in section[1]] == []


def test_the_documents_know_no_option_that_does_not_exist() -> None:
    pages = (TOP / "docs" / "commands.md").read_text(encoding="utf-8")
    known = {word for _, command in _commands() for parameter in command.params for word in parameter.opts} | {
        "--version",
        "--help",
    }

    assert sorted(set(re.findall(r"`(--[a-z-]+)", pages)) - known) == []


def test_ci_runs_the_readme_s_test_command_word_for_word() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    ci = (TOP / ".ci" / "run").read_text(encoding="utf-8")

    command = next(line for line in ci.splitlines() if "-m pytest" in line)

    assert f"\n{command}\n" in readme
