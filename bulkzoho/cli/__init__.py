"""The command line.  Importing this package is cheap; each command is loaded when it is used."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``bulkzoho`` with *arguments* (default: the process's own) and give its exit code; never raises.

    The console script exits with what this returns.
    """
    from bulkzoho.cli.main import run_program  # noqa: PLC0415  so that importing the package loads no click

    return run_program(list(sys.argv[1:] if arguments is None else arguments))
