"""Run calls concurrently; the first error is the error of all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from bulkzoho.errors import BulkZohoError

__all__ = ["first_error", "gather_first_error"]

T = TypeVar("T")


async def gather_first_error(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of *calls* in their order; when one fails, cancel the others.

    Raises:
        Exception: The first error itself, not an exception group.
    """
    if len(calls) == 1:
        return [await calls[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as errors:
        raise first_error(errors) from errors
    return [task.result() for task in tasks]


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error that has a message for the user, else the first error."""
    leaves: list[BaseException] = []
    stack: list[BaseException] = [group]
    while stack:
        error = stack.pop(0)
        if isinstance(error, BaseExceptionGroup):
            stack = [*error.exceptions, *stack]
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, BulkZohoError)), leaves[0])
