"""How the rows of a lost insert are asked for: which way for which row, the COQL texts, and whose a record is.

A row with an import key, or with a unique field, is asked for by that value.  All others are compared with whatever was
created in the *window*: from the moment the call left until it can no longer have been running.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

from bulkzoho.domain.compare.values import UNTOLD, comparable_form
from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS
from bulkzoho.domain.model.edition_limits import COQL_SAFE_IN_VALUES, FIELDS_PER_CALL
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.model.rows import Record

__all__ = [
    "MARGIN_S",
    "CreationWindow",
    "KeyLookup",
    "LookupPlan",
    "RecordOwnership",
    "compared_fields",
    "created_s",
    "creation_window",
    "ownership_of",
    "parse_timestamp_s",
    "plan_lookup",
]

MARGIN_S: Final = 2.0  # Created_Time has whole seconds, and so has the Date header that the service's time is known by

_QUOTED: Final = frozenset({"text", "email", "phone", "website"})
_DIGITS: Final = frozenset({"integer", "bigint", "double", "currency", "percent"})
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch
# How a quote or a backslash is escaped in COQL is UNVERIFIED; a line break in a query is best not tried
_UNASKABLE: Final = re.compile(r"['\\\x00-\x1f\x7f]").search


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationWindow:
    """When the records of the lost call can have been created, in seconds of the service's time, both ends included."""

    start_s: float
    end_s: float


class RecordOwnership(Enum):
    """Whose a record is."""

    OURS = "ours"  #: created by this user in the window, and no row here has it
    EARLIER = "earlier"  #: created by this user, but not in the window
    OTHERS = "others"  #: created by somebody else, or a row here has it already
    UNTOLD = "untold"  #: the answer does not say who created it, or when


def creation_window(sent_at: float, *, skews_s: Iterable[float], call_ends_after_s: float) -> CreationWindow:
    """Give the window of a call that left at *sent_at* (our time).

    *skews_s* are what is known of the service's time minus ours: as of when the call left, and as of now.  They differ when our
    clock was set in between, or just before the call left; the window then spans both.
    """
    lefts_s = [sent_at + skew_s for skew_s in skews_s]
    return CreationWindow(
        start_s=math.floor(min(lefts_s) - MARGIN_S), end_s=math.ceil(max(lefts_s) + call_ends_after_s + MARGIN_S)
    )


def parse_timestamp_s(text: Any) -> float | None:
    """Give a moment as answers write it in seconds since the epoch; None when it is none, or names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def created_s(held: Mapping[str, Any]) -> float | None:
    """Give when a record was created, in seconds since the epoch; None when that cannot be told."""
    return parse_timestamp_s(held.get("Created_Time"))


def ownership_of(held: Mapping[str, Any], window: CreationWindow, *, user_id: str | None, known: bool) -> RecordOwnership:
    """Tell whose a record is; *user_id* None: who this user is is not known, so anybody counts; *known*: a row here has it."""
    if known:
        return RecordOwnership.OTHERS
    created = created_s(held)
    creator = held.get("Created_By")
    creator_id = creator.get("id") if isinstance(creator, dict) else creator
    if created is None or (user_id is not None and not creator_id):
        return RecordOwnership.UNTOLD
    if user_id is not None and str(creator_id) != user_id:
        return RecordOwnership.OTHERS
    return RecordOwnership.OURS if window.start_s <= created <= window.end_s else RecordOwnership.EARLIER


class KeyLookup:
    """Rows that are asked for by the value of one field, and what was seen of those values.

    Attributes:
        field: The field.
        complete: Whether everything that may hold one of the values was seen; until then no row is absent.
    """

    def __init__(self, field: FieldMetadata, *, import_key: bool = False) -> None:
        self.field = field
        self.complete = False
        self._only_ours = field.unique and not import_key
        self._form = comparable_form(field)
        self._rows: dict[Hashable, list[int]] = {}
        self._values: dict[str, None] = {}  # as COQL has them, in order
        self._seen: dict[Hashable, dict[str, RecordOwnership]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def add(self, index: int, value: Any) -> bool:
        """Take the row at *index* with its *value*; False when the value cannot be compared."""
        form = None if self._form is None else self._form(value)
        if form is None or form is UNTOLD:
            return False
        self._rows.setdefault(form, []).append(index)
        for text in _askable(self.field, value) or ():
            self._values[text] = None
        return True

    def values(self) -> Iterable[Sequence[str]]:
        """Give the values as COQL has them, as many at a time as one query takes."""
        values = list(self._values)
        return (values[at : at + COQL_SAFE_IN_VALUES] for at in range(0, len(values), COQL_SAFE_IN_VALUES))

    def see(self, held: Mapping[str, Any], standing: RecordOwnership) -> None:
        """Take a record, of the values asked for or not; seeing one again changes nothing."""
        form = None if self._form is None else self._form(held.get(self.field.api_name))
        if form in self._rows:
            self._seen.setdefault(form, {})[str(held["id"])] = standing

    def holders(self) -> dict[int, list[str]]:
        """Give the ids of all records that have a row's value, by its index; none for rows whose value nobody has."""
        return {index: [*self._seen[form]] for form, rows in self._rows.items() if form in self._seen for index in rows}

    def found(self) -> dict[int, str]:
        """Give the rows that the CRM holds, by index, with their ids: as many of a value as there are records of it."""
        pairs: dict[int, str] = {}
        for form, rows in self._rows.items():
            seen = self._seen.get(form, {})
            ids = [record_id for record_id, standing in seen.items() if standing in self._counts_as_found]
            pairs.update(zip(rows, ids, strict=False))
        return pairs

    def absent(self) -> list[int]:
        """Give the rows that were not inserted, or that the CRM itself will refuse when they come again."""
        if not self.complete:
            return []
        found = self.found()
        return [
            index
            for form, rows in self._rows.items()
            for index in rows
            if index not in found and not self._blocked(self._seen.get(form, {}))
        ]

    @property
    def _counts_as_found(self) -> tuple[RecordOwnership, ...]:
        # an import key names run and row: whoever carries it is that row, whatever the clocks say
        return (RecordOwnership.OURS,) if self._only_ours else (RecordOwnership.OURS, RecordOwnership.EARLIER)

    def _blocked(self, seen: Mapping[str, RecordOwnership]) -> bool:
        if self._only_ours:  # a second one is DUPLICATE_DATA, said by the CRM itself
            return RecordOwnership.UNTOLD in seen.values()
        return bool(seen)


@dataclass(slots=True)
class LookupPlan:
    """Which way each row of a batch is asked for."""

    by_key: list[KeyLookup] = field(default_factory=list)
    by_key_in_window: list[KeyLookup] = field(default_factory=list)  #: the value cannot stand in a query
    whole: list[int] = field(default_factory=list)  #: rows without any key


def plan_lookup(
    records: Sequence[Record], crm_module: CrmModule, *, unique_fields: Sequence[str], import_key: str | None
) -> LookupPlan:
    """Choose for each record: the import key, else a field that the metadata mark unique, else the whole record."""
    keys = [one for name in unique_fields if (one := crm_module.by_api_name.get(name)) is not None and one.unique]
    if import_key is not None and import_key in crm_module.by_api_name:  # first: no record of anybody else can have it
        keys = [crm_module.by_api_name[import_key], *(one for one in keys if one.api_name != import_key)]
    asked, in_window = ({one.api_name: KeyLookup(one, import_key=one.api_name == import_key) for one in keys} for _ in range(2))
    whole: list[int] = []
    for index, record in enumerate(records):
        for one in keys:
            value = record.get(one.api_name)
            ways = in_window if _askable(one, value) is None else asked
            if ways[one.api_name].add(index, value):
                break
        else:
            whole.append(index)
    return LookupPlan(
        by_key=[rows for rows in asked.values() if rows],
        by_key_in_window=[rows for rows in in_window.values() if rows],
        whole=whole,
    )


def compared_fields(records: Iterable[Record], crm_module: CrmModule, *, others: int) -> list[str]:
    """Give the fields that whole records are compared by, those that tell most records apart first.

    Left out are fields that are not compared, or hold a value that cannot be; *others* are selected beside them.
    """
    forms: dict[str, set[Hashable]] = {}
    untold: set[str] = set()
    for record in records:
        for name, value in record.items():
            one = crm_module.by_api_name.get(name)
            form = None if one is None or name in OWNERSHIP_FIELDS else comparable_form(one)
            shape = UNTOLD if form is None else form(value)
            if shape is UNTOLD:
                untold.add(name)
            else:
                forms.setdefault(name, set()).add(shape)
    names = [name for name, shapes in forms.items() if name not in untold and shapes != {None}]
    names.sort(key=lambda name: -len(forms[name]))
    return names[: FIELDS_PER_CALL - len(OWNERSHIP_FIELDS) - others]


def _askable(field: FieldMetadata, value: Any) -> Sequence[str] | None:
    """Give *value* as COQL may have it, in every form the service may keep it in; None when it cannot stand in a query."""
    if value is None:
        return ()
    raw = str(value)
    text = raw.strip()
    if field.data_type in _DIGITS:
        return (text,) if _NUMBER(text) else None
    if field.data_type not in _QUOTED or _UNASKABLE(text):
        return None
    if _UNASKABLE(raw):
        raw = text
    # Nobody says whether IN minds case, as unique fields do not, whether blanks at the ends are kept, nor & and < as entities
    forms = (text, text.lower(), raw, raw.lower()) if field.unique else (text, raw)
    return tuple(f"'{one}'" for one in dict.fromkeys((*forms, *(html.escape(one, quote=False) for one in forms))))
