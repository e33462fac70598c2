"""Ask questions at a terminal, without echo for secrets."""

from __future__ import annotations

import sys

import click

__all__ = ["ask", "is_interactive"]


def is_interactive() -> bool:
    """Return whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, *, secret: bool = False, default: str | None = None) -> str:
    """Ask *question* on standard error until there is an answer; do not echo a secret."""
    answer = click.prompt(question, hide_input=secret, default=default, err=True)
    return str(answer).strip()
