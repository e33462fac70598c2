"""What was measured, as JSON beside the benchmarks; the page is made of nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from benchmarks.measurement import TOP

FOLDER: Final = TOP / "benchmarks" / "results"


def load(name: str) -> dict[str, Any]:
    """Give what was kept under *name*; nothing when nothing was."""
    path = _path(name)
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def save(name: str, found: dict[str, Any]) -> None:
    """Keep *found* in place of what was kept under *name*."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(_rounded(found), indent=1, ensure_ascii=False, sort_keys=False)
    _path(name).write_text(text + "\n", encoding="utf-8")


def _path(name: str) -> Path:
    return FOLDER / f"{name}.json"


def _rounded(value: Any) -> Any:
    """Give *value* with five significant digits: more is noise."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value
