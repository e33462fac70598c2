"""Checks of permissions raise an error that they cannot report."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bulkzoho.app.doctor.scope_checks import check_module
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.model.account import AccountPurpose
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo
from bulkzoho.errors import AccessError, BulkZohoError, UnreachableError

LEADS = CrmModule(name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"))


@pytest.mark.parametrize("error", [UnreachableError("no response."), AccessError("not authorized.")])
async def test_a_probe_of_a_module_that_fails_raises_its_own_error(error: BulkZohoError) -> None:
    async def call(*_: Any) -> None:
        await asyncio.sleep(0)
        raise error

    crm = cast(CrmSession, SimpleNamespace(caller=SimpleNamespace(call=call)))

    with pytest.raises(type(error)):
        await check_module(crm, LEADS, AccountPurpose.IMPORT)
