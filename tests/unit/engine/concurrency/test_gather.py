"""Calls made at once: their results in order, their first error as it is."""

from __future__ import annotations

import asyncio

import pytest

from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.concurrency.stop import StopRequestedError
from bulkzoho.errors import RunFailedError


async def _gives(number: int) -> int:
    await asyncio.sleep(0.001 * (3 - number))
    return number


async def _fails(error: Exception) -> int:
    raise error


async def test_results_come_in_the_order_of_the_calls() -> None:
    assert await gather_first_error([_gives(number) for number in range(3)]) == [0, 1, 2]
    assert await gather_first_error([]) == []


@pytest.mark.parametrize("error", [StopRequestedError(), RunFailedError("no", hint="resume")])
async def test_an_error_of_one_is_raised_as_it_is_and_not_as_a_group(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        await gather_first_error([_gives(0), _fails(error), _gives(1)])

    assert raised.value is error


async def test_what_says_something_to_the_user_comes_before_an_admission_that_closed() -> None:
    with pytest.raises(RunFailedError):
        await gather_first_error([_fails(StopRequestedError()), _fails(RunFailedError("no", hint="resume"))])
