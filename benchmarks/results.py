"""Save and load results as JSON; the page is generated only from these files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from benchmarks.measurement import TOP

FOLDER: Final = TOP / "benchmarks" / "results"


def load(name: str) -> dict[str, Any]:
    """Return the results saved under *name*, or an empty dict."""
    path = _path(name)
    saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return saved


def save(name: str, results: dict[str, Any]) -> None:
    """Save results under *name*, replacing earlier ones."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(_round_floats(results), indent=1, ensure_ascii=False, sort_keys=False)
    _path(name).write_text(text + "\n", encoding="utf-8")


def _path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def _round_floats(value: Any) -> Any:
    """Return *value* rounded to five significant digits; more is noise."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _round_floats(item) for key, item in value.items()}
    return [_round_floats(item) for item in value] if isinstance(value, list | tuple) else value
