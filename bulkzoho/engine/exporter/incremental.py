"""What ``--since last`` goes on from: kept per organization under a name, moved on only when the file is complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from bulkzoho.domain.model.export import ConvertedLeads, ExportPage, ExportSettings, Partition
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.settings_json import from_json, to_json
from bulkzoho.domain.policy.export_route import CREATED, MODIFIED
from bulkzoho.errors import RefusedError
from bulkzoho.interfaces import CursorFile, ExportJournal, RunStore

__all__ = ["DELETED", "ExportCursor", "ExportCursorStore", "OverlapJournal", "OverlapWindow"]

OVERLAP: Final = timedelta(seconds=120)  # a change may be seen a little later than its time says
SETTLES_S: Final = 2.0  # seconds after the bound from which nothing can be changed any more under a time up to it
MOST_S: Final = 4.0  # the bound is at most a second ahead, and a ``Date`` hides another; a clock that was set is not waited for
DELETED: Final = "bulkzoho_deleted"  #: the column of tombstones: when the record was deleted
MAX_EDGE: Final = 20_000  # records remembered of the overlap; beyond that they come a second time
_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCursor:
    """The end of the last complete export."""

    bound: str  #: changes up to then were exported; ISO 8601
    edge: Mapping[str, str]  #: what was exported of the overlap for good: when each record was changed or deleted, by id
    module: CrmModule  #: as it was then
    fields: tuple[str, ...]

    @property
    def since(self) -> str:
        """Where the next export begins."""
        return (datetime.fromisoformat(self.bound) - OVERLAP).isoformat()


class ExportCursorStore:
    """One name's state in the home folder."""

    def __init__(self, file: CursorFile, *, name: str, of: str) -> None:
        """Use *file* for the cursor *name*; *of* identifies the export: module, fields and filter."""
        self._file = file
        self._name = name
        self._of = of

    @classmethod
    @contextmanager
    def held(cls, store: RunStore, org: str, told: ExportSettings) -> Iterator[ExportCursorStore]:
        """Give the state while no other process has it.

        Raises:
            RefusedError: Another process has it.
        """
        crm_module = told.crm_module
        leads = [] if told.converted is ConvertedLeads.LEFT_OUT else [told.converted.value]
        text = json.dumps([crm_module, list(told.fields), told.where, *leads])
        key = told.state or f"{crm_module}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        with store.cursor(org, key) as file:
            yield cls(file, name=key, of=text)

    def load(self) -> ExportCursor | None:
        """Give what was kept, or None before the first complete export.

        Raises:
            RefusedError: An export of another module, of other fields or under another condition kept it.
        """
        kept = self._file.read()
        if kept is None:
            return None
        try:
            of = kept["of"]
            module = from_json(CrmModule, kept["module"])
            state = ExportCursor(bound=kept["bound"], edge=kept["edge"], module=module, fields=tuple(kept["fields"]))
        except (ValueError, KeyError, TypeError):
            return None  # written by another version: everything is exported again, and nothing is lost
        if of != self._of:  # going on from there would leave out what that export never had
            raise RefusedError(
                f"the state {self._name} is that of another export: of {module.api_name}, with its own fields and condition.",
                hint="Give this one another --state, or ask for the same module, fields and condition.",
                code="OTHER_STATE",
            )
        return state

    def keep(self, kept: ExportCursor) -> None:
        """Move on.

        Raises:
            OSError: It cannot be written; the next export begins where this one did.
        """
        data: dict[str, Any] = {
            "of": self._of,
            "bound": kept.bound,
            "edge": dict(kept.edge),
            "module": to_json(kept.module),
            "fields": list(kept.fields),
        }
        self._file.write(data)


@dataclass(slots=True)
class OverlapWindow:
    """Knows what the last export had of the overlap, and gathers what the next one will have to know.

    Times have whole seconds, so that a second change within one looks like the first.  Hence nothing is read before the bound has
    settled (:meth:`settles_in_s`), and what was changed after it is not gathered: it comes again with the next export.
    """

    before: Mapping[str, str]
    starts: datetime  #: of the next overlap
    ends: datetime  #: of what is gathered
    gathered: dict[str, str] = field(default_factory=dict)
    unsettled: dict[str, str] = field(default_factory=dict)  #: what of it is not in the run's journal yet

    @classmethod
    def of(cls, bound: str, before: Mapping[str, str], gathered: Mapping[str, str] = _NOTHING) -> OverlapWindow:
        """Begin with an export whose changes are taken up to *bound*; earlier processes have *gathered* that."""
        end = datetime.fromisoformat(bound)
        return cls(before=before, starts=end - OVERLAP, ends=end, gathered=dict(gathered))

    def settles_in_s(self, now: float) -> float:
        """Give the seconds until reading may begin; *now* is the service's time, in seconds since the epoch."""
        return min(max(0.0, self.ends.timestamp() + SETTLES_S - now), MOST_S)

    def is_new(self, record: Mapping[str, Any]) -> bool:
        """Whether *record* (or tombstone) is not what the last export gave already; gathers it for the next."""
        return self._is_new(record["id"], record.get(DELETED) or record.get(MODIFIED) or record.get(CREATED))

    def only_new(self, page: ExportPage) -> ExportPage:
        """Give *page* without what the last export gave already."""
        ids, *times = page.columns(("id", DELETED, MODIFIED, CREATED))
        moments = [deleted or changed or made for deleted, changed, made in zip(*times, strict=True)]
        if not self.before and max(filter(None, map(_moment_of, moments)), default=self.starts) < self.starts:
            return page
        return page.picked([*map(self._is_new, ids, moments)])

    def _is_new(self, record_id: Any, moment: str | None) -> bool:
        moment, record_id, at = moment or "", str(record_id), _moment_of(moment)
        if at is not None and len(self.gathered) < MAX_EDGE and self.starts <= at <= self.ends:
            self.gathered[record_id] = self.unsettled[record_id] = moment
        return self.before.get(record_id) != moment


def _moment_of(text: str | None) -> datetime | None:
    """Give the time that *text* says; None where it says none that can be compared: such a record comes again."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:  # how times stand in the files of bulk reads is UNVERIFIED
        return None
    return None if moment.tzinfo is None else moment


class OverlapJournal:
    """The export's journal, which keeps with each strand's position what the edge gathered: the process may not live to its end.

    That may be of pages which are read again after a kill.  They then come with these times, or with later ones, which the next
    export does not take for these.
    """

    def __init__(self, journal: ExportJournal, edge: OverlapWindow) -> None:
        self._journal = journal
        self._edge = edge

    def settle(self, strand: Partition) -> None:
        """See :meth:`bulkzoho.interfaces.PartitionJournal.settle`."""
        self._journal.settle(strand, self._edge.unsettled)
        self._edge.unsettled.clear()
