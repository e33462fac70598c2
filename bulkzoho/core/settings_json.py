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
    """Build a *kind* from what :func:`to_json` gave; a setting that *data* does not have keeps its default."""
    hints = typing.get_type_hints(kind)
    fields = {one.name for one in dataclasses.fields(kind)}  # type: ignore[arg-type]  Settings is bound to dataclasses by use
    return kind(**{name: _restored(hints[name], value) for name, value in data.items() if name in fields})


def _restored(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = next(one for one in typing.get_args(hint) if one is not type(None))
        return _restored(inner, value)
    if origin is tuple:
        args = typing.get_args(hint)
        if len(args) == 2 and args[1] is Ellipsis:  # noqa: PLR2004  tuple[X, ...]
            return tuple(_restored(args[0], one) for one in value)
        return tuple(_restored(arg, one) for arg, one in zip(args, value, strict=True))
    if isinstance(hint, type):
        if dataclasses.is_dataclass(hint):
            return from_json(hint, value)
        if issubclass(hint, Enum):
            return hint(value)
        if hint is time:
            return time.fromisoformat(value)
    return value
