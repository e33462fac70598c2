"""A replay: dead letters as the input of a run of its own, each sent at most once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bulkzoho.assembly.homes import facts_of_runs
from bulkzoho.core.contents import content_of
from bulkzoho.core.settings_json import from_json
from bulkzoho.errors import RefusedError
from bulkzoho.files.letter_facts import LetterFacts, read_letter_facts
from bulkzoho.journal.lock import holder_of
from bulkzoho.model.rows import Origin, Record
from bulkzoho.model.run import RunStatus
from bulkzoho.model.settings import FileSettings, ImportSettings, QuotaSettings, ReplaySettings, ShapeSettings

__all__ = ["EarlierReplays", "ReplayPlan", "plan_replay"]


class EarlierReplays:
    """Letters that replays of this home have settled; see :class:`bulkzoho.engine.reading.SettledLetters`.

    Memory: some 100 bytes a letter that was ever replayed.
    """

    def __init__(self, *, import_key: str | None = None) -> None:
        self._import_key = import_key
        self._accepted: set[tuple[str, str, int]] = set()
        self._failed: dict[tuple[str, str, int], set[bytes]] = {}
        self._seen: set[tuple[str, str, int]] = set()

    @classmethod
    def load(cls, *, import_key: str | None) -> EarlierReplays:
        """Read what every replay of this home has settled; a change of *import_key* alone does not mend a letter."""
        known = cls(import_key=import_key)
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

    def passes_over(self, origin: Origin, record: Record) -> bool:
        """Whether the letter was accepted, failed just as it stands, or came before in this file."""
        identity = (origin.run, origin.source, origin.row)
        if identity in self._accepted or identity in self._seen:
            return True
        self._seen.add(identity)
        failed = self._failed.get(identity)
        return failed is not None and content_of(record, without=self._import_key) in failed


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """A replay as the import it is."""

    settings: ImportSettings
    org: str  #: the organization that the letters came from; "" when they do not say


def plan_replay(replay: ReplaySettings) -> ReplayPlan:
    """Give the import that a replay of these letters is: it inherits what the letters' run was told.

    Letters as JSON Lines hold records under API names and say what they are about; letters as CSV hold the input's own columns,
    so that their run's mapping is needed, from its journal.

    Raises:
        RefusedError: The file cannot be read as letters, their run is not known here, or a replay of them is unfinished.
    """
    letters = read_letter_facts(replay.letters)
    if not letters.letters:
        raise RefusedError(f"{replay.letters}: holds no dead letter.", hint="Nothing has to be replayed.", code="NO_LETTERS")
    _refuse_unfinished(replay.letters)
    told = _settings_of(letters.run)
    if letters.operation is None and told is None:
        raise RefusedError(
            f"{replay.letters}: run {letters.run} is not in this home, and only its journal says what these columns are.",
            hint="Replay the letters as JSON Lines, or set BULKZOHO_HOME to the home of that run.",
            code="NO_SUCH_RUN",
        )
    settings = _inherited(replay, letters, told)
    return ReplayPlan(settings=replace(settings, **dict(replay.overrides)), org=letters.org)


def _inherited(replay: ReplaySettings, letters: LetterFacts, told: ImportSettings | None) -> ImportSettings:
    if letters.operation is None:  # CSV
        assert told is not None
        shape = replace(told.shape, set=(*told.shape.set, *replay.set))
        base = replace(told, shape=shape, limit=None, dead_letter=None, results=None, max_errors=None)
        return replace(base, inputs=(replay.letters,), files=FileSettings(), again=True)
    zone = told.shape.time_zone if told else None
    return ImportSettings(
        inputs=(replay.letters,),
        crm_module=letters.crm_module,
        operation=letters.operation,
        match_on=letters.match_on,
        trigger=() if letters.trigger in ("", "none") else tuple(letters.trigger.split(",")),
        shape=ShapeSettings(set=replay.set, time_zone=zone),
        quota=told.quota if told else QuotaSettings(),
        import_key=told.import_key if told else None,
        owner_fallback=told.owner_fallback if told else None,
        again=True,
    )


def _settings_of(run: str) -> ImportSettings | None:
    for _, facts, _journal in facts_of_runs():
        if facts.run == run:
            return from_json(ImportSettings, {**facts.settings["import"], "crm_module": facts.crm_module})
    return None


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
