"""The values that a run's journal holds: the run, its inputs, its shipments, and the changes to them.

A *shipment* is a batch of rows of one input that is sent as one unit: a call of up to 100 records, later also a bulk job.
Its state moves only along :data:`MOVES`; any other move is a defect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.run_settings import ExportRunSettings, RunSettings

__all__ = [
    "MOVES",
    "ROWS_NAME",
    "ROW_RULES",
    "SPOOL_SUFFIX",
    "STDIN_NAME",
    "Change",
    "FileLengthCommitted",
    "InputInfo",
    "InputProgressed",
    "LetterClaimed",
    "LetterSettled",
    "Ranges",
    "RowsRejected",
    "RunInfo",
    "RunUpdated",
    "ShipmentRecord",
    "ShipmentReleased",
    "ShipmentSent",
    "ShipmentSettled",
    "ShipmentState",
    "count_rows",
]

Ranges = Sequence[tuple[int, int]]  #: inclusive ranges of row numbers, ascending


ROW_RULES: Final = 2  # 1 (version 0.1): a stray quote joined lines; 2: its line is a rejected row
STDIN_NAME: Final = "stdin"  # the source name of rows from standard input
ROWS_NAME: Final = "rows"  # the source name of rows from a Python program
SPOOL_SUFFIX: Final = ".spool"
NO_CALLS: Final = CallCounts()


class ShipmentState(StrEnum):
    """The states of a shipment.  A planned one is not in the journal: its rows are still in the input."""

    SENT = "sent"  #: its call may have left; without an outcome it is in doubt
    SETTLED = "settled"  #: every row has its outcome
    RELEASED = "released"  #: the call had no effect; its rows are unsent


MOVES: Final[Mapping[ShipmentState | None, frozenset[ShipmentState]]] = {
    None: frozenset({ShipmentState.SENT, ShipmentState.SETTLED}),  # settled at once: rejected locally, never sent
    ShipmentState.SENT: frozenset({ShipmentState.SENT, ShipmentState.SETTLED, ShipmentState.RELEASED}),  # sent again
    ShipmentState.RELEASED: frozenset({ShipmentState.SENT}),
    ShipmentState.SETTLED: frozenset(),
}


def count_rows(ranges: Ranges) -> int:
    """Return the number of rows in *ranges*."""
    return sum(last - first + 1 for first, last in ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """A run.  Fixed when it is created, except for the account, which is bound after the first calls."""

    run: str
    crm_module: str
    settings: RunSettings
    started: str  #: UTC, ISO 8601
    org: str = ""
    user: str = ""
    status: RunStatus = RunStatus.RUNNING
    seconds: float = 0.0  #: worked in earlier processes
    calls: CallCounts = NO_CALLS
    crm_before: int | None = None  #: records in the module before the run
    row_rules: int = ROW_RULES  #: how its inputs are cut into numbered rows; a run must be read by the rules it was started with
    turn: int | None = None  #: place of the run in the order in which imports checked for duplicate content: 1, 2, 3 ...

    @property
    def command(self) -> str:
        """The command that started it: import, replay or export."""
        return self.settings.command

    @property
    def operation(self) -> Operation | None:
        """What it does to the CRM's records; None: it only reads them."""
        return None if isinstance(self.settings, ExportRunSettings) else self.settings.imports.operation


@dataclass(frozen=True, slots=True, kw_only=True)
class InputInfo:
    """One input of a run."""

    index: int
    path: str  #: absolute; for standard input, its copy in the run's folder
    name: str  #: its name in dead-letter and results files
    size: int = -1  #: bytes; -1: not known
    mtime_ns: int = -1
    read_bytes: int = 0
    digest: str = ""  #: of the raw bytes read so far; empty for files with a *content*
    content: str = ""  #: digest of the whole content, if known: of a file that is inserted, before the first row is sent
    rows_read: int = 0  #: the highest row number read so far
    complete: bool = False  #: read to its end

    @property
    def spooled(self) -> bool:
        """Whether it is the run's own copy of an input that can be read only once (no file has such a name and suffix)."""
        return self.name in (STDIN_NAME, ROWS_NAME) and self.path.endswith(SPOOL_SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentRecord:
    """One shipment in the journal."""

    id: int
    source: int
    rows: Ranges
    state: ShipmentState
    attempt: int
    sent_at: float | None  #: seconds since the epoch
    skew_s: float | None = None  #: the service's clock minus ours when the call left; None: not known
    since_s: float | None = None  #: when the first of its calls without a response left (service's clock); None: only one did
    leaves_by: float | None = None  #: the request left no later than this; None: a journal of version 4 or older


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentSent:
    """A shipment is about to be sent, or sent again."""

    id: int
    source: int
    rows: Ranges
    attempt: int
    at: float
    skew_s: float | None = None
    since_s: float | None = None
    leaves_by: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentReleased:
    """The call had no effect; the rows are unsent again."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentSettled:
    """The shipment's rows have their outcomes.

    After a lookup these may be fewer than were sent: the others are in new shipments (still in doubt) or unsent.
    """

    id: int
    rows: Ranges
    tally: RowCounts  #: of this shipment alone


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRejected:
    """Rows settled without a call: rejected before sending, or already settled."""

    id: int
    source: int
    rows: Ranges
    tally: RowCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class InputProgressed:
    """An input was read further."""

    facts: InputInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLengthCommitted:
    """A file of the run is valid up to *length*."""

    name: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSettled:
    """A replayed row has its outcome.  An accepted row is never sent again, a rejected one only when it was changed."""

    run: str
    source: str
    row: int
    content: bytes  #: digest of what was sent
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterClaimed:
    """A replay is going to send this row.  No other replay may, while this one is running or has rows in doubt."""

    run: str
    source: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdated:
    """The status of the run, the seconds worked and the calls made."""

    status: RunStatus
    seconds: float
    calls: CallCounts


Change = (
    ShipmentSent
    | ShipmentReleased
    | ShipmentSettled
    | RowsRejected
    | InputProgressed
    | FileLengthCommitted
    | LetterClaimed
    | LetterSettled
    | RunUpdated
)
