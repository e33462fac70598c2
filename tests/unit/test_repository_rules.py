"""Rules of the repository: sizes, names, where tests are, documents that match the program."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bulkzoho.cli.program import COMMANDS, program

TOP = Path(__file__).resolve().parents[2]
PACKAGE = TOP / "bulkzoho"
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
WEAK_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|base|managers?|misc)(_|$)")
NOUNS_IN_ING = {
    "column_mapping",
    "encoding",
    "field_mapping",
    "formatting",
    "grouping",
    "record_matching",
    "testing",
    "user_loading",
    "wiring",
}
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("anaconda", "org"), ("proxy", "golang", "org"))
)
_FILE_NAME = re.compile(r"`([\w./]+\.py)(?:::([\w.]+))?`")


def _tracked() -> list[Path]:
    """Return the files of the repository; in an unpacked archive, every source and document."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, check=False)
    if listed.returncode == 0:
        names = [TOP / name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [file for folder in ("bulkzoho", "tests", "docs", "benchmarks") for file in (TOP / folder).rglob("*")]
    return [name for name in names if name.is_file()]


SOURCES = [file for file in _tracked() if file.suffix == ".py"]
PACKAGE_SOURCES = [file for file in SOURCES if file.is_relative_to(PACKAGE)]


def _commands() -> list[tuple[str, click.Command]]:
    with click.Context(program) as context:
        commands = ((name, program.get_command(context, name)) for name in COMMANDS)
        return [(name, part) for name, command in commands if command is not None for part in _parts(command)]


def _parts(command: click.Command) -> list[click.Command]:
    """Return a command, and those of a group with it: they share a section."""
    return [command, *command.commands.values()] if isinstance(command, click.Group) else [command]


def test_no_source_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in SOURCES}

    assert [f"{file}: {length}" for file, length in lengths.items() if length > MAX_FILE_LINES] == []


def test_no_function_of_the_package_is_longer_than_sixty_lines() -> None:
    long = [
        f"{file.relative_to(TOP)}:{node.lineno} {node.name}"
        for file in PACKAGE_SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MAX_FUNCTION_LINES
    ]

    assert long == []


def test_every_folder_has_its_place_in_the_import_contracts() -> None:
    layers = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0]

    placed = {name for layer in layers["layers"] for name in re.split(r"[ :|]+", layer)} | set(layers["exhaustive_ignores"])

    assert layers["exhaustive"]
    assert {part.stem for part in PACKAGE.iterdir() if part.suffix == ".py" or (part / "__init__.py").exists()} - placed == {
        "__init__"
    }


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [file for file in SOURCES if WEAK_NAMES.search(file.stem)] == []


def test_a_module_is_named_with_a_noun() -> None:
    assert sorted(file.stem for file in PACKAGE_SOURCES if file.stem.endswith("ing") and file.stem not in NOUNS_IN_ING) == []


def test_every_module_of_the_package_has_a_docstring() -> None:
    assert [file for file in PACKAGE_SOURCES if not file.read_text(encoding="utf-8").startswith('"""')] == []


def _mirrored(test: Path) -> bool:
    """Whether *test*, ``test_<name>.py`` or ``test_<name>_<aspect>.py``, is where the tests of ``<name>.py`` belong."""
    folder = PACKAGE / test.parent.relative_to(TOP / "tests" / "unit")
    words = test.stem.removeprefix("test_").split("_")
    return any((folder / ("_".join(words[:count]) + ".py")).is_file() for count in range(1, len(words) + 1))


def test_unit_tests_mirror_the_sources() -> None:
    tests = [file for file in (TOP / "tests" / "unit").glob("*/**/test_*.py") if not _mirrored(file)]

    assert [str(file.relative_to(TOP)) for file in tests] == []


def test_nothing_names_the_host_of_a_package_registry() -> None:
    texts = ((file, file.read_bytes()) for file in _tracked())

    assert [file for file, text in texts if any(host.encode() in text for host in REGISTRY_HOSTS)] == []


@pytest.mark.parametrize(("name", "command"), _commands())
def test_the_documents_have_every_command_and_every_option(name: str, command: click.Command) -> None:
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


def _documents() -> Iterator[Path]:
    """Yield the documents that speak of the code as it is; decisions speak of it as it was."""
    yield from (TOP / "README.md", TOP / "CONTRIBUTING.md")
    yield from (page for page in (TOP / "docs").rglob("*.md") if not page.name[:4].isdigit())


def _names_in(file: Path) -> set[str]:
    """Return what a module defines: functions, classes, constants, and ``Class.attribute``."""
    names: set[str] = set()

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                collect(node.body, f"{prefix}{node.name}.")
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets if isinstance(node, ast.Assign) else []
            names.update(prefix + target.id for target in targets if isinstance(target, ast.Name))

    collect(ast.parse(file.read_text(encoding="utf-8")).body, "")
    return names


def test_files_and_names_in_the_documents_exist() -> None:
    lost = []
    for page in _documents():
        for file, name in _FILE_NAME.findall(page.read_text(encoding="utf-8")):
            found = [path for path in (TOP / file, PACKAGE / file) if path.is_file()]
            if "/" not in file:  # named on the same line, or an example
                continue
            if not found or (name and name not in _names_in(found[0])):
                lost.append(f"{page.relative_to(TOP)}: {file}{'::' + name if name else ''}")

    assert lost == []


def test_ci_runs_the_readme_s_test_command_word_for_word() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    ci = (TOP / ".ci" / "run").read_text(encoding="utf-8")

    command = next(line for line in ci.splitlines() if "-m pytest" in line)

    assert f"\n{command}\n" in readme
    assert ci.rstrip().endswith("\nmake check")


def test_the_pre_commit_hooks_are_the_commands_of_make_check() -> None:
    hooks = re.findall(r"entry: ([^,]+),", (TOP / ".pre-commit-config.yaml").read_text(encoding="utf-8"))

    made = subprocess.run(["make", "--dry-run", "check"], cwd=TOP, capture_output=True, text=True, check=True).stdout.splitlines()

    assert hooks == [line for line in made if line.startswith(".venv/")]
    assert len(hooks) >= 5
