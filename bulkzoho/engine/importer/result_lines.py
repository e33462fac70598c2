"""Format outcomes as lines of the run's files: rejected rows and results, in each file's format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bulkzoho.domain.model.dead_letter import DeadLetter
from bulkzoho.domain.model.journal_events import LetterSettled
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import ABSENT, Batch, Cell, Operation
from bulkzoho.interfaces import DeadLetterWriter, ResultWriter

__all__ = ["LetterContext", "OutcomeFormatter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterContext:
    """Facts of a run that each of its rejected rows carries."""

    run: str
    crm_module: str
    operation: Operation
    match_on: tuple[str, ...]
    trigger: str
    org: str


class OutcomeFormatter:
    """Formats rejected rows and results.

    Args:
        facts: Facts that each rejected row carries.
        header: The columns of the first input, with which a CSV begins.
        sources: The names of the inputs.
        letters: Writers of rejected rows, by the name of their file.
        results: Writers of results, likewise.
        digest: Returns the digest of a record as sent; it differs when a rejected row was fixed.
    """

    def __init__(
        self,
        facts: LetterContext,
        *,
        header: Sequence[str],
        sources: Sequence[str],
        letters: Mapping[str, DeadLetterWriter],
        results: Mapping[str, ResultWriter],
        digest: Callable[[Mapping[str, object]], bytes],
    ) -> None:
        self.facts = facts
        self._header = tuple(header)
        self._sources = sources
        self._letters = letters
        self._results = results
        self._digest = digest
        writers: list[DeadLetterWriter | ResultWriter] = [*letters.values(), *results.values()]
        for writer in writers:
            writer.head(self._header)  # a resumed file has its header already, but its writer must know it

    def head(self, name: str) -> bytes:
        """Return the lines above the first row of the file *name*."""
        writer = self._letters.get(name) or self._results[name]
        return writer.head(self._header)

    def letters(
        self,
        batch: Batch,
        rejections: Iterable[tuple[int, Rejection]],
        *,
        attempts: int,
        at: str,
        raw_lines: Mapping[int, str] | None = None,
    ) -> list[DeadLetter]:
        """Return the rejected rows of *batch*; *rejections* and *raw_lines* are by index."""
        raw_lines = raw_lines or {}
        letters = []
        for index, rejection in rejections:
            origin = None if batch.origins is None else batch.origins[index]
            letters.append(
                DeadLetter(
                    run=origin.run if origin else self.facts.run,
                    source=origin.source if origin else self._sources[batch.source],
                    row=origin.row if origin else batch.numbers[index],
                    crm_module=self.facts.crm_module,
                    operation=self.facts.operation,
                    rejection=rejection,
                    attempts=attempts + (origin.attempts if origin else 0),
                    at=at,
                    record=None if index in raw_lines else batch.records[index],
                    raw=raw_lines.get(index),
                    match_on=self.facts.match_on,
                    trigger=self.facts.trigger,
                    org=self.facts.org,
                    header=batch.header,
                    cells=batch.cells[index],
                )
            )
        return letters

    def encode_letters(self, letters: Sequence[DeadLetter]) -> dict[str, bytes]:
        """Return the lines of rejected rows, for each file."""
        return {name: writer.encode(letters) for name, writer in self._letters.items()}

    def encode_results(self, batch: Batch, results: WriteResults, accepted: Sequence[int]) -> dict[str, bytes]:
        """Return the lines of the *accepted* rows (indexes), for each file."""
        whole = len(accepted) == len(batch)
        pick = batch if whole else batch.pick(accepted)
        origins = pick.origins
        rows = pick.numbers if origins is None else [origin.row for origin in origins]
        sources = self._sources[batch.source] if origins is None else [origin.source for origin in origins]
        ids = results.ids if whole else [results.ids[index] for index in accepted]
        actions = results.actions if isinstance(results.actions, str) else [results.actions[index] for index in accepted]
        cells = self._aligned(pick)
        return {
            name: writer.encode(rows=rows, sources=sources, ids=ids, actions=actions, cells=cells)
            for name, writer in self._results.items()
        }

    def _aligned(self, batch: Batch) -> Sequence[Sequence[Cell]]:
        """Return the cells in the order of the first input's columns."""
        if batch.header == self._header:
            return batch.cells
        places = [batch.header.index(column) if column in batch.header else None for column in self._header]
        return [[ABSENT if at is None else cells[at] for at in places] for cells in batch.cells]

    def settled_letters(self, batch: Batch, *, accepted: bool, indexes: Sequence[int]) -> list[LetterSettled]:
        """Return the events by which a replay remembers the rows it settled; none for an import."""
        if batch.origins is None:
            return []
        return [
            LetterSettled(
                run=batch.origins[index].run,
                source=batch.origins[index].source,
                row=batch.origins[index].row,
                content=self._digest(batch.records[index]),
                accepted=accepted,
            )
            for index in indexes
        ]
