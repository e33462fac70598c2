"""Documents, docstrings, comments and messages are in plain English."""

from __future__ import annotations

import ast

import pytest

from tests.plain_english import TOP, dialect_in, findings, tracked

#: folders and files without a finding; new code is added here, nothing is removed
CLEAN = (
    "docs/acceptance.md",
    "docs/howto",
    "docs/index.md",
    "docs/quotas.md",
    "docs/reference",
    "docs/tutorial.md",
    "bulkzoho/app",
    "bulkzoho/client.py",
    "bulkzoho/domain/summary",
    "bulkzoho/interfaces",
    "bulkzoho/storage",
    "tests/contract/test_file_lock.py",
    "tests/contract/test_journal_contract.py",
    "tests/contract/test_store_contract.py",
    "tests/crash",
    "tests/conftest.py",
    "tests/interop",
    "tests/property",
    "tests/typing",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/exports.md",
    "docs/guarantees.md",
)


@pytest.mark.parametrize("text", ["the letters were mended", "Give the rows of a block.", "it is told what to do", "in vain"])
def test_a_word_of_the_old_dialect_is_found(text: str) -> None:
    assert dialect_in(text) != []


def test_a_plain_sentence_has_no_finding() -> None:
    assert dialect_in("Return the rows of a block. Rejected rows are in the dead-letter file.") == []


def test_nothing_that_people_read_has_a_word_of_the_old_dialect() -> None:
    assert findings(tracked(*CLEAN)) == []


def _docstrings_with_give() -> list[str]:
    found = []
    for file in tracked("bulkzoho"):
        if file.suffix == ".py":
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                    text = ast.get_docstring(node) or ""
                    if text.startswith(("Give ", "Gives ")):
                        found.append(f"{file.relative_to(TOP)}: {text.splitlines()[0]}")
    return found


@pytest.mark.xfail(strict=False, reason="the rewording of the package is under way")
def test_no_docstring_begins_with_give() -> None:
    assert _docstrings_with_give() == []
