"""What a check found, and how one is made: with its own time-out, whatever it meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.errors import BulkZohoError

__all__ = ["CHECK_TIMEOUT_S", "CheckResult", "CheckStatus", "failure", "ok", "run_check", "warning"]

CHECK_TIMEOUT_S: Final = 4.0  # seconds for one check


class CheckStatus(StrEnum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One line of the doctor's."""

    name: str
    state: CheckStatus
    message: str
    hint: str = ""


def ok(name: str, message: str) -> CheckResult:
    """Find nothing wrong."""
    return CheckResult(name=name, state=CheckStatus.OK, message=message)


def warning(name: str, message: str, hint: str) -> CheckResult:
    """Find something that a person should know."""
    return CheckResult(name=name, state=CheckStatus.WARNING, message=message, hint=hint)


def failure(name: str, error: BulkZohoError) -> CheckResult:
    """Find something that keeps a run from working."""
    return CheckResult(name=name, state=CheckStatus.FAILURE, message=error.message, hint=error.hint)


async def run_check(name: str, check: Callable[[], Awaitable[Iterable[CheckResult]]]) -> list[CheckResult]:
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
        return [
            CheckResult(name=name, state=CheckStatus.FAILURE, message=words, hint="See that the state folder can be written.")
        ]


def _too_late(name: str) -> CheckResult:
    return CheckResult(
        name=name,
        state=CheckStatus.FAILURE,
        message=f"no answer within {CHECK_TIMEOUT_S:g} s.",
        hint="Check the network and the proxy; if they are well, Zoho may have trouble: see its status page.",
    )
