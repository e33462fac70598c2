"""Ask a person at a terminal; secrets are not echoed.  Where there is no terminal nobody is asked."""

from __future__ import annotations

import sys

import click

__all__ = ["ask", "is_interactive"]


def is_interactive() -> bool:
    """Whether questions can be answered."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, *, secret: bool = False, default: str | None = None) -> str:
    """Ask *question* on standard error until there is an answer; a secret's is not shown."""
    answer = click.prompt(question, hide_input=secret, default=default, err=True)
    return str(answer).strip()
