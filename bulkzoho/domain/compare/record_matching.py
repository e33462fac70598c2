"""Match records of a creation window with rows that have no key: by all their fields, identical ones by count.  Pure.

Rows with the same compared values form a *group*.  A record belongs to the group whose values it has.  If it has more values than
any row sent (a default, for example), it belongs to the group with which it shares most values.  As long as a record cannot be
assigned, no row counts as absent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.domain.compare.lookup_plan import KeyLookup
from bulkzoho.domain.compare.record_ownership import CreationWindow, RecordOwnership, created_s, ownership_of
from bulkzoho.domain.compare.values import ComparableForm, comparable_form
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Record

__all__ = ["MatchResult", "RecordMatcher", "WindowScan"]

MAX_CANDIDATES: Final = 10_000  # records kept that no row here is known to have; beyond this no row counts as absent

Values = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """The rows that a window contains."""

    found: Mapping[int, str]  #: rows by index, with the ids of their records
    missing: Sequence[int]  #: rows without a record; absent only if no record is unaccounted
    unaccounted: int  #: records that belong to no row


@dataclass(slots=True)
class IdenticalRows:
    """Rows that have the same values in all compared fields."""

    values: Values
    given: tuple[int, ...]  #: positions of the values that are not empty; an unticked box is empty
    rest: Mapping[str, Any]  #: the fields of the first row that are not compared
    rows: list[int] = field(default_factory=list)
    is_uniform: bool = True  #: whether the rows have the same values in the other fields too


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A record that no row here is known to have, and the groups it may belong to: likeliest first, equally likely together."""

    id: str
    created_s: float
    tiers: tuple[tuple[IdenticalRows, ...], ...]


class RecordMatcher:
    """Takes the records of a window one by one, then matches them with rows.

    Memory: a few words for each record that no row here is known to have.

    Args:
        records: The rows by index; below zero the rows of other batches in doubt, whose records are left to them.
        names: The compared fields.
        crm_module: Their module.
        keys: Key fields without a value in every row: a record with a value there belongs to another row, however similar.
    """

    def __init__(
        self, records: Mapping[int, Record], names: Sequence[str], crm_module: CrmModule, *, keys: Sequence[str] = ()
    ) -> None:
        self._keys = tuple(keys)
        self._names = tuple(names)
        self._forms: list[ComparableForm] = [_form_of(crm_module, name) for name in names]
        self._groups: dict[Values, IdenticalRows] = {}
        self._candidates: list[CandidateRecord] = []
        self._unmatchable = 0
        for index, record in records.items():
            self._add_row(index, record)
        self._anchor = self._choose_anchor()
        self._by_anchor: dict[Hashable, list[IdenticalRows]] = {}
        for group in self._groups.values():
            self._by_anchor.setdefault(self._anchor_value(group.values), []).append(group)

    def add_record(self, record: Mapping[str, Any], created_s: float) -> None:
        """Add a record of this user, created at *created_s* in the service's time, that no row here is known to have."""
        if len(self._candidates) >= MAX_CANDIDATES:
            self.add_unmatchable()
            return
        raw = [record.get(name) for name in self._names]
        at = self._anchor
        has_key = any(record.get(name) not in (None, "") for name in self._keys)
        groups = [] if has_key else self._by_anchor.get(None if at is None else self._forms[at](raw[at]), [])
        tiers = self._tiers(groups, raw) if groups else ()
        self._candidates.append(CandidateRecord(str(record["id"]), created_s, tiers))

    def add_unmatchable(self) -> None:
        """Add a record whose creator is unknown: it matches no row and stays unaccounted."""
        self._unmatchable += 1

    def open_ids(self, known: set[str]) -> list[str]:
        """Return the ids of added records that are not in *known*."""
        return [record.id for record in self._candidates if record.id not in known]

    def youngest_s(self, known: set[str]) -> float | None:
        """Return when the youngest record that is not in *known* was created."""
        return max((record.created_s for record in self._candidates if record.id not in known), default=None)

    def match(self, *, known: set[str], trusted_until_s: float) -> MatchResult:
        """Match by count.

        Args:
            known: Records that rows here are known to have by now.
            trusted_until_s: Records created later may belong to a request that is still running, and match no row.
        """
        open_records = [record for record in self._candidates if record.id not in known]
        old = [record for record in open_records if record.created_s <= trusted_until_s]
        taken, unaccounted = self._assign(old)
        found: dict[int, str] = {}
        missing: list[int] = []
        for group in self._groups.values():
            ids = taken.get(group.values, [])
            mine = [index for index in group.rows if index >= 0]
            if group.is_uniform:
                found.update(zip(mine, ids, strict=False))
                missing += mine[len(ids) :]
                unaccounted += max(0, len(ids) - len(mine))
            elif not ids:
                missing += mine
            elif len(mine) < len(group.rows):
                unaccounted += len(ids)
        too_young = len(open_records) - len(old)
        return MatchResult(found=found, missing=missing, unaccounted=unaccounted + too_young + self._unmatchable)

    def _assign(self, records: Iterable[CandidateRecord]) -> tuple[dict[Values, list[str]], int]:
        """Assign each group at most as many records as it has rows; return them and the number of records left over."""
        taken: dict[Values, list[str]] = {}
        left = list(records)
        undecided = 0
        for tier in range(max((len(record.tiers) for record in left), default=0)):
            later: list[CandidateRecord] = []
            for record in left:
                groups = record.tiers[tier] if tier < len(record.tiers) else ()
                choices = [group for group in groups if len(taken.get(group.values, ())) < len(group.rows)]
                if len(choices) == 1:
                    taken.setdefault(choices[0].values, []).append(record.id)
                elif choices:
                    undecided += 1
                else:
                    later.append(record)
            left = later
        return taken, len(left) + undecided

    def _tiers(self, groups: Iterable[IdenticalRows], raw: Sequence[Any]) -> tuple[tuple[IdenticalRows, ...], ...]:
        values = tuple(form(value) for form, value in zip(self._forms, raw, strict=True))
        exact = self._groups.get(values)
        likely: dict[int, list[IdenticalRows]] = {}
        for group in groups:
            if group is not exact and all(values[at] == group.values[at] for at in group.given):
                likely.setdefault(len(group.given), []).append(group)
        tiers = [tuple(likely[count]) for count in sorted(likely, reverse=True)]
        return ((exact,), *tiers) if exact is not None else tuple(tiers)

    def _add_row(self, index: int, record: Record) -> None:
        values = tuple(form(record.get(name)) for form, name in zip(self._forms, self._names, strict=True))
        given = tuple(at for at, value in enumerate(values) if value is not None and value is not False)
        if not given:
            return  # nothing distinguishes its record: it is neither found nor missing
        rest = {name: value for name, value in record.items() if name not in self._names}
        group = self._groups.setdefault(values, IdenticalRows(values, given, rest))
        group.rows.append(index)
        group.is_uniform = group.is_uniform and group.rest == rest

    def _choose_anchor(self) -> int | None:
        """Return the field, given in every row, with the most distinct values: it rules out most records quickly."""
        groups = list(self._groups.values())
        shared = [at for at in range(len(self._names)) if all(at in group.given for group in groups)]
        return max(shared, key=lambda at: len({group.values[at] for group in groups}), default=None)

    def _anchor_value(self, values: Values) -> Hashable:
        return None if self._anchor is None else values[self._anchor]


class WindowScan:
    """The records of one pass through a window, for rows with a key and without.

    Attributes:
        sees_fresh_records: Whether a record of the window turned up that is known to be accepted.
    """

    def __init__(
        self, matcher: RecordMatcher, key_lookups: Sequence[KeyLookup], window: CreationWindow, user_id: str | None
    ) -> None:
        self.sees_fresh_records = False
        self.key_lookups = key_lookups
        self.window = window
        self._user_id = user_id
        self._matcher = matcher
        self._explained: set[str] = set()  # records that are known to belong to some row

    def add_page(self, page: Iterable[Mapping[str, Any]], *, known: set[str]) -> None:
        """Add some records; *known* are the ids among them that rows here are known to have."""
        for record in page:
            is_known = record["id"] in known
            ownership = ownership_of(record, self.window, user_id=self._user_id, is_known=is_known)
            for lookup in self.key_lookups:
                lookup.add_record(record, ownership)
            created = created_s(record)
            if is_known:
                as_if_unknown = ownership_of(record, self.window, user_id=self._user_id, is_known=False)
                self.sees_fresh_records = self.sees_fresh_records or as_if_unknown is RecordOwnership.OURS
            elif ownership is RecordOwnership.OURS and created is not None:
                self._matcher.add_record(record, created)
            elif ownership is RecordOwnership.UNKNOWN:
                self._matcher.add_unmatchable()

    def mark_accounted(self, ids: Iterable[str]) -> None:
        """Leave out the records of rows of the same batch that have a key."""
        self._explained.update(ids)

    def mark_known(self, known: set[str]) -> None:
        """Leave out the open records that rows here are known to have by now."""
        self._explained |= known
        self.sees_fresh_records = self.sees_fresh_records or bool(known)

    def open_ids(self) -> list[str]:
        """Return the ids of the records that may belong to any row, or to none."""
        return self._matcher.open_ids(self._explained)

    def youngest_s(self) -> float | None:
        """Return when the youngest open record was created."""
        return self._matcher.youngest_s(self._explained)

    def match(self, *, trusted_until_s: float) -> MatchResult:
        """See :meth:`RecordMatcher.match`."""
        return self._matcher.match(known=self._explained, trusted_until_s=trusted_until_s)


def _form_of(crm_module: CrmModule, name: str) -> ComparableForm:
    form = comparable_form(crm_module.by_api_name[name])
    assert form is not None  # only comparable fields come here
    return form
