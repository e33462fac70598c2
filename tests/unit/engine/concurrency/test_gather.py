"""Concurrent calls: results in order, the first error itself."""

from __future__ import annotations

import asyncio

import pytest

from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.concurrency.stop import StopRequestedError
from bulkzoho.errors import RunFailedError


async def _return(number: int) -> int:
    await asyncio.sleep(0.001 * (3 - number))
    return number


async def _fail(error: Exception) -> int:
    raise error


async def test_results_come_in_the_order_of_the_calls() -> None:
    assert await gather_first_error([_return(number) for number in range(3)]) == [0, 1, 2]
    assert await gather_first_error([]) == []


@pytest.mark.parametrize("error", [StopRequestedError(), RunFailedError("no", hint="resume")])
async def test_the_error_of_one_call_is_raised_and_not_a_group(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        await gather_first_error([_return(0), _fail(error), _return(1)])

    assert raised.value is error


async def test_an_error_with_a_message_for_the_user_comes_before_a_stop_request() -> None:
    with pytest.raises(RunFailedError):
        await gather_first_error([_fail(StopRequestedError()), _fail(RunFailedError("no", hint="resume"))])
