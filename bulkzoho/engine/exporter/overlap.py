"""Export each record once although consecutive exports with ``--since last`` overlap in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bulkzoho.domain.model.export import CREATED, DELETED, MODIFIED, OVERLAP, ExportPage

__all__ = ["OverlapWindow"]

STABLE_AFTER_S: Final = 2.0  # seconds after the bound; from then on no change can get a time up to the bound
# The bound is at most a second ahead, and a ``Date`` header hides another second; a clock that was set is not waited for
MAX_WAIT_S: Final = 4.0
MAX_RECORDS: Final = 20_000  # records remembered of the overlap; the next export repeats the others
_NONE: Final[Mapping[str, str]] = {}


@dataclass(slots=True)
class OverlapWindow:
    """Records with a time in the overlap: those of the previous export, and those that the next export must not repeat.

    Times have whole seconds, so a second change within the same second looks like the first.  Therefore nothing is read before
    the bound is stable (:meth:`stable_in_s`), and records changed after the bound are not remembered: the next export repeats
    them.

    A remembered page may be read again after a crash.  Its records then have the remembered times, or later ones, which the next
    export does not mistake for the remembered ones.
    """

    previous: Mapping[str, str]  #: exported before: id to time
    starts: datetime  #: of the next overlap
    ends: datetime
    remembered: dict[str, str] = field(default_factory=dict)  #: for the next export: id to time
    unsettled: dict[str, str] = field(default_factory=dict)  #: the part of it that is not in the run's journal yet

    @classmethod
    def at(cls, bound: str, *, previous: Mapping[str, str], remembered: Mapping[str, str] = _NONE) -> OverlapWindow:
        """Build the window of an export up to *bound*; earlier processes of the run have *remembered* records already."""
        end = datetime.fromisoformat(bound)
        return cls(previous=previous, starts=end - OVERLAP, ends=end, remembered=dict(remembered))

    def stable_in_s(self, now: float) -> float:
        """Return the seconds until reading may begin; *now* is the service's time, in seconds since the epoch."""
        return min(max(0.0, self.ends.timestamp() + STABLE_AFTER_S - now), MAX_WAIT_S)

    def is_new(self, record: Mapping[str, Any]) -> bool:
        """Return whether the previous export did not contain *record* (or deletion) as it is; remember it."""
        return self._is_new(record["id"], record.get(DELETED) or record.get(MODIFIED) or record.get(CREATED))

    def only_new(self, page: ExportPage) -> ExportPage:
        """Return *page* without the records that the previous export contained as they are; remember its records."""
        ids, *times = page.columns(("id", DELETED, MODIFIED, CREATED))
        moments = [deleted or changed or created for deleted, changed, created in zip(*times, strict=True)]
        if not self.previous and max(filter(None, map(_parse, moments)), default=self.starts) < self.starts:
            return page
        return page.filter([*map(self._is_new, ids, moments)])

    def _is_new(self, record_id: Any, moment: str | None) -> bool:
        moment, record_id, at = moment or "", str(record_id), _parse(moment)
        if at is not None and len(self.remembered) < MAX_RECORDS and self.starts <= at <= self.ends:
            self.remembered[record_id] = self.unsettled[record_id] = moment
        return self.previous.get(record_id) != moment


def _parse(text: str | None) -> datetime | None:
    """Return the time in *text*; None for a time that cannot be compared: the next export repeats such a record."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:  # how bulk reads write times is UNVERIFIED
        return None
    return None if moment.tzinfo is None else moment
