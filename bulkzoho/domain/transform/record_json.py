"""Records of a batch as the JSON that is sent, encoded once; decoded again only for the few records that are looked at.

A batch waits for a sender, for the rate limiter and for its response.  As JSON it is one object in memory instead of a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

from bulkzoho.domain.model.rows import Record
from bulkzoho.domain.transform.exact_json import decode_json, encode_json

__all__ = ["EncodedRecords", "json_of"]


class EncodedRecords(Sequence[Record]):
    """Records as JSON, decoded on the first access; numbers keep their digits.

    Attributes:
        json: All records, *count*, as one JSON array.
    """

    __slots__ = ("_count", "_decoded", "json")

    def __init__(self, json: bytes, count: int) -> None:
        self.json = json
        self._count = count
        self._decoded: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, records: Sequence[Record]) -> EncodedRecords:
        """Return *records* encoded."""
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
        if self._decoded is None:
            self._decoded = decode_json(self.json)
        return self._decoded


def json_of(records: Sequence[Record]) -> bytes:
    """Return *records* as one JSON array."""
    return records.json if isinstance(records, EncodedRecords) else encode_json(records)
