"""What became of rows: results of a call, refusals, and the tally that must add up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkzoho.domain.model.rows import Action, Stage

__all__ = ["AcceptedRecord", "Rejection", "RowCounts", "WriteResults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why one row was refused; becomes its dead letter."""

    code: str  #: the CRM's code, or the one it would give
    message: str
    stage: Stage
    field: str | None = None  #: API name, when one field is to blame
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResults:
    """What the CRM said of each record of one call, by position.

    A call in which everything was accepted costs no object per record: ``refused`` is empty and ``actions`` is one value.
    """

    ids: Sequence[str]  #: one a record; "" where it was refused
    actions: Sequence[Action] | Action
    refused: Mapping[int, Rejection] = dataclasses.field(default_factory=dict)  #: by index in the batch
    created: Sequence[str | None] = ()  #: of upserts: when each record was created, as the service writes it

    def action(self, index: int) -> Action:
        """Give what was done with the record at *index* (accepted ones only)."""
        return self.actions if isinstance(self.actions, Action) else self.actions[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows by outcome.  ``read`` is derived from the others nowhere: it is counted where rows are read."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    dead_lettered: int = 0
    in_doubt: int = 0
    unsent: int = 0
    already_settled: int = 0  #: letters of a replay that an earlier replay had settled

    @property
    def accepted(self) -> int:
        """Rows the CRM took."""
        return self.created + self.updated + self.deleted + self.unchanged

    @property
    def adds_up(self) -> bool:
        """Whether every row read ended in exactly one place."""
        return self.read == self.accepted + self.dead_lettered + self.in_doubt + self.unsent + self.already_settled


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """The record of an accepted row, and what the CRM did with it."""

    id: str
    action: Action
