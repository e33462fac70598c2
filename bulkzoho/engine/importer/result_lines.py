"""Turn outcomes into the lines of a run's files: dead letters and results, in each format that is kept."""

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
    """What every letter of a run carries."""

    run: str
    crm_module: str
    operation: Operation
    match_on: tuple[str, ...]
    trigger: str
    org: str


class OutcomeFormatter:
    """Makes letters and result lines; holds no state but the run's facts.

    Args:
        facts: What every letter carries.
        header: The columns of the first input, which a CSV begins with.
        sources: The inputs' names.
        letters: Writers of dead letters, by the name of their file.
        results: Writers of results, likewise.
        digest: Gives the digest of a record as it is sent; it tells a mended letter from the same one again.
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
            writer.head(self._header)  # a file that a resume continues has its head already, but its writer must know it

    def head(self, name: str) -> bytes:
        """Give what stands above the first line of the file *name*."""
        writer = self._letters.get(name) or self._results[name]
        return writer.head(self._header)

    def letters(
        self,
        batch: Batch,
        refusals: Iterable[tuple[int, Rejection]],
        *,
        attempts: int,
        at: str,
        raws: Mapping[int, str] | None = None,
    ) -> list[DeadLetter]:
        """Make the letters of the rows of *batch* that were refused, by index."""
        raws = raws or {}
        made = []
        for index, refusal in refusals:
            origin = None if batch.origins is None else batch.origins[index]
            made.append(
                DeadLetter(
                    run=origin.run if origin else self.facts.run,
                    source=origin.source if origin else self._sources[batch.source],
                    row=origin.row if origin else batch.numbers[index],
                    crm_module=self.facts.crm_module,
                    operation=self.facts.operation,
                    rejection=refusal,
                    attempts=attempts + (origin.attempts if origin else 0),
                    at=at,
                    record=None if index in raws else batch.records[index],
                    raw=raws.get(index),
                    match_on=self.facts.match_on,
                    trigger=self.facts.trigger,
                    org=self.facts.org,
                    header=batch.header,
                    cells=batch.cells[index],
                )
            )
        return made

    def encode_letters(self, letters: Sequence[DeadLetter]) -> dict[str, bytes]:
        """Give the letters' lines for each file."""
        return {name: writer.encode(letters) for name, writer in self._letters.items()}

    def encode_results(self, batch: Batch, results: WriteResults, accepted: Sequence[int]) -> dict[str, bytes]:
        """Give the lines of the *accepted* rows, by index, for each file."""
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
        """Give the cells in the order of the first input's columns."""
        if batch.header == self._header:
            return batch.cells
        places = [batch.header.index(column) if column in batch.header else None for column in self._header]
        return [[ABSENT if at is None else cells[at] for at in places] for cells in batch.cells]

    def settled_letters(self, batch: Batch, *, accepted: bool, indexes: Sequence[int]) -> list[LetterSettled]:
        """Give what a replay must remember of each letter it settled; nothing for an import."""
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
