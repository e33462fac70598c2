"""An expected error of a check becomes a failed check."""

from __future__ import annotations

import asyncio

from bulkzoho.app.doctor.check_result import CheckResult, CheckStatus, run_check
from bulkzoho.errors import BulkZohoError, UnreachableError


async def _fail(error: BulkZohoError) -> None:
    raise error


async def test_errors_of_concurrent_calls_become_one_failed_check() -> None:
    async def check() -> list[CheckResult]:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(_fail(UnreachableError("no response.", hint="Check the network.")))
        return []

    (result,) = await run_check("module Leads", check)

    assert (result.state, result.message, result.hint) == (CheckStatus.FAILURE, "no response.", "Check the network.")
