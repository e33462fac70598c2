"""A run's inputs: how each is opened, and whether it is still what it was."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bulkzoho.domain.model.journal_events import STDIN_NAME, InputInfo, RunInfo
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import Operation, RowBlock
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.transform.import_key import resolve_import_key
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.reader import RunInput
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.formats.dead_letter.reader import open_letters
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.input_fingerprint import content_digest, verify_prefix
from bulkzoho.interfaces import InputFingerprint, PassthroughCheck, Source
from bulkzoho.storage.files.file_lock import is_locked
from bulkzoho.storage.store.run_catalog import RunFolder, iter_runs, started_key

__all__ = [
    "InputHeader",
    "InputOpener",
    "build_row_transformer",
    "describe_inputs",
    "input_parts",
    "read_headers",
    "require_not_imported_before",
    "require_unchanged_inputs",
]

STANDARD_INPUT = "-"
SENT_BEFORE = "SENT_BEFORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOpener:
    """How the inputs of one run are read."""

    settings: ImportSettings
    folder: RunFolder
    letters: bool = False  #: the input is a file of dead letters
    only_codes: tuple[str, ...] = ()
    descriptor: int = 0  #: what ``-`` is read from
    spool_name: str = STDIN_NAME  #: how letters name it

    def open(self, facts: InputInfo, *, live: bool) -> Source:
        """Open one input; *live* for standard input itself rather than its spool.

        Raises:
            RefusedError: It cannot be opened; says why.
        """
        if self.letters:
            return open_letters(facts.path, self.settings.files, only_codes=self.only_codes)
        if facts.spooled and live:
            spool, name = facts.path, facts.name
            return open_source(STANDARD_INPUT, self.settings.files, spool=spool, name=name, descriptor=self.descriptor)
        return open_source(facts.path, self.settings.files, name=facts.name, digests=not facts.content)


def describe_inputs(plan: InputOpener) -> list[InputInfo]:
    """Give the facts of each input as it stands now.

    Raises:
        RefusedError: One is not there, or standard input is named twice.
    """
    settings = plan.settings
    if settings.inputs.count(STANDARD_INPUT) > 1:
        raise RefusedError("standard input (-) can be read only once.", hint="Name it once.")
    _refuse_twice(settings.inputs)
    names = [Path(path).name for path in settings.inputs]  # source and row together name a row: no two may be alike
    facts = []
    for index, path in enumerate(settings.inputs):
        if path == STANDARD_INPUT:
            facts.append(InputInfo(index=index, path=str(plan.folder.spool(index)), name=plan.spool_name))
            continue
        try:
            seen = os.stat(path)  # noqa: PTH116  the path stays text, as it was given
        except OSError:
            seen = None  # opening it says why, better than this could
        facts.append(
            InputInfo(
                index=index,
                path=path,
                name=path if names.count(Path(path).name) > 1 else Path(path).name,
                size=seen.st_size if seen else -1,
                mtime_ns=seen.st_mtime_ns if seen else -1,
            )
        )
    return facts


def _refuse_twice(inputs: Sequence[str]) -> None:
    """Refuse a file that is named twice, by whatever names: its rows would be sent twice."""
    seen: dict[str, str] = {}
    for path in inputs:
        real = os.path.realpath(path)
        if path != STANDARD_INPUT and real in seen:
            raise RefusedError(f"{path} is {seen[real]} once more: its rows would be sent twice.", hint="Name each input once.")
        seen[real] = path


class PeekedSource:
    """A source whose first block was looked at already."""

    def __init__(self, source: Source, first: RowBlock | None) -> None:
        self._source = source
        self._first = first
        self._pending = True

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def blocking(self) -> bool:
        return self._source.blocking

    @property
    def expanding(self) -> bool:
        return self._source.expanding

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        if self._pending:
            self._pending = False
            return self._first
        return self._source.read(passthrough)

    def fingerprint(self) -> InputFingerprint:
        return self._source.fingerprint()

    def close(self) -> None:
        self._source.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class InputHeader:
    """The columns of one input."""

    name: str
    header: tuple[str, ...]
    expanding: bool  #: later rows may bring more


async def read_headers(
    plan: InputOpener, facts: Sequence[InputInfo], *, live: bool, stop: StopSignal
) -> tuple[list[InputHeader], dict[int, Source]]:
    """Give the columns of each input that has rows, and those sources that can be opened only once.

    Raises:
        RefusedError: One cannot be read, is empty or has no header.
    """
    looks: list[InputHeader] = []
    kept: dict[int, Source] = {}
    with ExitStack() as opened:  # whatever happens before all were looked at closes them
        for one in facts:
            source = plan.open(one, live=live)
            opened.callback(source.close)
            if source.blocking:
                stop.listen(source.close)  # a signal ends the wait for whoever writes
            try:
                first = await asyncio.to_thread(source.read) if source.blocking else source.read()
            except RefusedError:
                raise
            except BulkZohoError:
                source.close()
                continue  # damaged from the first rows on: the reader meets it again, and says so when its turn comes
            if first is not None:
                looks.append(InputHeader(name=one.name, header=first.header, expanding=source.expanding))
            if source.blocking:
                kept[one.index] = PeekedSource(source, first)
            else:
                source.close()
        opened.pop_all()
    return looks, kept


def input_parts(
    plan: InputOpener, facts: Sequence[InputInfo], known: Sequence[RowRanges], kept: dict[int, Source]
) -> list[RunInput]:
    """Give the inputs as the engine reads them; *kept* are sources that are open already."""

    def opener(one: InputInfo) -> Callable[[], Source]:
        if one.index in kept:
            return lambda: kept[one.index]
        return partial(plan.open, one, live=False)

    return [
        RunInput(
            index=one.index,
            open=opener(one),
            reopen=partial(plan.open, one, live=False),
            known=RowRanges(known[one.index].ranges()),
        )
        for one in facts
    ]


def build_row_transformer(
    module: CrmModule, settings: ImportSettings, *, run: str, letters: bool, time_zone: str | None
) -> RowTransformer:
    """Give what shapes the rows of *run*; *letters*: they are dead letters.

    Raises:
        RefusedError: The import key does not fit the module.
        UsageError: A date format or a time zone that is none.
    """
    stamp = None
    if settings.import_key is not None:
        sources = len(settings.inputs)
        stamp = resolve_import_key(settings.import_key, module, settings.operation, run=run, sources=sources, letters=letters)
    return RowTransformer(
        crm_module=module,
        mapping=settings.shape,
        operation=settings.operation,
        match_on=settings.match_on,
        time_zone=time_zone,
        import_key=stamp,
    )


def require_unchanged_inputs(facts: Sequence[InputInfo]) -> None:
    """Refuse to go on with an input that is not what it was.

    Raises:
        RefusedError: Size, time or the content that was read differs.
    """
    for one in facts:
        if one.spooled:
            continue  # the spool is the run's own
        try:
            seen = os.stat(one.path)  # noqa: PTH116  the path stays text, as it was given
        except OSError as error:
            raise RefusedError(
                f"{one.path}: {error.strerror}.", hint="Put the input back, then resume.", code="INPUT_CHANGED"
            ) from error
        if seen.st_size != one.size or not _holds_what_it_held(one):
            hint = "Put the old file back and resume, or import the new one as a run of its own."
        elif seen.st_mtime_ns != one.mtime_ns:
            seconds, nanoseconds = divmod(one.mtime_ns, 10**9)
            time = f"@{seconds}.{nanoseconds:09}"
            hint = f"Its content is what it was: give it its time back (touch -d {time} {shlex.quote(one.path)}), then resume."
        else:
            continue
        raise RefusedError(f"{one.path}: the file changed since the run read it.", hint=hint, code="INPUT_CHANGED")


def _holds_what_it_held(one: InputInfo) -> bool:
    if one.content:
        return content_digest(one.path) == one.content
    return not one.digest or verify_prefix(one.path, one.read_bytes, one.digest)


async def with_content_digests(facts: Sequence[InputInfo]) -> list[InputInfo]:
    """Give *facts* with the digest of each file's whole content (standard input has none before it is read)."""
    return [
        one if one.content or one.spooled else replace(one, content=await asyncio.to_thread(content_digest, one.path))
        for one in facts
    ]


def require_not_imported_before(facts: Sequence[InputInfo], me: RunInfo, *, org: str, crm_module: str) -> int | None:
    """Refuse to insert a content that was or is being inserted into the same module; give the turn of the run *me*.

    A run that asked before, and is resumed, asks only about runs whose turn came after its own: who began one of those with
    ``--again`` wanted both.  Turns, and not times: a clock may have been set.

    Raises:
        RefusedError: Names the run that did, and how to go on.
    """
    contents: dict[str, InputInfo] = {}
    for one in facts:
        if one.content and (first := contents.setdefault(one.content, one)) is not one and not me.org:
            raise RefusedError(
                f"{one.path}: has the content of {first.path}; its rows would be inserted twice.",
                hint="Leave one of them out, or add --again to insert both.",
                code=SENT_BEFORE,
            )
    resumed, turn = bool(me.org), 0
    for folder, other, journal in iter_runs(all_of_them=True):
        turn = max(turn, other.turn or 0)
        same = other.operation is Operation.INSERT and (other.org, other.crm_module) == (org, crm_module)
        if not same or other.run == me.run or other.command != "import":
            continue
        if resumed and (other.settings["import"].get("again") or _was_before(other, me)):
            continue
        twins = [one for one in journal.sources() if one.content in contents]
        if not twins:
            continue
        tally = journal.whole_tally()
        alive = is_locked(folder.lock)
        if not (tally.accepted or tally.in_doubt or alive):
            continue  # it sent nothing that was accepted
        finished = not (alive or tally.unsent or tally.in_doubt) and all(one.complete for one in journal.sources())
        state = "is being" if alive else "was" if finished else "was partly"
        raise RefusedError(
            f"{contents[twins[0].content].path}: this content {state} inserted into {crm_module} by run {other.run}.",
            hint="Add --again to insert it a second time."
            if finished
            else f"Finish it with `bulkzoho resume {other.run}`, or add --again to insert it a second time.",
            code=SENT_BEFORE,
        )
    return me.turn if resumed else turn + 1


def _was_before(other: RunInfo, me: RunInfo) -> bool:
    """Whether *other* asked first; of a run that asked when there were no turns yet, its name has to tell."""
    if me.turn is None and other.turn is None:
        return started_key(other.run) < started_key(me.run)
    return (other.turn or 0) < (me.turn or 0)
