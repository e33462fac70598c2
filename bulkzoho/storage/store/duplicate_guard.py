"""Refuse to insert a content that another run has inserted or is inserting."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run_settings import ImportRunSettings
from bulkzoho.errors import RefusedError
from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.run_catalog import StoredRun, iter_runs
from bulkzoho.storage.store.run_folder import RunFolder, started_key

__all__ = ["SENT_BEFORE", "require_not_imported_before"]

SENT_BEFORE: Final = "SENT_BEFORE"  #: the error code


def require_not_imported_before(
    store: RunStore, inputs: Sequence[InputInfo], me: RunInfo, *, org: str, crm_module: str
) -> int | None:
    """Refuse contents that were or are being inserted into the same module; return the turn of the run *me*.

    A resumed run compares only with runs whose turn came after its own: the user who started one of those with ``--again``
    wanted both.  Turns are compared instead of times, because the system clock may have been changed.

    Raises:
        RefusedError: Names the other run, and what to do.
        JournalError: A journal cannot be read.
    """
    contents = _distinct_contents(inputs, resumed=bool(me.org))
    resumed, turn = bool(me.org), 0
    for other in iter_runs(store, strict=True):
        turn = max(turn, other.info.turn or 0)
        if not _inserts_into(other.info, org, crm_module) or other.info.run == me.run:
            continue
        if resumed and (_wanted_twice(other.info) or _was_before(other.info, me)):
            continue
        _require_other_content(store, other, contents, crm_module)
    return me.turn if resumed else turn + 1


def _distinct_contents(inputs: Sequence[InputInfo], *, resumed: bool) -> dict[str, InputInfo]:
    """Return the inputs by content.

    Raises:
        RefusedError: Two have the same content.
    """
    contents: dict[str, InputInfo] = {}
    for source in inputs:
        if source.content and (first := contents.setdefault(source.content, source)) is not source and not resumed:
            raise RefusedError(
                f"{source.path}: has the same content as {first.path}; its rows would be inserted twice.",
                hint="Leave one of them out, or add --again to insert both.",
                code=SENT_BEFORE,
            )
    return contents


def _require_other_content(store: RunStore, other: StoredRun, contents: dict[str, InputInfo], crm_module: str) -> None:
    inputs, run = other.journal.inputs(), other.info.run
    same = next((source for source in inputs if source.content in contents), None)
    if same is None:
        return
    rows, running = other.journal.row_counts(), store.owner(run) is not None
    if not (rows.accepted or rows.in_doubt or running):
        return  # no row of it was accepted
    finished = not (running or rows.unsent or rows.in_doubt) and all(source.complete for source in inputs)
    state = "is being" if running else "was" if finished and not rows.dead_lettered else "was partly"
    if not finished:
        hint = f"Finish it with `bulkzoho resume {run}`, or add --again to insert it a second time."
    elif rows.dead_lettered:
        hint = (
            f"Fix its {rows.dead_lettered:,} rejected rows and run `bulkzoho replay {shlex.quote(_dead_letters(store, other))}`."
            f" --again would insert the {rows.accepted:,} accepted rows a second time."
        )
    else:
        hint = "Add --again to insert it a second time."
    raise RefusedError(
        f"{contents[same.content].path}: this content {state} inserted into {crm_module} by run {run}.",
        hint=hint,
        code=SENT_BEFORE,
    )


def _dead_letters(store: RunStore, other: StoredRun) -> str:
    """Return the path of the dead-letter file of *other*."""
    settings = other.info.settings
    chosen = settings.imports.dead_letter if isinstance(settings, ImportRunSettings) else None
    return chosen or str(RunFolder(store.folder(other.info.run)).dead_letters)


def _inserts_into(other: RunInfo, org: str, crm_module: str) -> bool:
    is_insert = isinstance(other.settings, ImportRunSettings) and other.operation is Operation.INSERT
    return is_insert and (other.org, other.crm_module) == (org, crm_module)


def _wanted_twice(other: RunInfo) -> bool:
    return isinstance(other.settings, ImportRunSettings) and other.settings.imports.again


def _was_before(other: RunInfo, me: RunInfo) -> bool:
    """Return whether *other* compared first; runs of a version without turns are ordered by their names."""
    if me.turn is None and other.turn is None:
        return started_key(other.run) < started_key(me.run)
    return (other.turn or 0) < (me.turn or 0)
