"""The commands in the documents run, and do what the documents say.

Above a fenced block, ``<!-- file: NAME -->`` makes the block a file, and ``<!-- run: 0 3 -->`` makes each line that begins with
``$`` a command, with its exit codes in order.  The lines below a command must appear in its output, in order; ``…`` matches
anything within a line.  A document is one session: one folder, one state directory, one sandbox.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .harness import PROGRAM, Program

TOP = Path(__file__).resolve().parents[2]
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^<!-- (file|run): ([^>]+?) -->\n+```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a document."""

    line: str
    status: int
    said: tuple[str, ...]


def _blocks(document: Path) -> list[tuple[str, str, str]]:
    return [(match[1], match[2], match[3]) for match in _BLOCK.finditer(document.read_text(encoding="utf-8"))]


def _commands(codes: str, body: str) -> Iterator[Command]:
    parts = [part.splitlines() for part in re.split(r"^\$ ", body, flags=re.MULTILINE) if part.strip()]
    for (line, *said), status in zip(parts, codes.split(), strict=True):
        yield Command(line, int(status), tuple(text for text in said if text.strip()))


def _check(command: Command, program: Program) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
    environment |= {name: value for name, value in program.environment.items() if value}
    environment |= {"BULKZOHO_HOME": str(program.home), "PATH": f"{Path(PROGRAM).parent}:{environment['PATH']}"}
    ended = subprocess.run(
        ["bash", "-c", command.line],
        cwd=program.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == command.status, f"$ {command.line}\n{ended.stdout}"
    lines = iter(ended.stdout.splitlines())
    for wanted in command.said:
        pattern = re.compile(".*".join(map(re.escape, wanted.strip().split("…"))))
        assert any(pattern.fullmatch(line.strip()) for line in lines), (
            f"$ {command.line}\n{ended.stdout}\nlacks, in its place: {wanted}"
        )


@pytest.mark.parametrize(
    "document",
    [each for each in DOCUMENTS if _BLOCK.search(each.read_text(encoding="utf-8"))],
    ids=lambda document: str(document.name),
)
def test_the_commands_of_a_document_do_what_it_says(bulkzoho: Program, document: Path) -> None:
    for kind, words, body in _blocks(document):
        if kind == "file":
            bulkzoho.file(words, body)
        else:
            for command in _commands(words, body):
                _check(command, bulkzoho)


def test_the_readme_has_commands_to_run() -> None:
    assert any(kind == "run" for kind, _, _ in _blocks(TOP / "README.md"))


def test_links_in_the_documents_have_targets() -> None:
    lost = [
        f"{document.name}: {link}"
        for document in DOCUMENTS
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / link).exists()
    ]

    assert lost == []
