"""The inputs of a run: open them, read their headers, check that they have not changed."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bulkzoho.domain.model.journal_events import STDIN_NAME, InputInfo
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.rows import RowBlock
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.transform.import_key import resolve_import_key
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.importer.reader import RunInput
from bulkzoho.errors import BulkZohoError, RefusedError
from bulkzoho.formats.dead_letter.reader import open_dead_letters, read_row_keys
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.input_fingerprint import content_digest, verify_prefix
from bulkzoho.formats.stdin_spool import InputStream
from bulkzoho.interfaces import InputFingerprint, PassthroughCheck, Source
from bulkzoho.storage.store.replay_history import RowKey
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = [
    "STANDARD_INPUT",
    "InputHeader",
    "InputOpener",
    "build_row_transformer",
    "describe_inputs",
    "input_parts",
    "read_headers",
    "rejected_row_keys",
    "require_unchanged_inputs",
    "with_content_digests",
]

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputOpener:
    """Opens the inputs of one run."""

    settings: ImportSettings
    folder: RunFolder
    letters: bool = False  #: the input is a dead-letter file
    only_codes: tuple[str, ...] = ()  #: rejection codes of the rows to take; empty: all
    stream: InputStream | None = None  #: read in place of standard input
    spool_name: str = STDIN_NAME  #: the source name of its rows

    def open(self, info: InputInfo, *, live: bool) -> Source:
        """Open one input; *live*: standard input itself instead of its copy.

        Raises:
            RefusedError: It cannot be opened.
        """
        if self.letters:
            return open_dead_letters(info.path, self.settings.files, only_codes=self.only_codes)
        if info.spooled and live:
            spool, name = info.path, info.name
            return open_source(STANDARD_INPUT, self.settings.files, spool=spool, name=name, stream=self.stream)
        return open_source(info.path, self.settings.files, name=info.name, digests=not info.content)


def describe_inputs(opener: InputOpener) -> list[InputInfo]:
    """Return each input with its present size and time.

    Raises:
        RefusedError: An input is given twice.
    """
    settings = opener.settings
    if settings.inputs.count(STANDARD_INPUT) > 1:
        raise RefusedError("standard input (-) can be read only once.", hint="Name it once.")
    _require_distinct(settings.inputs)
    names = [Path(path).name for path in settings.inputs]  # source and row identify a row, so the names must differ
    inputs = []
    for index, path in enumerate(settings.inputs):
        if path == STANDARD_INPUT:
            inputs.append(InputInfo(index=index, path=str(opener.folder.spool(index)), name=opener.spool_name))
            continue
        try:
            seen = os.stat(path)  # noqa: PTH116  the path stays text, as it was given
        except OSError:
            seen = None  # opening it reports the error
        inputs.append(
            InputInfo(
                index=index,
                path=path,
                name=path if names.count(Path(path).name) > 1 else Path(path).name,
                size=seen.st_size if seen else -1,
                mtime_ns=seen.st_mtime_ns if seen else -1,
            )
        )
    return inputs


def _require_distinct(inputs: Sequence[str]) -> None:
    """Refuse a file that is given twice, also by different names: its rows would be sent twice."""
    seen: dict[str, str] = {}
    for path in inputs:
        real = os.path.realpath(path)
        if path != STANDARD_INPUT and real in seen:
            raise RefusedError(
                f"{path} is the same file as {seen[real]}: its rows would be sent twice.", hint="Name each input once."
            )
        seen[real] = path


class PeekedSource:
    """A source whose first block was read already, and is returned again."""

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
    expanding: bool  #: later rows may have more columns


async def read_headers(
    opener: InputOpener, inputs: Sequence[InputInfo], *, live: bool, stop: StopSignal
) -> tuple[list[InputHeader], dict[int, Source]]:
    """Return the columns of each input that has rows, and the open sources of inputs that can be read only once, by index.

    Raises:
        RefusedError: One cannot be read, is empty or has no header.
    """
    headers: list[InputHeader] = []
    open_sources: dict[int, Source] = {}
    with ExitStack() as opened:  # closes them if one is refused
        for info in inputs:
            source = opener.open(info, live=live)
            opened.callback(source.close)
            if source.blocking:
                stop.listen(source.close)  # a signal ends the wait for the writer
            try:
                first = await asyncio.to_thread(source.read) if source.blocking else source.read()
            except RefusedError:
                raise
            except BulkZohoError:
                source.close()
                continue  # damaged from the first rows on: the reader reports it when it comes to this input
            if first is not None:
                headers.append(InputHeader(name=info.name, header=first.header, expanding=source.expanding))
            if source.blocking:
                open_sources[info.index] = PeekedSource(source, first)
            else:
                source.close()
        opened.pop_all()
    return headers, open_sources


def input_parts(
    opener: InputOpener, inputs: Sequence[InputInfo], known: Sequence[RowRanges], open_sources: dict[int, Source]
) -> list[RunInput]:
    """Return the inputs for the pipeline; *known* are the rows of each that must not be read as new."""

    def open_once(source: InputInfo) -> Callable[[], Source]:
        if source.index in open_sources:
            return lambda: open_sources[source.index]
        return partial(opener.open, source, live=False)

    return [
        RunInput(
            index=source.index,
            open=open_once(source),
            reopen=partial(opener.open, source, live=False),
            known=RowRanges(known[source.index].ranges()),
        )
        for source in inputs
    ]


def build_row_transformer(
    module: CrmModule, settings: ImportSettings, *, run: str, letters: bool, time_zone: str | None
) -> RowTransformer:
    """Build the transformer for the rows of *run*; *letters*: they come from a dead-letter file.

    Raises:
        RefusedError: The import key does not fit the module.
        UsageError: A date format or a time zone does not exist.
    """
    import_key = None
    if settings.import_key is not None:
        sources = len(settings.inputs)
        import_key = resolve_import_key(
            settings.import_key, module, settings.operation, run=run, sources=sources, is_replay=letters
        )
    return RowTransformer(
        crm_module=module,
        mapping=settings.shape,
        operation=settings.operation,
        match_on=settings.match_on,
        time_zone=time_zone,
        import_key=import_key,
    )


def rejected_row_keys(opener: InputOpener) -> list[RowKey]:
    """Return the key of each row that a replay is going to send."""
    settings = opener.settings
    return read_row_keys(settings.inputs[0], settings.files, only_codes=opener.only_codes)


def require_unchanged_inputs(inputs: Sequence[InputInfo]) -> None:
    """Refuse to continue with an input that has changed.

    Raises:
        RefusedError: Its size, its time or the content that was read differs.
    """
    for source in inputs:
        if source.spooled:
            continue  # the spool is the run's own
        try:
            seen = os.stat(source.path)  # noqa: PTH116  the path stays text, as it was given
        except OSError as error:
            raise RefusedError(
                f"{source.path}: {error.strerror}.", hint="Restore the input, then resume.", code="INPUT_CHANGED"
            ) from error
        if seen.st_size != source.size or not _has_same_content(source):
            hint = "Restore the old file and resume, or import the new source in a run of its own."
        elif seen.st_mtime_ns != source.mtime_ns:
            seconds, nanoseconds = divmod(source.mtime_ns, 10**9)
            time = f"@{seconds}.{nanoseconds:09}"
            hint = f"Its content is the same: restore its time (touch -d {time} {shlex.quote(source.path)}), then resume."
        else:
            continue
        raise RefusedError(f"{source.path}: the file changed since the run read it.", hint=hint, code="INPUT_CHANGED")


def _has_same_content(source: InputInfo) -> bool:
    if source.content:
        return content_digest(source.path) == source.content
    return not source.digest or verify_prefix(source.path, source.read_bytes, source.digest)


async def with_content_digests(inputs: Sequence[InputInfo]) -> list[InputInfo]:
    """Return *inputs* with the digest of each file's content; standard input has none before it is read."""
    return [
        source
        if source.content or source.spooled
        else replace(source, content=await asyncio.to_thread(content_digest, source.path))
        for source in inputs
    ]
