"""Record one response of each shape, to be validated later.

Recording is cheap and works across processes: a shape that is already recorded is skipped.
"""

from __future__ import annotations

import os
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

__all__ = ["ANSWERS_VARIABLE", "ResponseRecorder", "recorder_from_environment"]

ANSWERS_VARIABLE = "SANDBOX_ANSWERS_DIR"  # tests set it for all sandboxes that they start
_DIGITS = re.compile(rb"[0-9]+")
# keys whose values are part of the shape
_SHAPE_KEYS = {"code", "status", "state", "action", "Status", "type", "data_type", "json_type", "comparator", "operation"}


class ResponseRecorder:
    """Writer of responses to a folder, one of each shape."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[int] = set()

    def __call__(self, operation: str, status: int, body: bytes) -> None:
        """Record a JSON response if its shape is new; each element of a result list is recorded separately."""
        shape = hash((operation, status, _DIGITS.sub(b"0", body)))
        if shape in self._seen:
            return
        self._seen.add(shape)
        content = orjson.loads(body)
        if not isinstance(content, dict):
            return
        elements = content.get("data")
        if not isinstance(elements, list) or not elements:
            self._write(operation, status, content)
            return
        for element in elements:
            self._write(operation, status, {**content, "data": [element]})

    def _write(self, operation: str, status: int, body: dict[str, Any]) -> None:
        text = repr(_shape(body))
        shape = hash((operation, status, text))
        if shape in self._seen:
            return
        self._seen.add(shape)
        digest = blake2b(text.encode(), digest_size=12).hexdigest()
        path = self._folder / f"{operation or 'none'}.{status}.{digest}.json"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_bytes(orjson.dumps(body))
            temporary.replace(path)


def _shape(value: Any, name: str = "") -> Any:
    """Return the shape of a value: equal for values that a schema cannot distinguish."""
    if isinstance(value, dict):
        return sorted((key, _shape(each, key)) for key, each in value.items())
    if isinstance(value, list):
        return sorted({repr(_shape(each)) for each in value})
    return (type(value).__name__, value) if name in _SHAPE_KEYS else type(value).__name__


def recorder_from_environment() -> ResponseRecorder | None:
    """Return a recorder for the folder in the environment variable, if set."""
    folder = os.environ.get(ANSWERS_VARIABLE)
    return ResponseRecorder(Path(folder)) if folder else None
