"""Records of a batch as the JSON that is sent, made while they are fresh; unpacked again for the few that are asked for.

A batch waits: for its turn, for leave, for its answer.  As JSON it is one object instead of a thousand, which the processor need
neither fetch again when it is sent nor take apart when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

import msgspec

from bulkzoho.domain.model.rows import Record
from bulkzoho.domain.transform.exact_json import ExactNumber, decode_json, encode_json

__all__ = ["EncodedRecords", "RecordEncoder", "json_of"]


class EncodedRecords(Sequence[Record]):
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
    def of(cls, records: Sequence[Record]) -> EncodedRecords:
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


class RecordEncoder:
    """Packs columns of values: an object a record of a type made for these names, which takes a third of a dictionary's time.

    Args:
        names: API names, a column each.
        exact: Indexes of columns that may hold :class:`Digits`.
    """

    def __init__(self, names: Sequence[str], *, exact: Sequence[int]) -> None:
        fields = [(f"v{index}", Any, msgspec.field(name=name, default=msgspec.UNSET)) for index, name in enumerate(names)]
        self._record: Callable[..., object] = msgspec.defstruct("Record", fields, gc=False)
        self._encode = msgspec.json.Encoder().encode
        self._exact = exact

    def pack(self, columns: Sequence[Sequence[Any]], absent: Mapping[int, Sequence[int]]) -> EncodedRecords:
        """Pack *columns* of the same length; *absent* names rows without a value, by column."""
        columns = list(columns)
        for at in self._exact:
            columns[at] = [msgspec.Raw(str.encode(value)) if type(value) is ExactNumber else value for value in columns[at]]
        for at, rows in absent.items():
            filled = columns[at] = [*columns[at]]
            for row in rows:
                filled[row] = msgspec.UNSET
        return EncodedRecords(self._encode([*map(self._record, *columns)]), len(columns[0]))


def json_of(records: Sequence[Record]) -> bytes:
    """Give *records* as a JSON array."""
    return records.json if isinstance(records, EncodedRecords) else encode_json(records)
