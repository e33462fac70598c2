"""The seams between the engine and the edges: what each may ask of the other, and what it raises.

One contract suite a port runs on each implementation (``tests/contract``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from bulkzoho.domain.model.dead_letter import DeadLetter
from bulkzoho.domain.model.export import ExportPage
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.metadata import ModuleInfo
from bulkzoho.domain.model.progress import ProgressSnapshot, QuotaStatus
from bulkzoho.domain.model.responses import Reply
from bulkzoho.domain.model.rows import Batch, Cell, PassthroughBlock, RowBlock
from bulkzoho.interfaces.store import CursorFile, ExportJournal, RunJournal, RunLock, RunStore, ShipmentJournal

__all__ = [
    "BulkReadApi",
    "CursorFile",
    "DeadLetterWriter",
    "ExportContext",
    "ExportJournal",
    "ImportRoute",
    "InputFingerprint",
    "LimiterClosedError",
    "MetadataApi",
    "PassthroughCheck",
    "Progress",
    "QueryApi",
    "RateLimiter",
    "RecordReadApi",
    "RecordWriter",
    "ResultWriter",
    "RunJournal",
    "RunLock",
    "RunStore",
    "ShipmentJournal",
    "Source",
    "TrackedFile",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFingerprint:
    """How to recognise an input: file facts, and a digest of the bytes read so far."""

    size: int  #: bytes of the file (of the spool, for standard input)
    mtime_ns: int
    read_bytes: int  #: raw bytes read so far, from the beginning
    digest: str  #: hex digest of those bytes; "" if there is none


class PassthroughCheck(Protocol):
    """Decides which blocks of JSON lines can be sent without conversion."""

    @property
    def header(self) -> tuple[str, ...]:
        """The columns that the lines must have."""

    def __call__(self, lines: Sequence[bytes]) -> PassthroughBlock | None:
        """Return the block made of *lines*, or None if they need conversion."""


class Source(Protocol):
    """One input, read once from its beginning.  Owned by the engine's reader task."""

    @property
    def name(self) -> str:
        """The name in rejected rows and results: the file's own name, or ``stdin``."""

    @property
    def blocking(self) -> bool:
        """Whether :meth:`read` may wait for data (standard input): it is then called in a thread."""

    @property
    def expanding(self) -> bool:
        """Whether later rows may bring new columns; known from the first :meth:`read` on."""

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next rows (at most the block size it was built with), or None at the end.

        Whole blocks of JSON lines that *passthrough* accepts are not parsed.

        Raises:
            RefusedError: Before the first block only: no such file, no header, unknown encoding, duplicate headers.
            RunFailedError: The input is damaged from here on (truncated gzip); the rows before were returned.
        """

    def fingerprint(self) -> InputFingerprint:
        """Return facts and digest of what was read so far."""

    def close(self) -> None:
        """Release the file; wakes a :meth:`read` that waits in a thread, which then returns None."""


class TrackedFile(Protocol):
    """A file of a run whose valid length is known to the journal: append, sync, and only then commit the length."""

    @property
    def length(self) -> int:
        """Bytes that were appended and written to the system."""

    def append(self, data: bytes) -> None:
        """Write *data* at the end.

        Raises:
            OSError: The disk is full, or the like; nothing of *data* counts.
        """

    def sync(self) -> None:
        """Make the appended data durable (fdatasync)."""

    def cut(self, length: int) -> None:
        """Truncate to *length* bytes (a crash may leave lines without an outcome)."""

    def close(self) -> None:
        """Close it."""


class DeadLetterWriter(Protocol):
    """Encodes rejected rows, in one format."""

    def head(self, header: Sequence[str]) -> bytes:
        """Return the lines above the first row (a CSV header; nothing for JSON Lines)."""

    def encode(self, letters: Sequence[DeadLetter]) -> bytes:
        """Return whole lines."""


class ResultWriter(Protocol):
    """Encodes accepted rows, in one format."""

    def head(self, header: Sequence[str]) -> bytes:
        """Return the lines above the first row."""

    def encode(
        self,
        *,
        rows: Sequence[int],
        sources: Sequence[str] | str,
        ids: Sequence[str],
        actions: Sequence[str] | str,
        cells: Sequence[Sequence[Cell]],
    ) -> bytes:
        """Return one line per accepted row; the sequences run in parallel, a single value applies to all rows."""


class LimiterClosedError(Exception):
    """The limiter was closed while a caller waited for a permit; nothing was sent."""


class RateLimiter(Protocol):
    """Rate limiter: one permit covers calls per minute and day, credits, calls in flight and heavy calls."""

    def permit(self, cost: CallCost) -> AbstractAsyncContextManager[None]:
        """Wait until one call of this *cost* may leave; the permit is held until its response.

        Leaving the context completes the call.  Safe to cancel while waiting.

        Raises:
            QuotaUsedUpError: The day is used up, and the run is configured to stop.
            LimiterClosedError: :meth:`close` was called before the permit was granted.
        """

    def report_rate_limit(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        """Report a 429: all callers slow down at once."""

    def report_success(self, *, credits_remaining: int | None) -> None:
        """Report a successful call, and the service's figure of the remaining credits."""

    def close(self) -> None:
        """Grant no more permits: waiting callers get LimiterClosedError, calls in flight continue."""

    def status(self) -> QuotaStatus:
        """Return the current usage."""


class ImportRoute(Protocol):
    """One way to send a batch."""

    @property
    def name(self) -> str:
        """The route's name in the summary: records, bulk."""

    def price(self, batch: Batch) -> CallCost:
        """Return the cost of sending *batch*."""

    async def send(self, batch: Batch) -> Reply:
        """Make one call.  A failure of the service or the network is a reply, never an exception."""


class MetadataApi(Protocol):
    """Metadata of the CRM and counts.  Each method is one call and returns typed values as its payload."""

    async def organization(self) -> Reply:
        """``/org``; payload: :class:`Organization`."""

    async def current_user(self) -> Reply:
        """``/users?type=CurrentUser``; payload: :class:`User`."""

    async def modules(self) -> Reply:
        """``/settings/modules``; payload: tuple of :class:`ModuleInfo`."""

    async def module(self, name: ModuleInfo) -> Reply:
        """``/settings/fields?module=``; payload: :class:`CrmModule`."""

    async def count(self, crm_module: str) -> Reply:
        """``/{module}/actions/count``; payload: int."""

    async def renew_token(self, serial: int) -> Reply:
        """Renew the token unless it was renewed since *serial*; payload: None.

        Only one renewal runs at a time; the other callers wait for it.

        Raises:
            AccessError: The refresh token or the client was rejected.
        """


class Progress(Protocol):
    """A display of a run's progress."""

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Show the present state.  Called a few times a second; must not wait."""

    def tell(self, line: str) -> None:
        """Show one line: a warning, or a fact about the run."""


class QueryApi(Protocol):
    """COQL."""

    async def query(self, coql: str) -> Reply:
        """Send one query; payload: :class:`~bulkzoho.domain.model.export.ApiPage`, its token says whether there are more rows."""


class RecordReadApi(QueryApi, Protocol):
    """Reads of many records of one module.

    Each method is one call; its payload is a :class:`~bulkzoho.domain.model.export.ApiPage`.
    """

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> Reply:
        """Read one page of the list, highest ids first."""

    async def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> Reply:
        """Read the records with these ids, at most 50."""

    async def deleted(self, *, since: str | None, page: int) -> Reply:
        """Read one page (from 1) of the records deleted since *since* (ISO 8601; None: ever), newest first."""


class BulkReadApi(Protocol):
    """Bulk read jobs.  Each method is one call."""

    async def create(self, query: Mapping[str, Any]) -> Reply:
        """Create a job; payload: its id."""

    async def status(self, job: str) -> Reply:
        """Check a job; payload: :class:`~bulkzoho.domain.model.export.BulkJob`."""

    async def download(self, url: str, file: BinaryIO) -> Reply:
        """Download the zip of a finished job into *file*."""


class ExportContext(Protocol):
    """What the plan of an export needs to know about the organization."""

    @property
    def time_zone(self) -> str:
        """The organization's time zone."""

    def service_time_s(self) -> float:
        """Return the service's time, in seconds since the epoch."""

    async def count(self, crm_module: str) -> int | None:
        """Return the number of records in *crm_module*; None when it cannot be counted now."""


class RecordWriter(Protocol):
    """An encoder of records in one format; the encoded pages of one partition are the body of one file."""

    def head(self) -> bytes:
        """Return the bytes before the first record."""

    def encode(self, page: ExportPage) -> bytes:
        """Return whole lines."""
