"""The files of a run that grow line by line: letters and results, in the run's folder and where the user asked for them."""

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
from bulkzoho.formats.dead_letter.writer import CsvDeadLetterWriter, CsvResultWriter, JsonDeadLetterWriter, JsonResultWriter
from bulkzoho.formats.user_copies import chunks_of, is_unmodified
from bulkzoho.interfaces import DeadLetterWriter, ResultWriter
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.run_catalog import RunFolder

__all__ = ["close_files", "lettering_for", "open_files"]


def open_files(
    folder: RunFolder, settings: ImportSettings, lengths: Mapping[str, int], *, new: bool, tell: Callable[[str], None]
) -> OutcomeFiles:
    """Open the run's letters and results, each cut to the length that the journal knows.

    A copy that the user asked for is written anew by a new run, but never over letters, which somebody may have mended: these
    are put aside, and *tell* is told.  A resumed run goes on with its copy, or begins it anew where it is gone.

    Raises:
        RefusedError: A copy cannot be written, is an input or the other copy by whatever name, or was changed since.
        RunFailedError: A file of the run is shorter than the journal knows.
    """
    for told in filter(None, (settings.dead_letter, settings.results)):
        _refuse_own(told, [*settings.inputs, *map(str, (folder.letters, folder.results, folder.journal))])
    if settings.dead_letter and settings.results:
        _refuse_own(settings.results, [settings.dead_letter])
    if new:
        for told in filter(None, (settings.dead_letter, settings.results)):
            _keep_letters(Path(told), tell)
    letters = {folder.letters.name: AppendFile(folder.letters)}
    results = {folder.results.name: AppendFile(folder.results)}
    own = [(file, lengths.get(name, 0)) for name, file in (*letters.items(), *results.items())]
    both = ((letters, settings.dead_letter, folder.letters), (results, settings.results, folder.results))
    copies = [(files, copy, original) for files, copy, original in both if copy is not None]
    if not new:
        for _, copy, original in copies:
            _refuse_changed(Path(copy), original, lengths.get(copy, 0))
    for files, copy, original in copies:
        files[copy] = _open_copy(Path(copy), original, length=0 if new else lengths.get(copy, 0))
    for file, length in own:  # last: what they have beyond tells whose lines a copy has
        file.cut(length)
    return OutcomeFiles(letters=letters, results=results)


def close_files(files: OutcomeFiles) -> None:
    """Close them all."""
    for one in (*files.letters.values(), *files.results.values()):
        one.close()


def lettering_for(
    files: OutcomeFiles, facts: LetterContext, *, header: Sequence[str], sources: Sequence[str], import_key: str | None
) -> OutcomeFormatter:
    """Give what turns outcomes into the lines of *files*, each in the format that its name asks for."""
    letters: dict[str, DeadLetterWriter] = {
        name: CsvDeadLetterWriter() if _is_csv(name) else JsonDeadLetterWriter() for name in files.letters
    }
    results: dict[str, ResultWriter] = {
        name: CsvResultWriter() if _is_csv(name) else JsonResultWriter() for name in files.results
    }
    digest = partial(record_digest, without=import_key)  # each replay stamps a letter anew, which does not mend it
    return OutcomeFormatter(facts, header=header, sources=sources, letters=letters, results=results, digest=digest)


def _is_csv(name: str) -> bool:
    return name.casefold().endswith(".csv")


def _refuse_own(copy: str, others: Sequence[str]) -> None:
    """Refuse a copy that is a file which must not be written over, also when it goes by another name (a link).

    Raises:
        RefusedError: It is.
    """
    for other in others:
        same = os.path.realpath(copy) == os.path.realpath(other)  # also where the file is not there yet
        with suppress(OSError):  # one of them is not there
            same = same or os.path.samefile(copy, other)  # noqa: PTH121  the paths stay text, as they were given
        if same:
            raise RefusedError(
                f"{copy}: is {other}, which would be written over.", hint="Write letters and results to another file."
            )


def _keep_letters(path: Path, tell: Callable[[str], None]) -> None:
    """Put letters aside that stand where others are to be written."""
    if not is_dead_letter_file(path):
        return
    aside = next(one for number in count(1) if not (one := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists())
    try:
        path.rename(aside)
    except OSError as error:
        raise RefusedError(
            f"{path}: holds dead letters that cannot be put aside ({error.strerror}).",
            hint="Name another file, or move that one away.",
            code="CANNOT_WRITE",
        ) from error
    tell(f"{path} held dead letters, mended perhaps: they are kept as {aside}.")


def _refuse_changed(copy: Path, original: Path, length: int) -> None:
    """Refuse a copy that a person or another run has written to; *length* is what the run had written that counts.

    Raises:
        RefusedError: It is such a one.
    """
    try:
        is_as_it_was = is_unmodified(copy, original, length=length, is_csv=_is_csv(copy.name))
    except OSError:
        return  # told when it is opened
    if not is_as_it_was:
        raise RefusedError(
            f"{copy}: is not as the run left it.",
            hint=f"Move it away, then resume; all lines of the run stand in {original}.",
            code="COPY_CHANGED",
        )


def _open_copy(path: Path, original: Path, *, length: int) -> AppendFile:
    """Open a copy and cut it to *length*, what the run had written to it that counts."""
    try:
        file = AppendFile(path)
        if length and not file.length and not _is_csv(path.name):  # moved away: made whole again; a CSV goes on from here
            for chunk in chunks_of(original, length):
                file.append(chunk)
        file.cut(min(file.length, length))
    except (OSError, RunFailedError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        raise RefusedError(
            f"{path}: cannot be written ({why}).", hint="Name a file in a folder that you may write to.", code="CANNOT_WRITE"
        ) from error
    return file
