"""Every test that the acceptance list names exists."""

from __future__ import annotations

import ast
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def _tests_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_the_acceptance_list_names_tests(named_tests: list[str]) -> None:
    assert len(named_tests) > 20


def test_each_test_that_the_list_names_exists(named_tests: list[str]) -> None:
    missing = []
    for name in named_tests:
        file, _, test = name.partition("::")
        found = _tests_of(TOP / file) if (TOP / file).exists() else set()
        if not found or (test and test not in found):
            missing.append(name)

    assert missing == []
