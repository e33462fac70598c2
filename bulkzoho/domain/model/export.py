"""What an export was told to do, how it goes about it, and what it ends with.  JSON-able, kept in the run's journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import chain, compress
from operator import itemgetter
from typing import Any

from bulkzoho.domain.model.settings import GIVE_UP_AFTER_S, QuotaSettings, RunWindow
from bulkzoho.domain.model.summary import Summary

__all__ = [
    "LAST",
    "MORE",
    "STANDARD_OUTPUT",
    "ApiPage",
    "BulkJob",
    "Compression",
    "ConvertedLeads",
    "ExportPage",
    "ExportPlan",
    "ExportRoute",
    "ExportSettings",
    "ExportSummary",
    "OutputFormat",
    "Partition",
    "Position",
]

STANDARD_OUTPUT = "-"
LAST = "last"  #: ``--since last``: since the export before
MORE = "more"  #: the next token of a page that is followed by others, where the service hands out no token


class OutputFormat(StrEnum):
    """How records are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Compression(StrEnum):
    """How the file is packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class ExportRoute(StrEnum):
    """The ways out of the CRM; ``auto`` takes the cheapest that gives every field whole."""

    AUTO = "auto"
    LIST = "list"
    COQL = "coql"
    BULK = "bulk"


class ConvertedLeads(StrEnum):
    """Whether leads that became contacts are exported; the words are those of the CRM's list."""

    LEFT_OUT = "false"
    ALONE = "true"
    TOO = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSettings:
    """One export.

    Memory is bounded by ``2 x strands x field groups`` pages (a page has at most 2,000 records), whatever the module's size.
    """

    crm_module: str
    output: str = STANDARD_OUTPUT  #: absolute path, or "-"
    format: OutputFormat = OutputFormat.CSV
    compression: Compression = Compression.NONE
    fields: tuple[str, ...] = ()  #: as the user names them; empty: all
    where: str | None = None
    ids: str | None = None  #: absolute path of a file of record ids: only these
    include_deleted: bool = False  #: what was deleted too, as far back as the CRM remembers
    converted: ConvertedLeads = ConvertedLeads.LEFT_OUT
    since: str | None = None  #: changed since then: a day or a time in ISO 8601, or "last"
    state: str | None = None  #: the name under which "last" is remembered; None: by module, fields and condition
    route: ExportRoute = ExportRoute.AUTO
    null_text: str = ""  #: what an empty value becomes in CSV
    quota: QuotaSettings = field(default_factory=QuotaSettings)
    window: RunWindow | None = None
    max_duration_s: float | None = None
    give_up_after_s: float = GIVE_UP_AFTER_S


Position = Mapping[str, Any]  #: where a strand goes on; its keys are the route's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A stretch of ids that is read page after page into a file of its own; strands joined in order are the export."""

    number: int
    above: str = ""  #: ids greater than this one; "": from the first
    up_to: str = ""  #: ids up to this one; "": to the last
    position: Position = field(default_factory=dict)  #: after the last settled page; empty: at the beginning
    records: int = 0  #: settled
    length: int = 0  #: bytes of its file that count
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPage:
    """Some records of a strand, in its order, as rows under one header, and where the strand goes on."""

    position: Position
    done: bool = False
    names: Sequence[str] = ()  #: the API name of each column
    rows: Sequence[Sequence[Any]] = ()
    texts: bool = False  #: cells are texts as a bulk read writes them, "" where nothing is; else JSON values
    whole: bool = True  #: False: the strand cannot go on from here, only from the last page that was whole

    @classmethod
    def of(cls, records: Sequence[Mapping[str, Any]], *, position: Position, done: bool, whole: bool = True) -> ExportPage:
        """Give a page of records whose values have names; what a record lacks is None."""
        names = tuple(records[0]) if records else ()
        rows: list[Sequence[Any]] = [tuple(one.values()) for one in records]
        if [*map(tuple, records)].count(names) != len(records):  # one call gives the same names in every record, mostly
            names = tuple(dict.fromkeys(chain.from_iterable(records)))
            rows = [[one.get(name) for name in names] for one in records]
        return cls(position=position, done=done, names=names, rows=rows, whole=whole)

    def __len__(self) -> int:
        return len(self.rows)

    def columns(self, names: Sequence[str]) -> list[Sequence[Any]]:
        """Give the columns of these names; one that the page has not is empty."""
        columns = dict(zip(self.names, zip(*self.rows, strict=True), strict=True)) if self.rows else {}
        empty = ("" if self.texts else None,) * len(self.rows)
        return [columns.get(name, empty) for name in names]

    def column(self, name: str) -> Sequence[Any]:
        """Give one column."""
        if name not in self.names:
            return ("" if self.texts else None,) * len(self.rows)
        return [*map(itemgetter(self.names.index(name)), self.rows)]

    def picked(self, flags: Iterable[object]) -> ExportPage:
        """Give the page of those rows whose flag is true."""
        return replace(self, rows=[*compress(self.rows, flags)])


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkJob:
    """A bulk read job as it stands."""

    finished: bool
    error: str = ""  #: why it failed
    count: int = 0
    download_url: str = ""
    next_token: str | None = None  #: of the job that goes on; None: there are no more records


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPage:
    """One page of the CRM's list."""

    records: Sequence[Mapping[str, Any]] = ()
    next_token: str | None = None  #: None: there are no more


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """What was decided before the first record was read; fixed for the whole run."""

    route: str
    reason: str  #: why this route
    fields: tuple[str, ...]  #: API names, ``id`` not among them
    bound: str  #: records made up to this moment (the service's clock), ISO 8601
    since: str | None = None  #: changed since then, ISO 8601 with offset
    expected: int | None = None  #: records that fitted when it was counted
    notes: tuple[str, ...] = ()  #: what the user was told


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary(Summary):
    """A summary with what only an export has."""

    export: Mapping[str, Any]
