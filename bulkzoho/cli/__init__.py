"""The command line.  Importing this package is cheap; each command is loaded when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bulkzoho`` with *arguments* (default: the process's own) and return its exit code; never raise."""
    from bulkzoho.cli.program import run_program

    return run_program(list(sys.argv[1:] if arguments is None else arguments))
