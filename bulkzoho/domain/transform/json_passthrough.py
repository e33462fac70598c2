"""Lines of JSON that are records already: let them go as they stand, looked at all at once.

A block passes when every line is one object with just the columns that were planned, every value of the type and within the
length that its field takes, none of them blank.  Whatever else a block holds, it goes the long way, which tells and mends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.rows import PassthroughBlock
from bulkzoho.domain.transform.converters import is_text
from bulkzoho.domain.transform.numbers import digits_at_most, fits_int64
from bulkzoho.engine.importer.key_locks import ClaimColumn

__all__ = ["JsonPassthrough", "build_passthrough"]

_BEGINS_BLANK: Final = re.compile(  # a value that may be blank: it begins with what str.strip() takes off, or with an escape
    rb':\s*"(?:[\s\\]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)'
)
# Where none of these is, no value does; found faster than by the pattern
_MAY_BEGIN_BLANK: Final = (b"\\", b"\xc2", b"\xe1", b"\xe2", b"\xe3", b'" ')
_BLANK_BEHIND: Final = re.compile(rb'"[ \t\r]+:')  # a key, or what looks like one
_BLANKS: Final = (b" :", b"\t:", b"\r:")
_FIRST, _LAST = itemgetter(0), itemgetter(-1)
_OPENS, _CLOSES = b"{}"
_Claim = Callable[[Sequence[Any]], ClaimColumn]


class JsonPassthrough:
    """The look at a block of lines.

    Attributes:
        header: The columns that lines must have for it.

    Args:
        header: API names of fields.
        types: The type of each field's values, by its API name.
        texts: Those that hold text.
        claims: What brings values of key fields into the form in which keys are compared.
    """

    def __init__(
        self, header: tuple[str, ...], *, types: Mapping[str, Any], texts: Sequence[str], claims: Mapping[str, _Claim]
    ) -> None:
        self.header = header
        fields = [(f"v{index}", types[name], msgspec.field(name=name)) for index, name in enumerate(header)]
        record = msgspec.defstruct("Record", fields, forbid_unknown_fields=True, gc=False)
        self._decode = msgspec.json.Decoder(record).decode_lines
        value_of = {name: attrgetter(f"v{index}") for index, name in enumerate(header)}
        self._texts = [value_of[name] for name in texts]
        self._claims = {name: (value_of[name], claim) for name, claim in claims.items()}

    def __call__(self, lines: Sequence[bytes]) -> PassthroughBlock | None:
        """Give what is to be known of *lines* when they may pass, else None."""
        count = len(lines)
        # an object a line: each begins and ends at the ends of its line, and there are as many as lines
        if {*map(_FIRST, lines)} != {_OPENS} or {*map(_LAST, lines)} != {_CLOSES}:
            return None
        joined = b"\n".join(lines)
        if b"\\u0000" in joined:
            return None
        # every column is there, so as many colons as columns leave none for a key that comes twice
        if joined.count(b":") != count * len(self.header) and _may_repeat_keys(joined, count * len(self.header)):
            return None
        try:
            records = self._decode(joined)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if len(records) != count or (_may_be_blank(joined) and not all(map(self._says_something, records))):
            return None
        keys = {name: claim([value(one) for one in records]) for name, (value, claim) in self._claims.items()}
        return PassthroughBlock(json=b"[" + b",".join(lines) + b"]", keys=keys)

    def _says_something(self, record: Any) -> bool:
        return all(text is None or text.strip() for text in (value(record) for value in self._texts))


def _may_be_blank(lines: bytes) -> bool:
    """Whether a value of *lines* may be blank; raw control characters are no JSON."""
    # from behind: for two bytes CPython's search takes half the time that way
    return any(lines.rfind(mark) >= 0 for mark in _MAY_BEGIN_BLANK) and _BEGINS_BLANK.search(lines) is not None


def _may_repeat_keys(lines: bytes, keys: int) -> bool:
    """Whether *lines*, whose values hold colons too, may have more than *keys* keys."""
    if lines.count(b'":') != keys:
        return True
    return any(blank in lines for blank in _BLANKS) and _BLANK_BEHIND.search(lines) is not None  # a key unseen by that


def build_passthrough(
    header: tuple[str, ...], fields: Sequence[FieldMetadata], *, required: Sequence[str], claims: Mapping[str, _Claim]
) -> JsonPassthrough | None:
    """Make the gate for lines with the keys *header*; None where values may need a hand."""
    if [field.api_name for field in fields] != list(header) or not all(map(_stands, fields)):
        return None
    return JsonPassthrough(
        header,
        types={field.api_name: _type_of(field, required=field.api_name in required) for field in fields},
        texts=[field.api_name for field in fields if is_text(field)],
        claims=claims,
    )


def _stands(field: FieldMetadata) -> bool:
    return is_text(field) or field.data_type == "boolean" or fits_int64(field)


def _type_of(field: FieldMetadata, *, required: bool) -> Any:
    """Give the type of values that stand.  Null clears a field; where one is *required* it is refused, the long way."""
    kind: Any = bool
    if is_text(field):
        kind = Annotated[str, Meta(min_length=1, max_length=field.length)]
    elif fits_int64(field):
        limit = 10 ** digits_at_most(field)
        kind = Annotated[int, Meta(gt=-limit, lt=limit)]
    return kind if required else kind | None
