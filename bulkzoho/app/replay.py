"""A replay: dead letters as the input of a run of its own, each sent at most once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bulkzoho.domain.model.journal_events import ShipmentState
from bulkzoho.domain.model.rows import Record, RowOrigin
from bulkzoho.domain.model.settings import ImportSettings, InputSettings, MappingSettings, ReplaySettings
from bulkzoho.domain.model.settings_json import from_json
from bulkzoho.domain.transform.record_hash import record_digest
from bulkzoho.errors import RefusedError
from bulkzoho.formats.dead_letter.header import DeadLetterFileInfo, read_letter_facts
from bulkzoho.formats.dead_letter.reader import read_letters
from bulkzoho.storage.files.file_lock import is_locked
from bulkzoho.storage.store.run_catalog import iter_runs

__all__ = ["ReplayHistory", "ReplayPlan", "letter_ids", "plan_replay"]


class ReplayHistory:
    """Letters that replays of this home have settled; see :class:`bulkzoho.engine.importer.reader.ReplayFilter`.

    Memory: some 100 bytes a letter that was ever replayed.
    """

    def __init__(self, *, import_key: str | None = None) -> None:
        self._import_key = import_key
        self._accepted: set[tuple[str, str, int]] = set()
        self._failed: dict[tuple[str, str, int], set[bytes]] = {}
        self._seen: set[tuple[str, str, int]] = set()
        self._held: dict[tuple[str, str, int], str] = {}  # by the replay that holds it

    @classmethod
    def load(cls, *, run: str, import_key: str | None) -> ReplayHistory:
        """Read what every replay of this home but *run* has settled or is about to; *run* itself settled what it settled.

        A change of *import_key* alone does not mend a letter.
        """
        known = cls(import_key=import_key)
        for folder, facts, journal in iter_runs(all_of_them=True):
            if facts.command != "replay":
                continue
            for letter in journal.letters():
                identity = (letter.run, letter.source, letter.row)
                if letter.accepted:
                    known._accepted.add(identity)
                else:
                    known._failed.setdefault(identity, set()).add(letter.content)
            in_doubt = any(one.state is ShipmentState.SENT for one in journal.shipments())
            if facts.run != run and (in_doubt or is_locked(folder.lock)):
                known._held.update(dict.fromkeys(journal.claimed_letters(), facts.run))
        return known

    def refuse_held(self, letters: Iterable[tuple[str, str, int]], *, file: str) -> None:
        """Refuse letters that another replay is sending, or has in doubt: wherever the file lies, they would go twice.

        Raises:
            RefusedError: Names that replay.
        """
        for identity in letters:
            holder = self._held.get(identity)
            if holder is not None:
                raise RefusedError(
                    f"{Path(file).name}: replay {holder} holds some of these letters and is not finished.",
                    hint=f"Let it end, or finish it with `bulkzoho resume {holder}`.",
                    code="REPLAY_UNFINISHED",
                )

    def passes_over(self, origin: RowOrigin, record: Record) -> bool:
        """Whether the letter was accepted, failed just as it stands, or came before in this file."""
        identity = _identity(origin)
        if identity in self._accepted or identity in self._seen:
            return True
        self._seen.add(identity)
        failed = self._failed.get(identity)
        return failed is not None and record_digest(record, without=self._import_key) in failed

    def came(self, origin: RowOrigin) -> None:
        """An earlier process of this replay settled the letter, or has it in doubt: what was loaded before need not know."""
        self._seen.add(_identity(origin))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """A replay as the import it is."""

    settings: ImportSettings
    org: str  #: the organization that the letters came from; "" when it is not known


def plan_replay(replay: ReplaySettings) -> ReplayPlan:
    """Give the import that a replay of these letters is: it inherits what the letters' run was told.

    Letters as JSON Lines hold records under API names and say what they are about; letters as CSV hold the input's own columns,
    so that their run's mapping is needed, from its journal.

    Raises:
        RefusedError: The file cannot be read as letters, or their run is not known here.
    """
    letters = read_letter_facts(replay.letters)
    if not letters.letters:
        raise RefusedError(f"{replay.letters}: holds no dead letter.", hint="Nothing has to be replayed.", code="NO_LETTERS")
    runs = _runs_of(letters.runs)
    settings = _of_csv(replay, letters, runs) if letters.operation is None else _of_json(replay, letters, runs)
    org = letters.org or next((org for _, org in runs.values() if org), "")
    return ReplayPlan(settings=replace(settings, **dict(replay.overrides)), org=org)


def letter_ids(path: str, settings: InputSettings, only_codes: Sequence[str]) -> list[tuple[str, str, int]]:
    """Give (run, source, row) of the letters that a replay of *path* means to send."""
    return [
        _identity(one.origin)
        for _, letters in read_letters(path, settings)
        for one in letters
        if not only_codes or one.code in only_codes
    ]


def _identity(origin: RowOrigin) -> tuple[str, str, int]:
    return origin.run, origin.source, origin.row


def _of_json(
    replay: ReplaySettings, letters: DeadLetterFileInfo, runs: Mapping[str, tuple[ImportSettings, str]]
) -> ImportSettings:
    assert letters.operation is not None
    told = runs[letters.run][0] if letters.run in runs else ImportSettings(inputs=(), crm_module=letters.crm_module)
    return _inherited(
        replace(
            told,
            crm_module=letters.crm_module,
            operation=letters.operation,
            match_on=letters.match_on,
            trigger=() if letters.trigger in ("", "none") else tuple(letters.trigger.split(",")),
            shape=MappingSettings(set=replay.set, time_zone=told.shape.time_zone),
        ),
        replay,
    )


def _of_csv(
    replay: ReplaySettings, letters: DeadLetterFileInfo, runs: Mapping[str, tuple[ImportSettings, str]]
) -> ImportSettings:
    for run in letters.runs:
        if run not in runs:
            raise RefusedError(
                f"{replay.letters}: run {run} is not in this home, and only its journal says what these columns are.",
                hint="Replay the letters as JSON Lines, or set BULKZOHO_HOME to the home of that run.",
                code="NO_SUCH_RUN",
            )
    meant = {(told.crm_module, told.operation, told.match_on, told.trigger, told.shape, org) for told, org in runs.values()}
    if len(meant) > 1:
        raise RefusedError(
            f"{replay.letters}: holds letters of runs that were told different things ({', '.join(letters.runs)}).",
            hint="Put the letters of each run into a file of their own, or replay them as JSON Lines.",
            code="MIXED_LETTERS",
        )
    told = runs[letters.run][0]
    return _inherited(replace(told, shape=replace(told.shape, set=(*told.shape.set, *replay.set))), replay)


def _inherited(told: ImportSettings, replay: ReplaySettings) -> ImportSettings:
    """Leave out what belonged to the run itself: its inputs and how to read them, its ends, its copies."""
    return replace(
        told,
        inputs=(replay.letters,),
        files=InputSettings(),
        limit=None,
        max_errors=None,
        dead_letter=None,
        results=None,
        window=None,
        max_duration_s=None,
        force=replay.force,
        again=True,
    )


def _runs_of(names: Sequence[str]) -> dict[str, tuple[ImportSettings, str]]:
    """Give settings and organization of those of the runs that are in this home."""
    return {
        facts.run: (from_json(ImportSettings, {**facts.settings["import"], "crm_module": facts.crm_module}), facts.org)
        for _, facts, _ in iter_runs()
        if facts.run in names and "import" in facts.settings
    }
