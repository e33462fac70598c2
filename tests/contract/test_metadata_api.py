"""Metadata API against the sandbox."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, Organization, User
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.interfaces import MetadataApi
from bulkzoho.sandbox import Sandbox, SandboxSettings
from bulkzoho.sandbox.settings import Edition
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.metadata_api import MetadataClient
from bulkzoho.zoho.api.records_read import RecordReadClient
from bulkzoho.zoho.api.records_write import RecordWriteRoute
from bulkzoho.zoho.auth.datacenters import connection_settings_from_env
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient


@contextlib.asynccontextmanager
async def crm_of(sandbox: Sandbox) -> AsyncIterator[tuple[MetadataApi, ApiClient]]:
    told = connection_settings_from_env(sandbox.environment)
    async with HttpClient(connect_timeout_s=5.0) as http:
        client = ApiClient(told, http=http, tokens=TokenProvider(told, http=http))
        yield MetadataClient(client), client


def payload(reply: Reply) -> object:
    assert isinstance(reply, Succeeded)
    return reply.payload


def at_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def named(api_name: str) -> ModuleInfo:
    return ModuleInfo(api_name=api_name, singular_label="", plural_label="")


@pytest.mark.parametrize(("edition", "word"), [(Edition.ULTIMATE, "ultimate"), (Edition.FREE, "free")])
async def test_the_organization_has_its_edition_and_licences(edition: Edition, word: str) -> None:
    async with Sandbox(SandboxSettings(edition=edition, licences=25)) as sandbox, crm_of(sandbox) as (crm, _):
        organization = payload(await crm.organization())

    assert organization == Organization(
        id="650000001", name="Sandbox Company", type="sandbox", edition=word, licences=25, time_zone="Europe/Stockholm"
    )


async def test_without_the_scope_reading_the_organization_is_rejected() -> None:
    async with Sandbox(SandboxSettings(scopes=("ZohoCRM.modules.ALL",))) as sandbox, crm_of(sandbox) as (crm, _):
        reply = await crm.organization()

    assert isinstance(reply, Rejected)
    assert (reply.status, reply.code) == (401, "OAUTH_SCOPE_MISMATCH")


async def test_the_current_user_has_only_id_and_name() -> None:
    async with Sandbox() as sandbox, crm_of(sandbox) as (crm, _):
        user = payload(await crm.current_user())

    assert isinstance(user, User)
    assert user.id.isdigit()
    assert user.name == "Ana Lund"


async def test_modules_and_their_fields_are_read() -> None:
    async with Sandbox() as sandbox, crm_of(sandbox) as (crm, _):
        modules = payload(await crm.modules())
        deals = payload(await crm.module(named("Deals")))

    assert isinstance(modules, tuple)
    assert {"Leads", "Contacts", "Accounts", "Deals"} <= {module.api_name for module in modules}
    assert isinstance(deals, CrmModule)
    assert deals.by_api_name["Deal_Name"].mandatory
    assert deals.by_api_name["Account_Name"].lookup_module == "Accounts"
    assert "Closed Won" in deals.by_api_name["Stage"].pick_list
    assert not deals.by_api_name["Created_Time"].api_create


async def test_reading_the_fields_of_an_unknown_module_is_rejected() -> None:
    async with Sandbox() as sandbox, crm_of(sandbox) as (crm, _):
        reply = await crm.module(named("Nothings"))

    assert isinstance(reply, Rejected)
    assert reply.code == "INVALID_MODULE"


async def test_records_are_counted_and_found() -> None:
    query = "select Last_Name from Leads where Last_Name = 'Boyle'"
    async with Sandbox() as sandbox, crm_of(sandbox) as (crm, client):
        records = RecordReadClient(client, crm_module="Leads")
        empty = payload(await records.query(query))
        route = RecordWriteRoute(client, crm_module="Leads", operation=Operation.INSERT)
        await route.send(Batch(source=0, header=(), numbers=[1], records=[{"Last_Name": "Boyle"}], cells=[()]))
        found = payload(await records.query(query))
        count = payload(await crm.count("Leads"))

    assert empty == ApiPage()
    assert isinstance(found, ApiPage)
    assert [record["Last_Name"] for record in found.records] == ["Boyle"]
    assert count == 1


async def test_a_query_that_cannot_be_parsed_is_rejected_without_repeating_it() -> None:
    async with Sandbox() as sandbox, crm_of(sandbox) as (_, client):
        records = RecordReadClient(client, crm_module="Leads")
        reply = await records.query("select Last_Name from Leads where Last_Name = 'Secret Person")

    assert isinstance(reply, Rejected)
    assert "Secret Person" not in repr(reply)


async def test_deleted_records_are_read_page_by_page_with_the_time_of_deletion() -> None:
    async with Sandbox() as sandbox, crm_of(sandbox) as (_, client):
        records = RecordReadClient(client, crm_module="Leads")
        ids = sandbox.add("Leads", [{"Last_Name": f"Lead {number}"} for number in range(250)])
        route = RecordWriteRoute(client, crm_module="Leads", operation=Operation.DELETE)
        before_s = time.time() - 1
        for at in range(0, 250, 50):
            batch = [{"id": one} for one in ids[at : at + 50]]
            await route.send(Batch(source=0, header=(), numbers=range(1, 51), records=batch, cells=[()] * 50))
        pages = [payload(await records.deleted(since=at_time(before_s), page=number)) for number in (1, 2)]
        later = payload(await records.deleted(since=at_time(before_s + 3_600), page=1))

    assert [isinstance(page, ApiPage) and (len(page.records), page.next_token) for page in pages] == [(200, "2"), (50, None)]
    found = [record for page in pages if isinstance(page, ApiPage) for record in page.records]
    assert {record["id"] for record in found} == set(ids)
    assert all(datetime.fromisoformat(record["deleted_time"]).timestamp() >= int(before_s) for record in found)
    assert later == ApiPage()
