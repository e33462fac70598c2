"""Records of a batch as the JSON that is sent, made while they are fresh; unpacked again for the few that are asked for.

A batch waits: for its turn, for leave, for its answer.  As JSON it is one object instead of a thousand, which the processor need
neither fetch again when it is sent nor take apart when it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from bulkzoho.core.digits import decode_json, encode_json
from bulkzoho.model.rows import Record

__all__ = ["PackedRecords", "json_of"]


class PackedRecords(Sequence[Record]):
    """Records, read from their JSON when one of them is asked for; numbers keep their own digits.

    Attributes:
        json: All of them, *count*, as a JSON array.
    """

    __slots__ = ("_count", "_unpacked", "json")

    def __init__(self, json: bytes, count: int) -> None:
        self.json = json
        self._count = count
        self._unpacked: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, records: Sequence[Record]) -> PackedRecords:
        """Pack *records*."""
        return records if isinstance(records, cls) else cls(encode_json(records), len(records))

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._all()[index]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._all())

    def _all(self) -> list[dict[str, Any]]:
        if self._unpacked is None:
            self._unpacked = decode_json(self.json)
        return self._unpacked


def json_of(records: Sequence[Record]) -> bytes:
    """Give *records* as a JSON array."""
    return records.json if isinstance(records, PackedRecords) else encode_json(records)
