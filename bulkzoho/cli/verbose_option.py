"""``-v``: say on standard error what happens inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["verbose_option"]


def _be_verbose(ctx: click.Context, param: click.Parameter, value: int) -> None:  # noqa: ARG001  click's signature
    if not value or ctx.resilient_parsing:
        return
    import logging  # noqa: PLC0415  only who asks for it pays for it

    logging.basicConfig(
        level=logging.INFO if value == 1 else logging.DEBUG,
        format="%(asctime)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )


def verbose_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the option ``-v``, which leaves nothing behind for its function."""
    return click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=_be_verbose, help="Say what happens inside; -vv says more."
    )(command)
