"""Settings as JSON and back, so that a resume does exactly what the run was told."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import time
from enum import Enum
from typing import Any, TypeVar

__all__ = ["from_json", "to_json"]

Settings = TypeVar("Settings")


def to_json(value: Any) -> Any:
    """Give *value* (dataclasses, enums, tuples, times, plain JSON) as plain JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: to_json(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, tuple | list):
        return [to_json(one) for one in value]
    return value


def from_json(kind: type[Settings], data: dict[str, Any]) -> Settings:
    """Build a *kind* (a dataclass) from what :func:`to_json` gave; a setting that *data* does not have keeps its default."""
    hints = typing.get_type_hints(kind)
    return kind(**{name: _restored(hints[name], value) for name, value in data.items() if name in hints})


def _restored(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None:
        return None
    if origin in (typing.Union, types.UnionType):
        return _restored(next(one for one in arguments if one is not types.NoneType), value)
    if origin is tuple:
        kinds = [arguments[0]] * len(value) if Ellipsis in arguments else list(arguments)
        return tuple(_restored(one, item) for one, item in zip(kinds, value, strict=True))
    return _restored_plain(hint, value)


def _restored_plain(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_json(hint, value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return time.fromisoformat(value) if hint is time else value
