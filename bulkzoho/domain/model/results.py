"""Outcomes of rows: results of a call, rejections, and the counts that must add up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkzoho.domain.model.rows import Action, Stage

__all__ = ["AcceptedRecord", "Rejection", "RowCounts", "WriteResults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why one row was rejected; written to the dead-letter file."""

    code: str  #: the CRM's code, or the code it would return
    message: str
    stage: Stage
    field: str | None = None  #: API name, when one field is the cause
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResults:
    """The CRM's result for each record of one call, by position.

    A call whose records were all accepted costs no object per record: ``rejected`` is empty and ``actions`` is one value.
    """

    ids: Sequence[str]  #: one per record; "" where it was rejected
    actions: Sequence[Action] | Action
    rejected: Mapping[int, Rejection] = dataclasses.field(default_factory=dict)  #: by index in the batch
    created: Sequence[str | None] = ()  #: of upserts: when each record was created, in the service's format

    def action(self, index: int) -> Action:
        """Return what the CRM did with the accepted record at *index*."""
        return self.actions if isinstance(self.actions, Action) else self.actions[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows by outcome.  ``read`` is counted where rows are read, and never computed from the others."""

    read: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    dead_lettered: int = 0
    in_doubt: int = 0
    unsent: int = 0
    already_settled: int = 0  #: rows of a replay that an earlier replay had settled

    @property
    def accepted(self) -> int:
        """Rows that the CRM accepted."""
        return self.created + self.updated + self.deleted + self.unchanged

    @property
    def adds_up(self) -> bool:
        """Whether every row read has exactly one outcome."""
        return self.read == self.accepted + self.dead_lettered + self.in_doubt + self.unsent + self.already_settled


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """The record of an accepted row, and what the CRM did with it."""

    id: str
    action: Action
