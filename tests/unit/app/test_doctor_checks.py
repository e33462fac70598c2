"""Checks of doctor: every expected error becomes a failed check."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bulkzoho.app.doctor.check_result import CheckResult, CheckStatus, run_check
from bulkzoho.app.doctor.scope_checks import check_module
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.model.account import AccountPurpose
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo
from bulkzoho.errors import AccessError, BulkZohoError, UnreachableError

LEADS = CrmModule(name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"))


async def _fail(error: BulkZohoError) -> None:
    raise error


@pytest.mark.parametrize("error", [UnreachableError("no response."), AccessError("not authorized.")])
async def test_a_probe_of_a_module_that_fails_raises_its_own_error(error: BulkZohoError) -> None:
    async def call(*_: Any) -> None:
        await asyncio.sleep(0)
        raise error

    crm = cast(CrmSession, SimpleNamespace(caller=SimpleNamespace(call=call)))

    with pytest.raises(type(error)):
        await check_module(crm, LEADS, AccountPurpose.IMPORT)


async def test_errors_of_concurrent_calls_become_one_failed_check() -> None:
    async def check() -> list[CheckResult]:
        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(_fail(UnreachableError("no response.", hint="Check the network.")))
        return []

    (result,) = await run_check("module Leads", check)

    assert (result.state, result.message, result.hint) == (CheckStatus.FAILURE, "no response.", "Check the network.")
