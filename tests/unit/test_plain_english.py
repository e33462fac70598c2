"""Documents, docstrings, comments and messages are in plain English."""

from __future__ import annotations

import ast

import pytest

from tests.plain_english import FOLDERS, TOP, dialect_in, findings, tracked


@pytest.mark.parametrize("text", ["the letters were mended", "Give the rows of a block.", "it is told what to do", "in vain"])
def test_a_word_of_the_old_dialect_is_found(text: str) -> None:
    assert dialect_in(text) != []


def test_a_plain_sentence_has_no_finding() -> None:
    assert dialect_in("Return the rows of a block. Rejected rows are in the dead-letter file.") == []


def test_nothing_that_people_read_has_a_word_of_the_old_dialect() -> None:
    assert findings(tracked(*FOLDERS)) == []


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


def test_no_docstring_begins_with_give() -> None:
    assert _docstrings_with_give() == []
