"""Index from field values to record ids, for key fields and parents of subform rows."""

from __future__ import annotations

from typing import Any

__all__ = ["KeyIndex", "key_of"]


def key_of(value: Any) -> str:
    """Return the normalized key: equal for values that a unique field treats as equal."""
    return value.casefold() if type(value) is str else str(value).casefold()


class KeyIndex:
    """Case-insensitive index of one field.  Most values have one record."""

    def __init__(self) -> None:
        self._ids: dict[str, int | tuple[int, ...]] = {}

    def find(self, value: Any) -> tuple[int, ...]:
        """Return the ids of the records with *value*, oldest first."""
        ids = self._ids.get(key_of(value), ())
        return ids if isinstance(ids, tuple) else (ids,)

    def add(self, value: Any, record_id: int) -> None:
        """Add a record with *value*."""
        key = value.casefold() if type(value) is str else str(value).casefold()
        if self._ids.setdefault(key, record_id) != record_id:
            self._ids[key] = (*self.find(value), record_id)

    def __contains__(self, value: Any) -> bool:
        return (value.casefold() if type(value) is str else str(value).casefold()) in self._ids

    def remove(self, value: Any, record_id: int) -> None:
        """Remove a record with *value*."""
        remaining = tuple(each for each in self.find(value) if each != record_id)
        if remaining:
            self._ids[key_of(value)] = remaining if len(remaining) > 1 else remaining[0]
        else:
            self._ids.pop(key_of(value), None)
