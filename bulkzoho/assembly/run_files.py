"""The files of a run that grow line by line: letters and results, in the run's folder and where the user asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bulkzoho.assembly.homes import RunFolder
from bulkzoho.core.contents import content_of
from bulkzoho.engine.lettering import LetterFacts, Lettering
from bulkzoho.engine.recorder import RunFiles
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.files.letters import CsvLetters, CsvResults, JsonLetters, JsonResults
from bulkzoho.files.tracked import AppendFile
from bulkzoho.model.settings import ImportSettings
from bulkzoho.ports import LetterWriter, ResultWriter

__all__ = ["close_files", "lettering_for", "open_files"]


def open_files(folder: RunFolder, settings: ImportSettings, lengths: Mapping[str, int], *, new: bool) -> RunFiles:
    """Open the run's letters and results, each cut to the length that the journal knows.

    A copy that the user asked for is written anew by a new run; what a resumed run finds must hold what the run wrote.

    Raises:
        RefusedError: A copy cannot be written, or is one of the inputs.
        RunFailedError: A file of the run is shorter than the journal knows.
    """
    letters = {folder.letters.name: _open(folder.letters, lengths.get(folder.letters.name, 0))}
    results = {folder.results.name: _open(folder.results, lengths.get(folder.results.name, 0))}
    for files, copy, original in (
        (letters, settings.dead_letter, folder.letters),
        (results, settings.results, folder.results),
    ):
        if copy is None:
            continue
        if copy in settings.inputs:
            raise RefusedError(f"{copy}: is an input of this run.", hint="Write letters and results to another file.")
        files[copy] = _open_copy(Path(copy), original, length=0 if new else lengths.get(copy, 0))
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


def _open_copy(path: Path, original: Path, *, length: int) -> AppendFile:
    try:
        file = AppendFile(path)
        if file.length < length and not _is_csv(path.name):  # moved away meanwhile: the original has it all
            file.cut(0)
            file.append(original.read_bytes()[:length])
        file.cut(length)
    except (OSError, RunFailedError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        raise RefusedError(
            f"{path}: cannot be written ({why}).", hint="Name a file in a folder that you may write to.", code="CANNOT_WRITE"
        ) from error
    return file
