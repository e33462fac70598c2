"""The files of a run that grow line by line: letters and results, in the run's folder and where the user asked for them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from bulkzoho.assembly.homes import RunFolder
from bulkzoho.core.contents import content_of
from bulkzoho.engine.lettering import LetterFacts, Lettering
from bulkzoho.engine.recorder import RunFiles
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.files.letters import CsvLetters, CsvResults, JsonLetters, JsonResults
from bulkzoho.files.tracked import AppendFile
from bulkzoho.model.settings import ImportSettings
from bulkzoho.ports import LetterWriter, ResultWriter

CHUNK_BYTES: Final = 1 << 20

__all__ = ["close_files", "lettering_for", "open_files"]


def open_files(folder: RunFolder, settings: ImportSettings, lengths: Mapping[str, int], *, new: bool) -> RunFiles:
    """Open the run's letters and results, each cut to the length that the journal knows.

    A copy that the user asked for is written anew by a new run.  A resumed one goes on with it, or begins it anew where it is
    gone.

    Raises:
        RefusedError: A copy cannot be written, is an input or the other copy by whatever name, or was changed since.
        RunFailedError: A file of the run is shorter than the journal knows.
    """
    for told in filter(None, (settings.dead_letter, settings.results)):
        _refuse_own(told, [*settings.inputs, *map(str, (folder.letters, folder.results, folder.journal))])
    if settings.dead_letter and settings.results:
        _refuse_own(settings.results, [settings.dead_letter])
    letters = {folder.letters.name: _open(folder.letters, lengths.get(folder.letters.name, 0))}
    results = {folder.results.name: _open(folder.results, lengths.get(folder.results.name, 0))}
    for files, copy, original in (
        (letters, settings.dead_letter, folder.letters),
        (results, settings.results, folder.results),
    ):
        if copy is not None:
            files[copy] = _open_copy(Path(copy), original, length=None if new else lengths.get(copy, 0))
    return RunFiles(letters=letters, results=results)


def close_files(files: RunFiles) -> None:
    """Close them all."""
    for one in (*files.letters.values(), *files.results.values()):
        one.close()


def lettering_for(
    files: RunFiles, facts: LetterFacts, *, header: Sequence[str], sources: Sequence[str], import_key: str | None
) -> Lettering:
    """Give what turns outcomes into the lines of *files*, each in the format that its name asks for."""
    letters: dict[str, LetterWriter] = {name: CsvLetters() if _is_csv(name) else JsonLetters() for name in files.letters}
    results: dict[str, ResultWriter] = {name: CsvResults() if _is_csv(name) else JsonResults() for name in files.results}
    digest = partial(content_of, without=import_key)  # each replay stamps a letter anew, which does not mend it
    return Lettering(facts, header=header, sources=sources, letters=letters, results=results, digest=digest)


def _is_csv(name: str) -> bool:
    return name.casefold().endswith(".csv")


def _open(path: Path, length: int) -> AppendFile:
    file = AppendFile(path)
    file.cut(length)
    return file


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


def _open_copy(path: Path, original: Path, *, length: int | None) -> AppendFile:
    """Open a copy; *length* is what the run had written to it, None for a new run."""
    try:
        file = AppendFile(path)
        if length is None or (length and not file.length):
            file.cut(0)
        elif file.length != length and not _is_ours(path, original, length):
            file.close()
            raise RefusedError(
                f"{path}: was changed since the run wrote it.",
                hint=f"Move it away, then resume; all lines stand in {original}.",
                code="COPY_CHANGED",
            )
        if length and not file.length and not _is_csv(path.name):  # moved away: made whole again; a CSV goes on from here
            for chunk in _chunks(original, length):
                file.append(chunk)
        file.cut(min(file.length, length or 0))
    except (OSError, RunFailedError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        raise RefusedError(
            f"{path}: cannot be written ({why}).", hint="Name a file in a folder that you may write to.", code="CANNOT_WRITE"
        ) from error
    return file


def _is_ours(path: Path, original: Path, length: int) -> bool:
    """Whether what stands in a copy beyond what counts was written by a process of this run that died."""
    if path.stat().st_size < length:
        return False
    if _is_csv(path.name):  # who edits it moves its lines
        *_, last = _chunks(path, length)
        return last.endswith(b"\r\n")
    return all(ours == theirs for ours, theirs in zip(_chunks(original, length), _chunks(path, length), strict=True))


def _chunks(path: Path, length: int) -> Iterator[bytes]:
    """Give the first *length* bytes of *path* in pieces."""
    with path.open("rb") as file:
        while length and (chunk := file.read(min(length, CHUNK_BYTES))):
            length -= len(chunk)
            yield chunk
