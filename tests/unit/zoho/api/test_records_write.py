"""Requests of the records route."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.responses import NotSent, Rejected, Succeeded
from bulkzoho.domain.model.rows import Batch, Operation
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.interfaces import ImportRoute
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.records_write import RecordWriteRoute
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient
from tests.unit.zoho.raw_server import RawServer, Seen, answer, settings_for

NONE_SKIPPED = [{"name": "cadences"}, {"name": "assignment_rules"}]


def batch(*records: dict[str, Any]) -> Batch:
    return Batch(source=0, header=(), numbers=range(1, len(records) + 1), records=records, cells=[()] * len(records))


async def sent(
    operation: Operation,
    *records: dict[str, Any],
    match_on: Sequence[str] = (),
    trigger: Sequence[str] = (),
    version: str = "v8",
) -> Seen:
    async with RawServer(answer({"data": []})) as server, HttpClient(connect_timeout_s=5.0) as http:
        told = settings_for(server.url, api_version=version)
        client = ApiClient(told, http=http, tokens=TokenProvider(told, http=http))
        route: ImportRoute = RecordWriteRoute(client, crm_module="Leads", operation=operation, match_on=match_on, trigger=trigger)
        await route.send(batch(*records))
    (seen,) = server.seen
    return seen


async def test_an_insert_runs_no_automation_by_default() -> None:
    seen = await sent(Operation.INSERT, {"Last_Name": "Boyle"})

    assert (seen.method, seen.target) == ("POST", "/crm/v8/Leads")
    assert json.loads(seen.body) == {"data": [{"Last_Name": "Boyle"}], "trigger": [], "skip_feature_execution": NONE_SKIPPED}


async def test_named_automations_are_run() -> None:
    seen = await sent(Operation.INSERT, {"Last_Name": "Boyle"}, trigger=("workflow", "approval"))

    assert json.loads(seen.body) == {"data": [{"Last_Name": "Boyle"}], "trigger": ["workflow", "approval"]}


async def test_all_automations_are_the_services_own_default() -> None:
    seen = await sent(Operation.INSERT, {"Last_Name": "Boyle"}, trigger=("all",))

    assert json.loads(seen.body) == {"data": [{"Last_Name": "Boyle"}]}


async def test_an_update_is_a_put() -> None:
    seen = await sent(Operation.UPDATE, {"id": "1", "Last_Name": "Boyle"})

    assert (seen.method, seen.target) == ("PUT", "/crm/v8/Leads")


async def test_an_upsert_names_the_fields_it_matches_by() -> None:
    seen = await sent(Operation.UPSERT, {"Email": "a@b.example"}, match_on=("Email",))

    body = json.loads(seen.body)
    assert (seen.method, seen.target) == ("POST", "/crm/v8/Leads/upsert")
    assert body["duplicate_check_fields"] == ["Email"]
    assert {(one["name"], one["action"]) for one in body["skip_feature_execution"]} == {
        (name, action) for name in ("cadences", "assignment_rules") for action in ("insert", "update")
    }


async def test_a_delete_sends_ids_and_runs_no_workflow() -> None:
    seen = await sent(Operation.DELETE, {"id": "11"}, {"id": "22"})

    assert (seen.method, seen.target, seen.body) == ("DELETE", "/crm/v8/Leads?ids=11,22&wf_trigger=false", b"")


async def test_a_delete_with_automations_uses_the_services_default() -> None:
    seen = await sent(Operation.DELETE, {"id": "11"}, trigger=("workflow",))

    assert seen.target == "/crm/v8/Leads?ids=11"


async def test_an_older_version_has_its_own_path_and_gets_no_unknown_keys() -> None:
    seen = await sent(Operation.INSERT, {"Last_Name": "Boyle"}, version="v2")

    assert seen.target == "/crm/v2/Leads"
    assert "skip_feature_execution" not in json.loads(seen.body)


async def test_numbers_are_sent_with_their_own_digits() -> None:
    seen = await sent(Operation.INSERT, {"Annual_Revenue": ExactNumber("0.10"), "No": ExactNumber("9007199254740993")})

    assert b'"Annual_Revenue":0.10,"No":9007199254740993' in seen.body


@pytest.mark.parametrize("bad", [{"id": "1,2"}, {"id": ""}, {}, {"id": "5.72E+17"}])
async def test_a_delete_with_an_invalid_id_is_rejected_before_sending(bad: dict[str, Any]) -> None:
    async with HttpClient(connect_timeout_s=5.0) as http:
        told = settings_for("http://127.0.0.1:1")
        client = ApiClient(told, http=http, tokens=TokenProvider(told, http=http))
        route = RecordWriteRoute(client, crm_module="Leads", operation=Operation.DELETE)

        reply = await route.send(batch({"id": "7"}, bad))

    assert isinstance(reply, Rejected)
    assert (reply.code, reply.details) == ("INVALID_DATA", {"api_name": "id"})


async def test_a_call_that_was_not_sent_is_returned_as_such() -> None:
    async with HttpClient(connect_timeout_s=5.0) as http:
        told = settings_for("http://127.0.0.1:1")
        client = ApiClient(told, http=http, tokens=TokenProvider(told, http=http))

        reply = await RecordWriteRoute(client, crm_module="Leads", operation=Operation.INSERT).send(batch({"Last_Name": "B"}))

    assert isinstance(reply, NotSent)


@pytest.mark.parametrize(
    ("operation", "records", "price"),
    [
        (Operation.INSERT, 100, CallCost(credits=10, heavy=True)),
        (Operation.UPSERT, 10, CallCost(credits=1)),
        (Operation.UPDATE, 11, CallCost(credits=2, heavy=True)),
        (Operation.DELETE, 100, CallCost(credits=1)),
    ],
)
async def test_a_batch_has_its_documented_cost(operation: Operation, records: int, price: CallCost) -> None:
    async with HttpClient(connect_timeout_s=5.0) as http:
        told = settings_for("http://127.0.0.1:1")
        client = ApiClient(told, http=http, tokens=TokenProvider(told, http=http))
        route = RecordWriteRoute(client, crm_module="Leads", operation=operation)

    assert (route.name, route.price(batch(*[{"id": "1"}] * records))) == ("records", price)


async def test_a_response_is_decoded_for_its_operation() -> None:
    result = {"code": "SUCCESS", "details": {"id": "5"}, "message": "record updated", "status": "success"}
    async with RawServer(answer({"data": [result]})) as server, HttpClient(connect_timeout_s=5.0) as http:
        told = settings_for(server.url)
        client = ApiClient(told, http=http, tokens=TokenProvider(told, http=http))
        reply = await RecordWriteRoute(client, crm_module="Leads", operation=Operation.UPDATE).send(batch({"id": "5"}))

    assert isinstance(reply, Succeeded)
    assert reply.results is not None
    assert reply.results.ids == ["5"]
