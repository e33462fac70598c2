"""Open a run's dead-letter and results files: those in its folder, and the copies that the user asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path

from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.transform.record_hash import record_digest
from bulkzoho.engine.importer.recorder import OutcomeFiles
from bulkzoho.engine.importer.result_lines import LetterContext, OutcomeFormatter
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.dead_letter.reader import is_dead_letter_file
from bulkzoho.formats.dead_letter.writer import CsvDeadLetterWriter, JsonDeadLetterWriter
from bulkzoho.formats.results_writer import CsvResultWriter, JsonResultWriter
from bulkzoho.formats.user_copies import is_unmodified, read_chunks
from bulkzoho.interfaces import DeadLetterWriter, ResultWriter
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.files.write_errors import CANNOT_WRITE, NAME_ANOTHER_FILE, write_error
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["build_formatter", "close_files", "open_files"]


def open_files(
    folder: RunFolder, settings: ImportSettings, lengths: Mapping[str, int], *, new: bool, tell: Callable[[str], None]
) -> OutcomeFiles:
    """Open the run's files, each cut to the length that the journal has.

    A new run overwrites a copy, unless it is a dead-letter file, which the user may have edited: that is renamed, and *tell*
    reports it.  A resumed run continues its copy, or writes it again if it is gone.

    Raises:
        RefusedError: A copy cannot be written, is an input or the other copy (by any name), or was changed since.
        RunFailedError: A file of the run is shorter than its length in the journal.
    """
    paths = [path for path in (settings.dead_letter, settings.results) if path]
    for path in paths:
        _require_not_same_file(path, [*settings.inputs, *map(str, (folder.dead_letters, folder.results, folder.journal))])
    if settings.dead_letter and settings.results:
        _require_not_same_file(settings.results, [settings.dead_letter])
    if new:
        for path in paths:
            _rename_dead_letters(Path(path), tell)
    letters = {folder.dead_letters.name: AppendFile(folder.dead_letters)}
    results = {folder.results.name: AppendFile(folder.results)}
    own = [(file, lengths.get(name, 0)) for name, file in (*letters.items(), *results.items())]
    both = ((letters, settings.dead_letter, folder.dead_letters), (results, settings.results, folder.results))
    copies = [(files, copy, original) for files, copy, original in both if copy is not None]
    if not new:
        for _, copy, original in copies:
            _require_unmodified(Path(copy), original, lengths.get(copy, 0))
    for files, copy, original in copies:
        files[copy] = _open_copy(Path(copy), original, length=0 if new else lengths.get(copy, 0))
    for file, length in own:  # last: the bytes beyond the length show which lines of a copy are the run's
        file.cut(length)
    return OutcomeFiles(letters=letters, results=results)


def close_files(files: OutcomeFiles) -> None:
    """Close all files."""
    for file in (*files.letters.values(), *files.results.values()):
        file.close()


def build_formatter(
    files: OutcomeFiles, facts: LetterContext, *, header: Sequence[str], sources: Sequence[str], import_key: str | None
) -> OutcomeFormatter:
    """Build the formatter for *files*: CSV or JSON Lines, by the name of each."""
    letters: dict[str, DeadLetterWriter] = {
        name: CsvDeadLetterWriter() if _is_csv(name) else JsonDeadLetterWriter() for name in files.letters
    }
    results: dict[str, ResultWriter] = {
        name: CsvResultWriter() if _is_csv(name) else JsonResultWriter() for name in files.results
    }
    digest = partial(record_digest, without=import_key)  # each replay writes a new import key; that does not fix a row
    return OutcomeFormatter(facts, header=header, sources=sources, letters=letters, results=results, digest=digest)


def _is_csv(name: str) -> bool:
    return name.casefold().endswith(".csv")


def _require_not_same_file(copy: str, others: Sequence[str]) -> None:
    """Refuse a copy that is one of *others*, also by another name (a link).

    Raises:
        RefusedError: It is.
    """
    for other in others:
        same = os.path.realpath(copy) == os.path.realpath(other)  # also if the file does not exist yet
        with suppress(OSError):  # one of them does not exist
            same = same or os.path.samefile(copy, other)  # noqa: PTH121  the paths stay text, as they were given
        if same:
            raise RefusedError(f"{copy}: is {other}, which would be overwritten.", hint="Name another file.")


def _rename_dead_letters(path: Path, tell: Callable[[str], None]) -> None:
    """Rename a dead-letter file that another one would overwrite."""
    if not is_dead_letter_file(path):
        return
    new = next(name for number in count(1) if not (name := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists())
    try:
        path.rename(new)
    except OSError as error:
        raise RefusedError(
            f"{path}: is a dead-letter file that cannot be renamed ({error.strerror}).",
            hint="Name another file, or move that one away.",
            code=CANNOT_WRITE,
        ) from error
    tell(f"{path} was a dead-letter file: it is now {new}.")


def _require_unmodified(copy: Path, original: Path, length: int) -> None:
    """Refuse a copy that a person or another run has changed; *length* is what the run had written to it.

    Raises:
        RefusedError: It was changed.
    """
    try:
        unmodified = is_unmodified(copy, original, length=length, is_csv=_is_csv(copy.name))
    except OSError:
        return  # opening it reports the error
    if not unmodified:
        raise RefusedError(
            f"{copy}: was changed since the run wrote it.",
            hint=f"Move it away, then resume; all lines of the run are in {original}.",
            code="COPY_CHANGED",
        )


def _open_copy(path: Path, original: Path, *, length: int) -> AppendFile:
    """Open a copy and cut it to *length*, what the run had written to it."""
    try:
        file = AppendFile(path)
        if length and not file.length and not _is_csv(path.name):  # it was moved away: write it again; a CSV continues here
            for chunk in read_chunks(original, length):
                file.append(chunk)
        file.cut(min(file.length, length))
    except (OSError, RunFailedError) as error:
        reason = error if isinstance(error, OSError) else error.message
        raise write_error(RefusedError, path, reason, hint=NAME_ANOTHER_FILE) from error
    return file
