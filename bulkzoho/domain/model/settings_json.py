"""Settings as JSON and back, so that a resumed run uses the same settings."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import time
from enum import Enum
from functools import cache
from typing import Any, TypeVar

__all__ = ["from_json", "to_json"]

Settings = TypeVar("Settings")


def to_json(value: Any) -> Any:
    """Return *value* (dataclasses, enums, tuples, times, plain JSON) as plain JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_json(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[Settings], data: Mapping[str, Any]) -> Settings:
    """Build a *kind* (a dataclass) from the JSON of :func:`to_json`; a setting that is missing in *data* has its default."""
    key: Any = kind  # mypy does not know that types are hashable
    hints = _type_hints(key)
    return kind(**{name: _restore(hints[name], value) for name, value in data.items() if name in hints})


@cache
def _type_hints(kind: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _restore(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None:
        return None
    if origin in (typing.Union, types.UnionType):
        return _restore(next(kind for kind in arguments if kind is not types.NoneType), value)
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if Ellipsis in arguments else list(arguments)
        return tuple(_restore(kind, item) for kind, item in zip(kinds, value, strict=True))
    return _restore_plain(hint, value)


def _restore_plain(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return time.fromisoformat(value) if hint is time else value
