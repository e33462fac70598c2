"""Run a command that works on the CRM: progress, signals, summary and exit code."""

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
from bulkzoho.cli.summary_text import summary_text
from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSummary
from bulkzoho.domain.model.run import StopReason
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.summary.summary_json import failed_summary_json, summary_json
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import BulkZohoError, ExitCode
from bulkzoho.storage.store.open_store import open_store
from bulkzoho.storage.store.run_catalog import running_runs

__all__ = ["IN_DOUBT_NOTE", "CommandInfo", "run_command"]

IN_DOUBT_NOTE = "Rows of requests in flight are in doubt until the run is resumed."
GARBAGE_THRESHOLDS = (5_000, 20, 100)

Start = Callable[[ProgressDisplay, StopSignal], Coroutine[Any, Any, Summary | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandInfo:
    """The command, as the summary of a refused run shows it."""

    command: str
    crm_module: str = ""
    operation: str = ""
    data_on_stdout: bool = False  #: records go to standard output, so the summary cannot
    abandon_note: str = ""  #: what abandoned requests mean for the data; empty for a command that only reads


def run_command(
    command: CommandInfo, start: Start, *, as_json: bool, progress: str, to_text: Callable[[Summary], str] = summary_text
) -> int:
    """Run *start* until it ends, print its summary, and return the exit code.

    The first SIGINT, SIGTERM or SIGHUP lets requests in flight finish; the second abandons them.
    """
    gc.freeze()  # imported modules stay; objects of a call are freed by reference counting,
    gc.set_threshold(*GARBAGE_THRESHOLDS)  # and a collection every 700 objects costs a twelfth of the time
    try:
        summary = asyncio.run(_run(command, start, progress))
    except BulkZohoError as error:
        if command.data_on_stdout and as_json:
            print_note(
                json.dumps(failed_summary_json(error, command=command.command, crm_module=command.crm_module), ensure_ascii=False)
            )
            as_json = False
        return report_failure(
            error, as_json=as_json, command=command.command, crm_module=command.crm_module, operation=command.operation
        )
    _ignore_signals()
    if summary is None:
        print_note(f"bulkzoho: {_nothing_to_do()}")
        if as_json:
            print_json(failed_summary_json(None, command=command.command))
        return int(ExitCode.ACCEPTED)
    return _report(summary, to_text, as_json=as_json)


def _nothing_to_do() -> str:
    running = [f"run {run} is running (process {process})" for run, process in running_runs(open_store())]
    return f"nothing to resume: {', '.join(running) or 'every run is finished'}."


def _report(summary: Summary, to_text: Callable[[Summary], str], *, as_json: bool) -> int:
    if summary.error is not None:
        print_note(_error_line(summary.error))
    if as_json and isinstance(summary, ExportSummary) and summary.export["output"] == STANDARD_OUTPUT:
        print_note(json.dumps(summary_json(summary), ensure_ascii=False))
    elif as_json:
        print_json(summary_json(summary))
    else:
        print_note(to_text(summary))
    return int(summary.exit_code)


def _error_line(error: dict[str, Any]) -> str:
    return error_line(BulkZohoError(str(error.get("message", "")), hint=str(error.get("hint", ""))))


async def _run(command: CommandInfo, start: Start, progress: str) -> Summary | None:
    stop = StopSignal()
    with make_progress_display(progress) as display:
        _handle_signals(stop, display, command.abandon_note)
        return await start(display, stop)


def _handle_signals(stop: StopSignal, display: ProgressDisplay, abandon_note: str) -> None:
    """Handle signals until the loop is closed."""

    def received() -> None:
        if stop.requested:
            display.tell(f"Stopping immediately. {abandon_note}".rstrip())
            stop.cancel_now()
        else:
            display.tell("Finishing requests in flight. Press Ctrl-C again to stop immediately.")
            stop.request(StopReason.SIGNAL)

    loop = asyncio.get_running_loop()
    for number in _signals():
        try:
            loop.add_signal_handler(number, received)
        except NotImplementedError:  # the event loop of Windows handles no signals
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(received))


def _ignore_signals() -> None:
    """Ignore signals while the summary is written: the run has ended."""
    for number in _signals():
        signal.signal(number, signal.SIG_IGN)


def _signals() -> Iterator[signal.Signals]:
    """Yield the signals that end a run, except a SIGHUP that nohup has switched off."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            yield number
