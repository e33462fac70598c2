"""Check that a block of JSON lines can be sent unchanged, with one look at the whole block.

A block passes if every line is one object with exactly the planned columns, and every value has the type and length of its
field and is not blank.  Any other block is read and converted value by value.
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
from bulkzoho.domain.transform.exact_json import may_repeat_keys
from bulkzoho.domain.transform.key_values import ClaimColumn
from bulkzoho.domain.transform.numbers import fits_int64, max_digits

__all__ = ["JsonPassthrough", "build_passthrough"]

_BEGINS_BLANK: Final = re.compile(  # a value that may be blank: it begins with a character of str.strip(), or an escape
    rb':\s*"(?:[\s\\]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)'
)
# Every match of the pattern contains one of these, and they are found faster
_MAY_BEGIN_BLANK: Final = (b"\\", b"\xc2", b"\xe1", b"\xe2", b"\xe3", b'" ')

_FIRST, _LAST = itemgetter(0), itemgetter(-1)
_OPENS, _CLOSES = b"{}"
_Claim = Callable[[Sequence[Any]], ClaimColumn]


class JsonPassthrough:
    """The check of a block of lines.

    Attributes:
        header: The columns that every line must have.

    Args:
        header: API names of fields.
        types: The msgspec type of each field's values, by API name.
        texts: API names of the fields that hold text.
        claims: Functions that normalize the values of key fields, by API name.
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
        """Return the JSON and the keys of *lines* if they can be sent unchanged, else None."""
        count = len(lines)
        # one object per line: each begins and ends at the ends of its line, and there are as many objects as lines
        if {*map(_FIRST, lines)} != {_OPENS} or {*map(_LAST, lines)} != {_CLOSES}:
            return None
        joined = b"\n".join(lines)
        if b"\\u0000" in joined or may_repeat_keys(joined, count * len(self.header)):
            return None
        try:
            records = self._decode(joined)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if len(records) != count or (_may_be_blank(joined) and not all(map(self._has_no_blank, records))):
            return None
        keys = {name: claim([value(record) for record in records]) for name, (value, claim) in self._claims.items()}
        return PassthroughBlock(json=b"[" + b",".join(lines) + b"]", keys=keys)

    def _has_no_blank(self, record: Any) -> bool:
        return all(text is None or text.strip() for text in (value(record) for value in self._texts))


def _may_be_blank(lines: bytes) -> bool:
    """Return whether a value of *lines* may be blank; raw control characters are not JSON."""
    # rfind: CPython's search for two bytes is twice as fast from the end
    return any(lines.rfind(mark) >= 0 for mark in _MAY_BEGIN_BLANK) and _BEGINS_BLANK.search(lines) is not None


def build_passthrough(
    header: tuple[str, ...], fields: Sequence[FieldMetadata], *, required: Sequence[str], claims: Mapping[str, _Claim]
) -> JsonPassthrough | None:
    """Return the check for lines with the keys *header*; None if values of *fields* may need conversion."""
    if [field.api_name for field in fields] != list(header) or not all(map(_is_sent_unchanged, fields)):
        return None
    return JsonPassthrough(
        header,
        types={field.api_name: _type_of(field, required=field.api_name in required) for field in fields},
        texts=[field.api_name for field in fields if is_text(field)],
        claims=claims,
    )


def _is_sent_unchanged(field: FieldMetadata) -> bool:
    return is_text(field) or field.data_type == "boolean" or fits_int64(field)


def _type_of(field: FieldMetadata, *, required: bool) -> Any:
    """Return the type of values that need no conversion.  Null clears a field, and is rejected if the field is *required*."""
    kind: Any = bool
    if is_text(field):
        kind = Annotated[str, Meta(min_length=1, max_length=field.length)]
    elif fits_int64(field):
        limit = 10 ** max_digits(field)
        kind = Annotated[int, Meta(gt=-limit, lt=limit)]
    return kind if required else kind | None
