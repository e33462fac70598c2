"""Replay rejected rows: a dead-letter file is the input of a new run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bulkzoho.app.credentials import select_account
from bulkzoho.app.inputs import InputOpener, describe_inputs
from bulkzoho.app.run_import import ImportRun, run_import
from bulkzoho.app.run_lifecycle import NewRun, new_run
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run_settings import ExportRunSettings, ReplayRunSettings
from bulkzoho.domain.model.settings import ImportSettings, InputSettings, MappingSettings, ReplaySettings
from bulkzoho.domain.model.summary import Summary
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import RefusedError
from bulkzoho.formats.dead_letter.header import DeadLetterFileInfo, read_file_info
from bulkzoho.interfaces import Progress, RunStore
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_catalog import iter_runs
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["ReplayPlan", "plan_replay", "replay_letters"]


async def replay_letters(
    settings: ReplaySettings, *, account: AccountSelection = DEFAULT_ACCOUNT, progress: Progress, stop: StopSignal
) -> Summary:
    """Send rejected rows again, in a run of their own.

    Raises:
        BulkZohoError: Before the run existed: credentials missing, the file, a field or another organization refused.
    """
    chosen, store = select_account(account), open_store()  # missing credentials are reported before there is a run
    plan = plan_replay(store, settings)

    def prepare(folder: RunFolder) -> NewRun:
        kept = ReplayRunSettings(imports=plan.settings, only_codes=settings.only_codes, account=chosen.selection.to_json())
        return NewRun(settings=kept, inputs=describe_inputs(opener_in(folder)))

    def opener_in(folder: RunFolder) -> InputOpener:
        return InputOpener(settings=plan.settings, folder=folder, letters=True, only_codes=settings.only_codes)

    with new_run(store, plan.settings.crm_module, prepare) as run:
        work = ImportRun(run=run, settings=plan.settings, opener=opener_in(run.folder), account=chosen, letters_org=plan.org)
        return await run_import(work, progress=progress, stop=stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPlan:
    """A replay as the import that it is."""

    settings: ImportSettings
    org: str  #: the organization that the rejected rows came from; "" if it is not known


def plan_replay(store: RunStore, replay: ReplaySettings) -> ReplayPlan:
    """Return the import that a replay is; it inherits the settings of the run that rejected the rows.

    A JSON Lines file has records with API names and names module and operation.  A CSV file has the columns of the input, so it
    needs the mapping of its run, from that run's journal.

    Raises:
        RefusedError: The file is not a dead-letter file, or its run is not in this store.
    """
    letters = read_file_info(replay.letters)
    if not letters.rows:
        raise RefusedError(f"{replay.letters}: has no rejected row.", hint="There is nothing to replay.", code="NO_LETTERS")
    runs = _runs_of(store, letters.runs)
    operation = letters.operation
    settings = (
        _settings_for_csv(replay, letters, runs) if operation is None else _settings_for_json(replay, letters, operation, runs)
    )
    org = letters.org or next((run.org for run in runs.values() if run.org), "")
    return ReplayPlan(settings=replace(settings, **dict(replay.overrides)), org=org)


@dataclass(frozen=True, slots=True)
class RejectingRun:
    """A run whose rejected rows are replayed."""

    settings: ImportSettings
    org: str


def _settings_for_json(
    replay: ReplaySettings, letters: DeadLetterFileInfo, operation: Operation, runs: Mapping[str, RejectingRun]
) -> ImportSettings:
    known = runs.get(letters.run)
    first = known.settings if known is not None else ImportSettings(inputs=(), crm_module=letters.crm_module)
    return _inherit(
        replace(
            first,
            crm_module=letters.crm_module,
            operation=operation,
            match_on=letters.match_on,
            trigger=() if letters.trigger in ("", "none") else tuple(letters.trigger.split(",")),
            shape=MappingSettings(set=replay.set, time_zone=first.shape.time_zone),
        ),
        replay,
    )


def _settings_for_csv(replay: ReplaySettings, letters: DeadLetterFileInfo, runs: Mapping[str, RejectingRun]) -> ImportSettings:
    for run in letters.runs:
        if run not in runs:
            raise RefusedError(
                f"{replay.letters}: run {run} is not in this state directory, and only its journal maps these columns to fields.",
                hint="Replay the JSON Lines file instead, or set BULKZOHO_HOME to the state directory of that run.",
                code="NO_SUCH_RUN",
            )
    variants = {
        (first.crm_module, first.operation, first.match_on, first.trigger, first.shape, run.org)
        for run in runs.values()
        if (first := run.settings)
    }
    if len(variants) > 1:
        raise RefusedError(
            f"{replay.letters}: has rows of runs with different settings ({', '.join(letters.runs)}).",
            hint="Put the rows of each run into a file of their own, or replay them as JSON Lines.",
            code="MIXED_LETTERS",
        )
    first = runs[letters.run].settings
    return _inherit(replace(first, shape=replace(first.shape, set=(*first.shape.set, *replay.set))), replay)


def _inherit(first: ImportSettings, replay: ReplaySettings) -> ImportSettings:
    """Return the settings of the *first* run without those that were for its own inputs, limits and output files."""
    return replace(
        first,
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


def _runs_of(store: RunStore, names: Sequence[str]) -> dict[str, RejectingRun]:
    """Return those of the runs *names* that are in the store."""
    found = {}
    for run in iter_runs(store):
        settings = run.info.settings
        if run.info.run in names and not isinstance(settings, ExportRunSettings):
            found[run.info.run] = RejectingRun(replace(settings.imports, crm_module=run.info.crm_module), run.info.org)
    return found
