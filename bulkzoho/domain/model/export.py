"""Settings, plan, partitions, pages and results of an export.  Settings, plan and partitions are kept in the run's journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, compress
from operator import itemgetter
from typing import Any, Final

from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.settings import GIVE_UP_AFTER_S, QuotaSettings, RunWindow
from bulkzoho.domain.model.summary import Summary

__all__ = [
    "CREATED",
    "DELETED",
    "LAST",
    "MODIFIED",
    "MORE",
    "OVERLAP",
    "STANDARD_OUTPUT",
    "ApiPage",
    "BulkJob",
    "Compression",
    "ConvertedLeads",
    "ExportCursor",
    "ExportPage",
    "ExportPlan",
    "ExportRoute",
    "ExportSettings",
    "ExportSummary",
    "OutputFormat",
    "Partition",
    "Position",
    "RecountResult",
    "RequestedIdsReport",
]

STANDARD_OUTPUT: Final = "-"
LAST: Final = "last"  #: ``--since last``: since the previous export
MORE: Final = "more"  #: the next token of a page that is followed by others, where the service returns no token
CREATED: Final = "Created_Time"
MODIFIED: Final = "Modified_Time"
DELETED: Final = "bulkzoho_deleted"  #: the column of deleted records: when the record was deleted
OVERLAP: Final = timedelta(seconds=120)  # of two exports: a change may become visible a little later than its time says


class OutputFormat(StrEnum):
    """How records are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Compression(StrEnum):
    """How the output is compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class ExportRoute(StrEnum):
    """The APIs that read records; ``auto`` takes the cheapest one that returns every field completely."""

    AUTO = "auto"
    LIST = "list"
    COQL = "coql"
    BULK = "bulk"


class ConvertedLeads(StrEnum):
    """Whether leads that became contacts are exported; the values are those of the list API."""

    LEFT_OUT = "false"
    ALONE = "true"
    TOO = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """One export.

    Memory is bounded by ``2 x partitions x field groups`` pages (a page has at most 2,000 records), however large the module is.
    """

    crm_module: str
    output: str = STANDARD_OUTPUT  #: absolute path, or "-"
    format: OutputFormat = OutputFormat.CSV
    compression: Compression = Compression.NONE
    fields: tuple[str, ...] = ()  #: as the user names them; empty: all
    where: str | None = None
    ids: str | None = None  #: absolute path of a file of record ids: only these records
    include_deleted: bool = False  #: also deleted records, as far back as the CRM lists them
    converted: ConvertedLeads = ConvertedLeads.LEFT_OUT
    since: str | None = None  #: only records changed since then: a day or a time in ISO 8601, or "last"
    state: str | None = None  #: the name of the cursor of "last"; None: derived from module, fields and condition
    route: ExportRoute = ExportRoute.AUTO
    null_text: str = ""  #: how an empty value is written in CSV
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    window: RunWindow | None = None
    max_duration_s: float | None = None
    give_up_after_s: float = GIVE_UP_AFTER_S


Position = Mapping[str, Any]  #: where reading of a partition resumes; its keys belong to the pager


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A range of ids, read page by page into its own file; the partitions joined in order are the export."""

    number: int
    above: str = ""  #: ids greater than this one; "": from the first
    up_to: str = ""  #: ids up to this one; "": to the last
    position: Position = field(default_factory=dict)  #: after the last settled page; empty: at the beginning
    records: int = 0  #: settled
    length: int = 0  #: settled bytes of its file
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage:
    """Some records of a partition, in its order, as rows under one header, and where reading resumes."""

    position: Position
    done: bool = False
    names: Sequence[str] = ()  #: the API name of each column
    rows: Sequence[Sequence[Any]] = ()
    as_text: bool = False  #: cells are texts as a bulk read writes them, "" for empty; else JSON values
    resumable: bool = True  #: False: reading cannot resume here, only after the last page that was resumable

    @classmethod
    def from_records(
        cls, records: Sequence[Mapping[str, Any]], *, position: Position, done: bool, resumable: bool = True
    ) -> ExportPage:
        """Build a page of records by name; a value that a record lacks is None."""
        names = tuple(records[0]) if records else ()
        rows: list[Sequence[Any]] = [tuple(record.values()) for record in records]
        if [*map(tuple, records)].count(names) != len(records):  # the records of one call usually have the same names
            names = tuple(dict.fromkeys(chain.from_iterable(records)))
            rows = [[record.get(name) for name in names] for record in records]
        return cls(position=position, done=done, names=names, rows=rows, resumable=resumable)

    def __len__(self) -> int:
        return len(self.rows)

    def columns(self, names: Sequence[str]) -> list[Sequence[Any]]:
        """Return the columns with these names; a column that the page lacks is empty."""
        columns = dict(zip(self.names, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        return [columns.get(name, self._empty_column) for name in names]

    def column(self, name: str) -> Sequence[Any]:
        """Return one column."""
        if name not in self.names:
            return self._empty_column
        return [*map(itemgetter(self.names.index(name)), self.rows)]

    def filter(self, flags: Iterable[object]) -> ExportPage:
        """Return the page with only the rows whose flag is true."""
        return replace(self, rows=[*compress(self.rows, flags)])

    @property
    def _empty_column(self) -> Sequence[Any]:
        return ("" if self.as_text else None,) * len(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """The state of a bulk read job."""

    finished: bool
    error: str = ""  #: why it failed
    count: int = 0
    download_url: str = ""
    next_token: str | None = None  #: of the following job; None: there are no more records


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPage:
    """The records of one API call."""

    records: Sequence[Mapping[str, Any]] = ()
    next_token: str | None = None  #: None: this is the last page


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """What is read and how; decided before the first record is read, and fixed for the whole run."""

    route: str
    reason: str  #: why this route
    fields: tuple[str, ...]  #: API names without ``id``
    bound: str  #: records created up to this moment (the service's clock), ISO 8601
    since: str | None = None  #: records changed since then, ISO 8601 with offset
    expected: int | None = None  #: how many records there are; None: they were not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCursor:
    """Where the next export with ``--since last`` begins."""

    bound: str  #: changes up to this moment were exported; ISO 8601
    overlap: Mapping[str, str]  #: records exported with a time in the overlap: id to time of change or deletion
    module: CrmModule  #: as it was in the last export
    fields: tuple[str, ...]

    @property
    def since(self) -> str:
        """The beginning of the next export."""
        return (datetime.fromisoformat(self.bound) - OVERLAP).isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecountResult:
    """How many records the CRM counts after the export."""

    count: int | None  #: None: the CRM returned no count
    difference: int = 0  #: exported minus counted
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedIdsReport:
    """How many of the requested ids were found."""

    requested: int
    missing: int  #: ids of no record that this user can see
    first_missing: tuple[str, ...]  #: the lowest of these
    file: str  #: path of the file with all missing ids, one a line


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary(Summary):
    """A run summary with the part that only exports have."""

    export: Mapping[str, Any]
