"""What a run's journal holds, as values: the facts of the run, its inputs, its shipments, and the changes to them.

A *shipment* is what travels as one unit: rows of one source, its state, attempt, time sent.  A 100-record call is one; a bulk
job will be another.  State moves only along :data:`MOVES`; any other move is an error of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import CallCounts, RunStatus

__all__ = [
    "MOVES",
    "ROWS_NAME",
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


STDIN_NAME: Final = "stdin"  # how letters name standard input
ROWS_NAME: Final = "rows"  # how letters name rows that a program handed over
SPOOL_SUFFIX: Final = ".spool"
NO_CALLS: Final = CallCounts()


class ShipmentState(StrEnum):
    """Where a shipment stands.  A planned one is not journalled: its rows are still in the input."""

    SENT = "sent"  #: its call may have left; without an outcome it is in doubt
    SETTLED = "settled"  #: every row has its outcome
    RELEASED = "released"  #: known not to have been done; its rows are unsent


MOVES: Final[Mapping[ShipmentState | None, frozenset[ShipmentState]]] = {
    None: frozenset({ShipmentState.SENT, ShipmentState.SETTLED}),  # settled at once: refused here, never sent
    ShipmentState.SENT: frozenset({ShipmentState.SENT, ShipmentState.SETTLED, ShipmentState.RELEASED}),  # sent again
    ShipmentState.RELEASED: frozenset({ShipmentState.SENT}),
    ShipmentState.SETTLED: frozenset(),
}


def count_rows(ranges: Ranges) -> int:
    """Give how many rows *ranges* hold."""
    return sum(last - first + 1 for first, last in ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What a run is; settled when it is created, but for the organization, which is known after the first call."""

    run: str
    command: str  #: import, replay or export
    crm_module: str
    operation: Operation | None  #: None: it writes nothing into the CRM
    settings: Mapping[str, Any]  #: as JSON
    started: str  #: UTC, ISO 8601
    org: str = ""
    user: str = ""
    status: RunStatus = RunStatus.RUNNING
    seconds: float = 0.0  #: worked in earlier processes
    calls: CallCounts = NO_CALLS
    crm_before: int | None = None
    turn: int | None = None  #: of the imports of a home, which first asked whether its content was sent before: 1, 2, 3 ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InputInfo:
    """One input of a run."""

    index: int
    path: str  #: absolute; a spool inside the run's folder for standard input
    name: str  #: as letters name it
    size: int = -1  #: bytes; -1 until it was opened
    mtime_ns: int = -1
    read_bytes: int = 0
    digest: str = ""  #: of the raw bytes read so far; of files only where there is no *content*
    content: str = ""  #: digest of the whole content, when it was taken: of a file that is inserted, before it is read
    rows_read: int = 0  #: the highest row number read so far
    complete: bool = False  #: read to its end

    @property
    def spooled(self) -> bool:
        """Whether it is the run's own copy of what can be read only once: no file has both this name and this ending."""
        return self.name in (STDIN_NAME, ROWS_NAME) and self.path.endswith(SPOOL_SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentRecord:
    """One shipment as the journal knows it."""

    id: int
    source: int
    rows: Ranges
    state: ShipmentState
    attempt: int
    sent_at: float | None  #: seconds since the epoch
    skew_s: float | None = None  #: the service's clock minus ours when the call left; None: not known
    since_s: float | None = (
        None  #: when the first of its calls without an answer left, by the service's clock; None: only one did
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentSent:
    """A shipment's call is about to leave (again)."""

    id: int
    source: int
    rows: Ranges
    attempt: int
    at: float
    skew_s: float | None = None
    since_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentReleased:
    """The call did nothing; the rows are unsent again."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentSettled:
    """The shipment's rows have their outcomes.

    After a lookup these may be fewer than were sent: the others went into shipments of their own (still in doubt) or are unsent.
    """

    id: int
    rows: Ranges
    tally: RowCounts  #: of this shipment alone


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsRejected:
    """Rows refused before they were sent: settled without a call."""

    id: int
    source: int
    rows: Ranges
    tally: RowCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class InputProgressed:
    """How far an input was read."""

    facts: InputInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLengthCommitted:
    """A file of the run is valid up to this length."""

    name: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSettled:
    """A replayed letter has its outcome: accepted ones never go again, failed ones only when mended."""

    run: str
    source: str
    row: int
    content: bytes  #: digest of what was sent
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterClaimed:
    """A replay is going to send this letter: no other replay may, while this one lives or has rows in doubt."""

    run: str
    source: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUpdated:
    """The run's status, work and calls as of now."""

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
