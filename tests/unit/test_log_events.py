"""docs/logs.md describes every log event of the code and every field it may have."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

from bulkzoho.app.log_events import FIELDS

TOP = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error"}
RESERVED = {"name", "msg", "args", "created", "module", "process", "thread", "message", "asctime", "lineno", "filename"}


class Event(NamedTuple):
    """One log call of the code."""

    name: str | None
    level: str
    fields: frozenset[str]
    place: str


def _events() -> list[Event]:
    """Return the log calls of the package."""
    found = []
    for file in sorted((TOP / "bulkzoho").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id.casefold() == "_log"
                and node.func.attr in LEVELS | {"exception", "critical", "log"}
            ):
                first = node.args[0] if node.args else None
                name = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
                place = f"{file.relative_to(TOP)}:{node.lineno}"
                found.append(Event(name, node.func.attr, _literal_fields(node), place))
    return found


def _literal_fields(call: ast.Call) -> frozenset[str]:
    """Return the field names that stand in the call itself."""
    extras = [keyword.value for keyword in call.keywords if keyword.arg == "extra"]
    keys = [key for extra in extras for part in ast.walk(extra) if isinstance(part, ast.Dict) for key in part.keys]
    return frozenset(key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))


def _documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Return level and fields of each event in docs/logs.md."""
    page = (TOP / "docs" / "logs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (.*) \|$", page, re.MULTILINE)
    return {name: (level, frozenset(re.findall(r"`([^`]+)`", fields))) for name, level, fields in rows}


def test_every_event_has_a_constant_name() -> None:
    assert [event.place for event in _events() if event.name is None or event.level not in LEVELS] == []


def test_docs_logs_md_lists_every_event_with_its_level() -> None:
    documented = {name: level for name, (level, _) in _documented().items()}

    missing = {event.place: event.name for event in _events() if documented.get(event.name or "") != event.level}
    assert missing == {}, "add the event, its level and its fields to docs/logs.md"


def test_docs_logs_md_lists_no_event_that_does_not_exist() -> None:
    assert _documented().keys() - {event.name for event in _events()} == {"events left out"}, "run.log writes that one itself"


def test_the_fields_of_an_event_are_documented() -> None:
    documented = _documented()

    wrong = {event.place: set(event.fields - documented[event.name][1]) for event in _events() if event.name in documented}
    assert {place: fields for place, fields in wrong.items() if fields} == {}, "add the fields to docs/logs.md"


def test_every_documented_field_may_be_written() -> None:
    fields = {field for _, fields in _documented().values() for field in fields}

    assert fields - FIELDS == set(), "add the field to bulkzoho.app.log_events.FIELDS"
    assert not FIELDS & RESERVED
