"""Match the records of a window with rows that have no key: whole records, identical ones by count.

Rows with the same values are one *kind*.  A record belongs to the kind whose values it has; when it has more than any row sent
(a default, say), to the kind that most of its values speak for.  Whatever stays undecided keeps every row from being absent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.domain.compare.lookup_plan import CreationWindow, KeyLookup, RecordOwnership, created_s, ownership_of
from bulkzoho.domain.compare.values import PlainForm, comparable_form
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Record

__all__ = ["MatchResult", "RecordMatcher", "WindowScan"]

MOST_UNSETTLED: Final = 10_000  # records kept that no row here is known to have; beyond it nothing is shown absent

Form = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchResult:
    """What a window says of the rows."""

    found: Mapping[int, str]  #: rows by index, with the ids of their records
    missing: Sequence[int]  #: rows without a record; absent only if all records are accounted for
    unaccounted: int  #: records that belong to no row


@dataclass(slots=True)
class IdenticalRows:
    """Rows that cannot be told apart by the fields compared."""

    form: Form
    given: tuple[int, ...]  #: positions of its values, unticked boxes left out
    rest: Mapping[str, Any]  #: the fields that are not compared, of the first row
    rows: list[int] = field(default_factory=list)
    alike: bool = True  #: whether the rows are the same in the other fields too


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A record that no row here is known to have, and the kinds it may belong to: the likeliest first, equals together."""

    id: str
    created_s: float
    tiers: tuple[tuple[IdenticalRows, ...], ...]


class RecordMatcher:
    """Take the records of a window one by one, then conclude.

    Memory: a few words for each record that no row here is known to have.

    Args:
        records: The rows, by index; below zero those of others in doubt: what may be theirs is left to them, and unaccounted for.
        names: The fields that are compared.
        crm_module: Their module.
        keys: Key fields that no row has a value in: a record that has one is some other row's, however alike it is.
    """

    def __init__(
        self, records: Mapping[int, Record], names: Sequence[str], crm_module: CrmModule, *, keys: Sequence[str] = ()
    ) -> None:
        self._keys = tuple(keys)
        self._names = tuple(names)
        self._forms: list[PlainForm] = [_form_of(crm_module, name) for name in names]
        self._kinds: dict[Form, IdenticalRows] = {}
        self._sightings: list[CandidateRecord] = []
        self._unplaced = 0
        for index, record in records.items():
            self._add(index, record)
        self._anchor = self._choose_anchor()
        self._by_anchor: dict[Hashable, list[IdenticalRows]] = {}
        for kind in self._kinds.values():
            self._by_anchor.setdefault(self._anchor_of(kind.form), []).append(kind)

    def see(self, held: Mapping[str, Any], created_s: float) -> None:
        """Take a record of this user's, made at *created_s* in the service's time, that no row here is known to have."""
        if len(self._sightings) >= MOST_UNSETTLED:
            self.pass_over()
            return
        values = [held.get(name) for name in self._names]
        at = self._anchor
        keyed = any(held.get(name) not in (None, "") for name in self._keys)
        kinds = [] if keyed else self._by_anchor.get(None if at is None else self._forms[at](values[at]), [])
        tiers = self._tiers(kinds, values) if kinds else ()
        self._sightings.append(CandidateRecord(str(held["id"]), created_s, tiers))

    def pass_over(self) -> None:
        """Take a record of which nobody can say whose it is: it is matched with nothing, and accounted for by nothing."""
        self._unplaced += 1

    def unsettled(self, known: set[str]) -> list[str]:
        """Give the ids seen that are not among *known*."""
        return [one.id for one in self._sightings if one.id not in known]

    def youngest_s(self, known: set[str]) -> float | None:
        """Give when the youngest record that is not among *known* was made."""
        return max((one.created_s for one in self._sightings if one.id not in known), default=None)

    def conclude(self, *, known: set[str], trusted_until_s: float) -> MatchResult:
        """Match by count.

        Args:
            known: Records that rows here are meanwhile known to have.
            trusted_until_s: Records made later may belong to a call that is still in flight; they are matched with nothing.
        """
        open_ = [one for one in self._sightings if one.id not in known]
        old = [one for one in open_ if one.created_s <= trusted_until_s]
        taken, left = self._share_out(old)
        found: dict[int, str] = {}
        missing: list[int] = []
        for kind in self._kinds.values():
            ids = taken.get(kind.form, [])
            mine = [index for index in kind.rows if index >= 0]
            if kind.alike:
                found.update(zip(mine, ids, strict=False))
                missing += mine[len(ids) :]
                left += max(0, len(ids) - len(mine))
            elif not ids:
                missing += mine
            elif len(mine) < len(kind.rows):
                left += len(ids)
        return MatchResult(found=found, missing=missing, unaccounted=left + len(open_) - len(old) + self._unplaced)

    def _share_out(self, sightings: Iterable[CandidateRecord]) -> tuple[dict[Form, list[str]], int]:
        """Give each kind at most as many records as it has rows; and how many records are left over."""
        taken: dict[Form, list[str]] = {}
        left = list(sightings)
        undecided = 0
        for tier in range(max((len(one.tiers) for one in left), default=0)):
            later: list[CandidateRecord] = []
            for one in left:
                choices = [kind for kind in _at(one.tiers, tier) if len(taken.get(kind.form, ())) < len(kind.rows)]
                if len(choices) == 1:
                    taken.setdefault(choices[0].form, []).append(one.id)
                elif choices:
                    undecided += 1
                else:
                    later.append(one)
            left = later
        return taken, len(left) + undecided

    def _tiers(self, kinds: Iterable[IdenticalRows], values: Sequence[Any]) -> tuple[tuple[IdenticalRows, ...], ...]:
        form = tuple(plain(value) for plain, value in zip(self._forms, values, strict=True))
        exact = self._kinds.get(form)
        likely: dict[int, list[IdenticalRows]] = {}
        for kind in kinds:
            if kind is not exact and all(form[at] == kind.form[at] for at in kind.given):
                likely.setdefault(len(kind.given), []).append(kind)
        tiers = [tuple(likely[count]) for count in sorted(likely, reverse=True)]
        return ((exact,), *tiers) if exact is not None else tuple(tiers)

    def _add(self, index: int, record: Record) -> None:
        form = tuple(plain(record.get(name)) for plain, name in zip(self._forms, self._names, strict=True))
        given = tuple(at for at, one in enumerate(form) if one is not None and one is not False)
        if not given:
            return  # nothing to know its record by: neither found nor missing
        rest = {name: value for name, value in record.items() if name not in self._names}
        kind = self._kinds.setdefault(form, IdenticalRows(form, given, rest))
        kind.rows.append(index)
        kind.alike = kind.alike and kind.rest == rest

    def _choose_anchor(self) -> int | None:
        """Give the field, sent in every row, that tells most rows apart: records with another value are passed over quickly."""
        kinds = list(self._kinds.values())
        shared = [at for at in range(len(self._names)) if all(at in kind.given for kind in kinds)]
        return max(shared, key=lambda at: len({kind.form[at] for kind in kinds}), default=None)

    def _anchor_of(self, form: Form) -> Hashable:
        return None if self._anchor is None else form[self._anchor]


class WindowScan:
    """What one pass through a window shows, to rows with a key and without.

    Attributes:
        control: Whether a record of the window turned up that is known to be accepted: the query sees fresh records.
    """

    def __init__(self, matching: RecordMatcher, keyed: Sequence[KeyLookup], window: CreationWindow, user_id: str | None) -> None:
        self.control = False
        self.keyed = keyed
        self.window = window
        self._user_id = user_id
        self._matching = matching
        self._settled: set[str] = set()  # records seen that are no question any more

    def see(self, page: Iterable[Mapping[str, Any]], *, known: set[str]) -> None:
        """Take some records; *known* are the ids among them that rows here are known to have."""
        for held in page:
            is_known = held["id"] in known
            standing = ownership_of(held, self.window, user_id=self._user_id, known=is_known)
            for rows in self.keyed:
                rows.see(held, standing)
            created = created_s(held)
            if is_known:
                fresh = ownership_of(held, self.window, user_id=self._user_id, known=False)
                self.control = self.control or fresh is RecordOwnership.OURS
            elif standing is RecordOwnership.OURS and created is not None:
                self._matching.see(held, created)
            elif standing is RecordOwnership.UNTOLD:
                self._matching.pass_over()

    def account_for(self, ids: Iterable[str]) -> None:
        """Leave out the records of rows of the same call that have a key."""
        self._settled.update(ids)

    def learn(self, known: set[str]) -> None:
        """Take what is known meanwhile of the ids that are not settled."""
        self._settled |= known
        self.control = self.control or bool(known)

    def unsettled(self) -> list[str]:
        """Give the ids of the records that may belong to any row, or to none."""
        return self._matching.unsettled(self._settled)

    def youngest_s(self) -> float | None:
        """Give when the youngest of them was made."""
        return self._matching.youngest_s(self._settled)

    def conclude(self, *, trusted_until_s: float) -> MatchResult:
        """See :meth:`Matching.conclude`."""
        return self._matching.conclude(known=self._settled, trusted_until_s=trusted_until_s)


def _form_of(crm_module: CrmModule, name: str) -> PlainForm:
    form = comparable_form(crm_module.by_api_name[name])
    assert form is not None  # only fields that are compared come here
    return form


def _at(tiers: tuple[tuple[IdenticalRows, ...], ...], tier: int) -> tuple[IdenticalRows, ...]:
    return tiers[tier] if tier < len(tiers) else ()
