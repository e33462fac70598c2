"""Several values in one text, as a cell of a CSV holds them: semicolons, or a JSON array where those would mislead.  Pure.

The CRM's own files have semicolons alone and cannot tell a value with a semicolon from two values; what is written here is
read back.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

__all__ = ["joined_choices", "split_choices"]

_BETWEEN = ";"
_ARRAY = '["'  # begins a JSON array of texts


def joined_choices(values: Sequence[str]) -> str:
    """Give *values* as one text that :func:`split_choices` takes apart again, but for blanks at their ends."""
    text = _BETWEEN.join(values)
    if text.lstrip().startswith(_ARRAY) or text.count(_BETWEEN) >= len(values) > 0:
        return orjson.dumps([*values]).decode()
    return text


def split_choices(text: str) -> list[str]:
    """Give the values in *text*, without blanks at their ends; what is empty is none."""
    parts = _array(text) if text.lstrip().startswith(_ARRAY) else None
    return [value for part in (text.split(_BETWEEN) if parts is None else parts) if (value := part.strip())]


def _array(text: str) -> list[str] | None:
    """Give what a JSON array of texts holds, None where *text* is none."""
    try:
        values = orjson.loads(text)
    except ValueError:
        return None
    return values if isinstance(values, list) and all(type(one) is str for one in values) else None
