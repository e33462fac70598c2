"""A replay: dead letters as the input of a run of its own, each sent at most once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bulkzoho.assembly.homes import facts_of_runs
from bulkzoho.core.contents import content_of
from bulkzoho.core.settings_json import from_json
from bulkzoho.errors import RefusedError
from bulkzoho.files.letter_source import LetterFacts, read_letter_facts
from bulkzoho.journal.lock import holder_of
from bulkzoho.model.rows import Operation, Origin, Record
from bulkzoho.model.run import RunStatus
from bulkzoho.model.settings import ImportSettings, QuotaSettings, ReplaySettings, ShapeSettings

__all__ = ["EarlierReplays", "replay_settings"]


class EarlierReplays:
    """Letters that replays of this home have settled; see :class:`bulkzoho.engine.reading.SettledLetters`.

    Memory: some 100 bytes a letter that was ever replayed.
    """

    def __init__(self) -> None:
        self._accepted: set[tuple[str, str, int]] = set()
        self._failed: dict[tuple[str, str, int], set[bytes]] = {}

    @classmethod
    def load(cls) -> EarlierReplays:
        """Read what every replay of this home has settled."""
        known = cls()
        for _, facts, journal in facts_of_runs():
            if facts.command != "replay":
                continue
            for letter in journal.letters():
                identity = (letter.run, letter.source, letter.row)
                if letter.accepted:
                    known._accepted.add(identity)
                else:
                    known._failed.setdefault(identity, set()).add(letter.content)
        return known

    def holds(self, origin: Origin, record: Record) -> bool:
        """Whether the letter was accepted, or failed just as it stands."""
        identity = (origin.run, origin.source, origin.row)
        if identity in self._accepted:
            return True
        failed = self._failed.get(identity)
        return failed is not None and content_of(record) in failed


def replay_settings(replay: ReplaySettings) -> tuple[ImportSettings, LetterFacts]:
    """Give the import that a replay of these letters is: it inherits what the letters' run was told.

    Raises:
        RefusedError: The file cannot be read as letters, or a replay of it is unfinished.
    """
    facts = read_letter_facts(replay.letters)
    inherited = _settings_of(facts.run)
    shape = inherited.shape if inherited and facts.is_csv else ShapeSettings()
    settings = ImportSettings(
        inputs=(replay.letters,),
        crm_module=facts.crm_module,
        operation=Operation(facts.operation),
        match_on=facts.match_on,
        trigger=() if facts.trigger in ("", "none") else tuple(facts.trigger.split(",")),
        shape=replace(shape, set=replay.set or shape.set),
        quota=inherited.quota if inherited else QuotaSettings(),
        again=True,
    )
    settings = replace(settings, **dict(replay.overrides))
    _refuse_unfinished(replay.letters)
    return settings, facts


def _settings_of(run: str) -> ImportSettings | None:
    for _, facts, _journal in _runs_named(run):
        return from_json(ImportSettings, dict(facts.settings["import"]))
    return None


def _runs_named(run: str) -> Iterator[tuple[object, object, object]]:
    return (one for one in facts_of_runs() if one[1].run == run)


def _refuse_unfinished(letters: str) -> None:
    for folder, facts, journal in facts_of_runs():
        if facts.command != "replay" or all(source.path != letters for source in journal.sources()):
            continue
        doubtful = any(one.state == "sent" for one in journal.shipments())
        if holder_of(folder.lock) or doubtful or facts.status is RunStatus.RUNNING:
            raise RefusedError(
                f"{Path(letters).name}: replay {facts.run} of these letters is not finished.",
                hint=f"Finish it with `bulkzoho resume {facts.run}`.",
                code="REPLAY_UNFINISHED",
            )
