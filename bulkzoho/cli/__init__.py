"""The command line.  Importing this package is cheap; each command is loaded when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bulkzoho`` with *arguments* (default: the process's own) and return its exit code; never raise.

    With *arguments* the caller's process goes on, so its signal handlers are restored: a command ignores signals at its end.
    """
    from bulkzoho.cli.program import run_program

    if arguments is None:
        return run_program(sys.argv[1:])
    import signal

    handlers = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)) if number
    }
    try:
        return run_program(list(arguments))
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
