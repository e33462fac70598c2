"""Every kind of reply, provoked in the sandbox: what the client reports, and what happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bulkzoho.domain.model.responses import NotSent, RateLimited, Rejected, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.rows import Action, Batch, Operation
from bulkzoho.sandbox import Sandbox, SandboxSettings
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.records_write import RecordWriteRoute
from bulkzoho.zoho.auth.datacenters import connection_settings_from_env
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient


@contextlib.asynccontextmanager
async def transport_to(sandbox: Sandbox, *, reply_timeout_s: float = 5.0) -> AsyncIterator[ApiClient]:
    told = replace(connection_settings_from_env(sandbox.environment), reply_timeout_s=reply_timeout_s)
    async with HttpClient(connect_timeout_s=5.0) as http:
        yield ApiClient(told, http=http, tokens=TokenProvider(told, http=http))


def batch(records: Sequence[dict[str, Any]]) -> Batch:
    return Batch(source=0, header=(), numbers=range(1, len(records) + 1), records=records, cells=[()] * len(records))


def leads(count: int) -> Batch:
    return batch([{"Last_Name": f"Lead {number}", "External_Id": f"X{number}"} for number in range(count)])


def inserting(client: ApiClient) -> RecordWriteRoute:
    return RecordWriteRoute(client, crm_module="Leads", operation=Operation.INSERT)


async def test_each_operation_returns_ids_and_actions() -> None:
    async with Sandbox() as sandbox, transport_to(sandbox) as client:
        inserted = await inserting(client).send(leads(100))
        assert isinstance(inserted, Succeeded)
        assert inserted.results is not None
        ids = list(inserted.results.ids)
        upsert = RecordWriteRoute(client, crm_module="Leads", operation=Operation.UPSERT, match_on=("External_Id",))
        upserted = await upsert.send(
            batch([{"External_Id": "X0", "Last_Name": "Again"}, {"External_Id": "new", "Last_Name": "New"}])
        )
        update = RecordWriteRoute(client, crm_module="Leads", operation=Operation.UPDATE)
        updated = await update.send(batch([{"id": ids[0], "Company": "Acme"}]))
        deleted = await RecordWriteRoute(client, crm_module="Leads", operation=Operation.DELETE).send(
            batch([{"id": ids[1]}, {"id": "404"}])
        )

        assert len(set(ids)) == 100
        assert inserted.results.actions is Action.INSERT
        assert isinstance(upserted, Succeeded)
        assert upserted.results is not None
        assert upserted.results.ids[0] == ids[0]
        assert upserted.results.actions == [Action.UPDATE, Action.INSERT]
        assert isinstance(updated, Succeeded)
        assert updated.results is not None
        assert updated.results.action(0) is Action.UPDATE
        assert isinstance(deleted, Succeeded)
        assert deleted.results is not None
        assert deleted.results.rejected[1].message == "record not deleted"
        assert sandbox.count("Leads") == 100
        assert [call.trigger for call in sandbox.calls if call.operation in ("insert", "update", "upsert")] == [(), (), ()]
        assert list(sandbox.violations) == []


@pytest.mark.parametrize("status", [200, 202, 207])
async def test_rejected_records_keep_their_position_with_any_status(status: int) -> None:
    settings = SandboxSettings(strict=UnverifiedBehavior(partial_success_status=status))
    async with Sandbox(settings) as sandbox, transport_to(sandbox) as client:
        reply = await inserting(client).send(batch([{"Last_Name": "A"}, {"Company": "B"}, {"Last_Name": "C"}]))

    assert isinstance(reply, Succeeded)
    assert reply.results is not None
    assert list(reply.results.rejected) == [1]
    assert (reply.results.rejected[1].code, reply.results.rejected[1].field) == ("MANDATORY_NOT_FOUND", "Last_Name")


async def test_a_call_with_only_rejected_records_succeeds() -> None:
    async with Sandbox() as sandbox, transport_to(sandbox) as client:
        reply = await inserting(client).send(batch([{"Company": "B"}, {"Last_Name": 7}]))

    assert isinstance(reply, Succeeded)
    assert reply.results is not None
    assert len(reply.results.rejected) == 2


async def test_an_upsert_with_only_inserts_may_have_status_201() -> None:
    settings = SandboxSettings(strict=UnverifiedBehavior(upsert_insert_status=201))
    async with Sandbox(settings) as sandbox, transport_to(sandbox) as client:
        route = RecordWriteRoute(client, crm_module="Leads", operation=Operation.UPSERT, match_on=("External_Id",))
        reply = await route.send(leads(3))

    assert isinstance(reply, Succeeded)
    assert reply.results is not None
    assert reply.results.actions is Action.INSERT


@pytest.mark.parametrize(
    ("fault", "committed"),
    [
        ({"kind": "reset_before_commit"}, 0),
        ({"kind": "reset_after_commit"}, 20),
        ({"kind": "partial_commit_then_reset", "records": 7}, 7),
        ({"kind": "truncated"}, 20),
        ({"kind": "empty_200"}, 20),
        ({"kind": "wrong_count"}, 20),
        ({"kind": "wrong_count", "records": 1}, 20),
        ({"kind": "500"}, 0),
        ({"kind": "502_page"}, 0),
        ({"kind": "hang", "seconds": 30}, 20),
    ],
)
async def test_a_call_with_unknown_outcome_is_response_lost_and_was_made_once(fault: dict[str, Any], committed: int) -> None:
    async with Sandbox() as sandbox, transport_to(sandbox, reply_timeout_s=0.5) as client:
        sandbox.faults.script([fault])

        reply = await inserting(client).send(leads(20))

        assert isinstance(reply, ResponseLost)
        assert sandbox.count("Leads") == committed
        assert [call.path for call in sandbox.calls] == ["/oauth/v2/token", "/crm/v8/Leads"]


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
async def test_an_update_or_delete_on_a_broken_connection_is_made_once(operation: Operation) -> None:
    async with Sandbox() as sandbox, transport_to(sandbox) as client:
        inserted = await inserting(client).send(leads(1))
        assert isinstance(inserted, Succeeded)
        assert inserted.results is not None
        sandbox.faults.script([{"kind": "reset_after_commit", "operation": operation.value, "times": 1}])

        reply = await RecordWriteRoute(client, crm_module="Leads", operation=operation).send(
            batch([{"id": inserted.results.ids[0], "Last_Name": "Changed"}])
        )

        assert isinstance(reply, ResponseLost)
        assert [call.operation for call in sandbox.calls] == ["token", "insert", operation.value]


@pytest.mark.parametrize("told", [False, True])
async def test_a_429_has_the_pause_of_retry_after(told: bool) -> None:
    async with Sandbox(SandboxSettings(retry_after=told)) as sandbox, transport_to(sandbox) as client:
        sandbox.faults.script([{"kind": "429"}])

        reply = await inserting(client).send(leads(3))

        assert isinstance(reply, RateLimited)
        assert reply.retry_after_s == (5.0 if told else None)
        assert sandbox.count("Leads") == 0


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "403"}, 403, "NO_PERMISSION"),
        ({"kind": "scope_mismatch"}, 401, "OAUTH_SCOPE_MISMATCH"),
        ({"kind": "refuse_all_400", "marker": "Lead 2"}, 400, "INVALID_DATA"),
        ({"kind": "413", "marker": "Lead 2"}, 413, None),
    ],
)
async def test_a_call_rejected_as_a_whole_changed_nothing(
    fault: dict[str, Any], status: int, code: str | None, wrapped: bool
) -> None:
    settings = SandboxSettings(strict=UnverifiedBehavior(wrapped_errors=wrapped))
    async with Sandbox(settings) as sandbox, transport_to(sandbox) as client:
        sandbox.faults.script([fault])

        reply = await inserting(client).send(leads(3))

        assert isinstance(reply, Rejected)
        assert reply.status == status
        assert code is None or reply.code == code
        assert sandbox.count("Leads") == 0


async def test_an_unknown_module_is_rejected_even_for_a_single_record() -> None:
    async with Sandbox() as sandbox, transport_to(sandbox) as client:
        route = RecordWriteRoute(client, crm_module="Nothings", operation=Operation.INSERT)
        reply = await route.send(batch([{"Last_Name": "A"}]))

    assert isinstance(reply, Rejected)
    assert reply.code == "INVALID_MODULE"


async def test_a_revoked_token_names_its_serial_and_a_newer_one_works() -> None:
    async with Sandbox() as sandbox, transport_to(sandbox) as client:
        await inserting(client).send(leads(1))
        sandbox.revoke()

        refused = await inserting(client).send(leads(1))
        assert isinstance(refused, TokenRejected)
        renewed = await client.renew_token(refused.token_serial)
        again = await inserting(client).send(batch([{"Last_Name": "After"}]))

        assert refused == TokenRejected(token_serial=1, code="INVALID_TOKEN")
        assert renewed == Succeeded()
        assert isinstance(again, Succeeded)
        assert sandbox.count("Leads") == 2


async def test_a_stopped_server_means_not_sent() -> None:
    async with Sandbox() as sandbox, transport_to(sandbox) as client:
        await inserting(client).send(leads(1))
        await sandbox.__aexit__(None, None, None)
        await asyncio.sleep(0.05)  # its last word, that the kept connection is closed, arrives

        reply = await inserting(client).send(leads(1))

        assert isinstance(reply, NotSent)


async def test_remaining_credits_are_returned_once_half_are_used() -> None:
    async with Sandbox(SandboxSettings(credits_per_day=10)) as sandbox, transport_to(sandbox) as client:
        first = await inserting(client).send(leads(60))
        second = await inserting(client).send(batch([{"Last_Name": f"L{number}"} for number in range(50)]))

    assert isinstance(first, Succeeded)
    assert first.credits_remaining == 4
    assert isinstance(second, RateLimited)
    assert second.credits_remaining == 4
