"""Run one job: watch it, hand it the signals, say how it ended."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

from bulkzoho.cli.error_output import error_line, report_failure
from bulkzoho.cli.progress_display import ProgressDisplay, make_progress_display
from bulkzoho.cli.streams import print_json, print_note
from bulkzoho.cli.summary_text import summary_page
from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSummary
from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.summary.summary_json import failed_summary_json, summary_json
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import BulkZohoError, ExitCode
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_catalog import running_runs

__all__ = ["JobInfo", "run_job"]

GARBAGE_THRESHOLDS = (5_000, 20, 100)

Start = Callable[[ProgressDisplay, StopSignal], Coroutine[Any, Any, Summary | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInfo:
    """What a summary says of a run that was refused before it began."""

    command: str
    crm_module: str = ""
    operation: str = ""
    data_on_stdout: bool = False  #: the command's data go to standard output, so that its summary cannot


def run_job(job: JobInfo, start: Start, *, as_json: bool, progress: str, page: Callable[[Summary], str] = summary_page) -> int:
    """Run what *start* gives until it ends, and give the exit code.

    The first SIGINT, SIGTERM or SIGHUP lets calls in flight end; the second leaves them.
    """
    gc.freeze()  # what was imported stays; what a call makes goes when the last one lets go of it,
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # and a search for circles every 700 objects costs a twelfth of the time
    try:
        summary = asyncio.run(_watched(start, progress))
    except BulkZohoError as error:
        if job.data_on_stdout and as_json:
            print_note(json.dumps(failed_summary_json(error, command=job.command, crm_module=job.crm_module), ensure_ascii=False))
            as_json = False
        return report_failure(error, as_json=as_json, command=job.command, crm_module=job.crm_module, operation=job.operation)
    _ignore_signals()
    if summary is None:
        print_note(f"bulkzoho: {_nothing_to_do()}")
        if as_json:
            print_json(failed_summary_json(None, command=job.command))
        return int(ExitCode.ACCEPTED)
    return _end(summary, page, as_json=as_json)


def _nothing_to_do() -> str:
    working = [f"run {run} is at work (process {process})" for run, process in running_runs(open_store())]
    return f"nothing to resume: {', '.join(working) or 'every run is finished'}."


def _end(summary: Summary, page: Callable[[Summary], str], *, as_json: bool) -> int:
    if summary.error is not None:
        print_note(_error_line(summary.error))
    if as_json and isinstance(summary, ExportSummary) and summary.export["output"] == STANDARD_OUTPUT:
        print_note(json.dumps(summary_json(summary), ensure_ascii=False))
    elif as_json:
        print_json(summary_json(summary))
    else:
        print_note(page(summary))
    return int(summary.exit_code)


def _error_line(error: dict[str, Any]) -> str:
    return error_line(BulkZohoError(str(error.get("message", "")), hint=str(error.get("hint", ""))))


async def _watched(start: Start, progress: str) -> Summary | None:
    stop = StopSignal()
    with make_progress_display(progress) as display:
        _take_signals(stop, display)
        return await start(display, stop)


def _take_signals(stop: StopSignal, display: ProgressDisplay) -> None:
    """Let signals decide from now on until the loop is closed."""

    def received() -> None:
        if stop.requested:
            display.tell("Stopping at once: calls in flight are left, their rows are in doubt until a resume.")
            stop.cancel_now()
        else:
            display.tell("Stopping: calls in flight may end, then everything is settled. Once more to stop at once.")
            stop.request(StopReason.SIGNAL)

    loop = asyncio.get_running_loop()
    for number in _signals():
        try:
            loop.add_signal_handler(number, received)
        except NotImplementedError:  # Windows: its loop takes no signals
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(received))


def _ignore_signals() -> None:
    """The run has ended; nothing may come between it and its summary."""
    for number in _signals():
        signal.signal(number, signal.SIG_IGN)


def _signals() -> Iterator[signal.Signals]:
    """Give the signals that end a run, but for a SIGHUP that whoever started us (nohup) has switched off."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            yield number
