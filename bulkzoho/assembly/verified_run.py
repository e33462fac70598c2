"""A run that is to be verified, as its folder tells it, and its accepted rows as its results file has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bulkzoho.assembly.homes import RunFolder
from bulkzoho.core.idset import IdSet
from bulkzoho.core.looking import MARGIN_S, Window
from bulkzoho.core.settings_json import from_json
from bulkzoho.core.verifying import Place
from bulkzoho.engine.verifying import Accepted
from bulkzoho.errors import RefusedError
from bulkzoho.files.result_lines import result_lines
from bulkzoho.journal.lock import holder_of
from bulkzoho.journal.sqlite import SqliteJournal
from bulkzoho.model.journal import RunFacts, SourceFacts
from bulkzoho.model.outcomes import Tally
from bulkzoho.model.rows import Action
from bulkzoho.model.settings import ImportSettings

__all__ = ["RunResults", "VerifiedRun", "load_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRun:
    """The run as its folder tells it."""

    folder: RunFolder
    facts: RunFacts
    sources: Sequence[SourceFacts]
    tally: Tally
    settings: ImportSettings
    only_codes: tuple[str, ...]
    results_length: int
    window: Window  #: when its calls ran, by the service's clock
    ended_s: float  #: when its last outcome was written, by the service's clock


def load_run(folder: RunFolder, adjust: Callable[[ImportSettings], ImportSettings]) -> VerifiedRun:
    """Read what the folder of a run tells; *adjust* changes its settings.

    Raises:
        RefusedError: A process works on the run.
        JournalError: Its journal cannot be read.
    """
    if holder_of(folder.lock):
        raise RefusedError(
            f"run {folder.run} is being worked on.", hint="Verify it when it has ended; `bulkzoho runs` shows how it stands."
        )
    journal = SqliteJournal.open(folder.journal, read_only=True)
    try:
        facts, lengths = journal.facts(), journal.lengths()
        sent = [one for one in journal.shipments() if one.sent_at is not None]
        told = from_json(ImportSettings, dict(facts.settings["import"]))
        first_s = min((_left_s(one.sent_at, one.skew_s) for one in sent), default=0.0)
        last_s = max((_left_s(one.sent_at, one.skew_s) for one in sent), default=0.0)
        skew_s = (sent[-1].skew_s or 0.0) if sent else 0.0
        written_s = folder.results.stat().st_mtime + skew_s if folder.results.exists() else last_s
        ended_s = max(last_s, written_s)
        return VerifiedRun(
            folder=folder,
            facts=facts,
            sources=journal.sources(),
            tally=journal.whole_tally(),
            settings=adjust(replace(told, crm_module=facts.crm_module)),
            only_codes=tuple(facts.settings["only_codes"]),
            results_length=lengths.get(folder.results.name, 0),
            window=Window(start_s=first_s - MARGIN_S, end_s=ended_s + MARGIN_S),
            ended_s=ended_s + 1.0,  # Modified_Time has whole seconds, and so has what is known of the service's time
        )
    finally:
        journal.close()


def _left_s(sent_at: float | None, skew_s: float | None) -> float:
    return (sent_at or 0.0) + (skew_s or 0.0)


class RunResults:
    """The run's results; see :class:`bulkzoho.engine.verifying.AcceptedRows`."""

    def __init__(self, run: VerifiedRun) -> None:
        self._path = run.folder.results
        self._length = run.results_length

    def ids(self) -> IdSet:
        """Give the ids of all accepted rows."""
        return IdSet(line.id for line in result_lines(self._path, length=self._length))

    def find(self, wanted: set[Place]) -> Mapping[Place, Sequence[Accepted]]:
        """Give those of *wanted* that were accepted."""
        found: dict[Place, list[Accepted]] = {}
        for line in result_lines(self._path, length=self._length):
            if (line.source, line.row) in wanted:
                found.setdefault((line.source, line.row), []).append(Accepted(line.id, Action(line.action)))
        return found
