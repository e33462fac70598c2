"""What a check found, and how one is made: with its own time-out, whatever it meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.errors import BulkZohoError

__all__ = ["CHECK_TIMEOUT_S", "Finding", "State", "failure", "found", "ok", "warning"]

CHECK_TIMEOUT_S: Final = 4.0  # seconds for one check


class State(StrEnum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's."""

    name: str
    state: State
    message: str
    hint: str = ""


def ok(name: str, message: str) -> Finding:
    """Find nothing wrong."""
    return Finding(name=name, state=State.OK, message=message)


def warning(name: str, message: str, hint: str) -> Finding:
    """Find something that a person should know."""
    return Finding(name=name, state=State.WARNING, message=message, hint=hint)


def failure(name: str, error: BulkZohoError) -> Finding:
    """Find something that keeps a run from working."""
    return Finding(name=name, state=State.FAILURE, message=error.message, hint=error.hint)


async def found(name: str, check: Callable[[], Awaitable[Iterable[Finding]]]) -> list[Finding]:
    """Make *check*; what it raises, and that it takes too long, are findings as well."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return list(await check())
    except BulkZohoError as error:
        return [failure(name, error)]
    except OSError as error:
        if isinstance(error, TimeoutError):
            return [_too_late(name)]
        words = f"{error.strerror or 'the system refused'}."
        return [Finding(name=name, state=State.FAILURE, message=words, hint="See that the state folder can be written.")]


def _too_late(name: str) -> Finding:
    return Finding(
        name=name,
        state=State.FAILURE,
        message=f"no answer within {CHECK_TIMEOUT_S:g} s.",
        hint="Check the network and the proxy; if they are well, Zoho may have trouble: see its status page.",
    )
