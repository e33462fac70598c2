"""Which records have which value of a field: the index of keys, and of the parents of rows."""

from __future__ import annotations

from typing import Any

__all__ = ["KeyIndex", "key_of"]


def key_of(value: Any) -> str:
    """Give what two values have in common when a unique field takes them for one."""
    return value.casefold() if type(value) is str else str(value).casefold()


class KeyIndex:
    """Which records have which value of one field, compared without case.  Most values have one record."""

    def __init__(self) -> None:
        self._ids: dict[str, int | tuple[int, ...]] = {}

    def find(self, value: Any) -> tuple[int, ...]:
        """Give the ids of the records with *value*, oldest first."""
        found = self._ids.get(key_of(value), ())
        return found if isinstance(found, tuple) else (found,)

    def add(self, value: Any, record_id: int) -> None:
        """Note that the record has *value*."""
        key = value.casefold() if type(value) is str else str(value).casefold()
        if self._ids.setdefault(key, record_id) != record_id:
            self._ids[key] = (*self.find(value), record_id)

    def __contains__(self, value: Any) -> bool:
        return (value.casefold() if type(value) is str else str(value).casefold()) in self._ids

    def remove(self, value: Any, record_id: int) -> None:
        """Note that the record has *value* no more."""
        rest = tuple(each for each in self.find(value) if each != record_id)
        if rest:
            self._ids[key_of(value)] = rest if len(rest) > 1 else rest[0]
        else:
            self._ids.pop(key_of(value), None)
