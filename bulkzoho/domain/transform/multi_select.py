"""Several values in one cell of a CSV: separated by semicolons, or a JSON array where semicolons are ambiguous.  Pure.

The CRM's own files use semicolons only, so that one value with a semicolon looks like two values.  A text that
:func:`join_choices` writes is read back unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

__all__ = ["join_choices", "split_choices"]

_BETWEEN = ";"
_ARRAY = '["'  # begins a JSON array of texts


def join_choices(values: Sequence[str]) -> str:
    """Return *values* as one text that :func:`split_choices` splits again, without blanks at their ends."""
    text = _BETWEEN.join(values)
    if text.lstrip().startswith(_ARRAY) or text.count(_BETWEEN) >= len(values) > 0:
        return orjson.dumps([*values]).decode()
    return text


def split_choices(text: str) -> list[str]:
    """Return the values in *text*, without blanks at their ends and without empty values."""
    parts = _array(text) if text.lstrip().startswith(_ARRAY) else None
    return [value for part in (text.split(_BETWEEN) if parts is None else parts) if (value := part.strip())]


def _array(text: str) -> list[str] | None:
    """Return the texts of a JSON array, None if *text* is not one."""
    try:
        values = orjson.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, list) and all(type(value) is str for value in values) else None
