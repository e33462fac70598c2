"""Calls made at once, whose first error is the error of all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from bulkzoho.errors import BulkZohoError

__all__ = ["first_error", "gather_first_error"]

T = TypeVar("T")


async def gather_first_error(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Give what *calls* give, in their order; when one fails the others are cancelled.

    Raises:
        Exception: What the first of them raised, not a group of it: whoever awaits this made one request.
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
    """Give the first error that says something to the user, else the first of all."""
    leaves: list[BaseException] = []
    stack: list[BaseException] = [group]
    while stack:
        one = stack.pop(0)
        if isinstance(one, BaseExceptionGroup):
            stack = [*one.exceptions, *stack]
        else:
            leaves.append(one)
    return next((one for one in leaves if isinstance(one, BulkZohoError)), leaves[0])
