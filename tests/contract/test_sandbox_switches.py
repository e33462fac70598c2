"""Every switch for an unverified behaviour changes a response and is documented with its default."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import re
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from bulkzoho.sandbox import SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.contract import ANSWERS_VARIABLE
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, SandboxResponse, sandbox_client

Probe = Callable[[SandboxClient], Awaitable[Any]]

LEAD = {"Last_Name": "Okafor", "Email": "ada@example.com", "External_Id": "x1"}
SWITCHES = {each.name: each.default for each in dataclasses.fields(UnverifiedBehavior)}
JSON = {"Content-Type": "application/json"}
PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


def _insert(*records: Mapping[str, Any], crm_module: str = "Leads") -> Probe:
    """Build a probe: add the first record directly, insert the others by call, return response and stored records."""

    async def probe(client: SandboxClient) -> Any:
        response = await client.insert(crm_module, *records)
        results = [(each["code"], each["details"].get("api_name"), sorted(each["details"])) for each in response.body["data"]]
        stored = [{name: value for name, value in each.items() if name != "id"} for each in client.sandbox.records(crm_module)]
        return response.status, results, stored

    return probe


def _after(first: Mapping[str, Any], method: str, path: str, *records: Mapping[str, Any], **keys: Any) -> Probe:
    """Build a probe: add one lead, then write records in which ``ID`` is its id."""

    async def probe(client: SandboxClient) -> Any:
        [lead] = client.sandbox.add("Leads", [first])
        with_ids = [{name: lead if value == "ID" else value for name, value in each.items()} for each in records]
        response = await client.write(method, path, with_ids, keys)
        return response.status, response.codes, client.sandbox.count("Leads")

    return probe


def _get(path: str, **parameters: str) -> Probe:
    """Build a probe: add a lead and a shipment, then read."""

    async def probe(client: SandboxClient) -> Any:
        client.sandbox.add("Leads", [{**LEAD, "City": "Bath & Wells"}])
        client.sandbox.add("Shipments", [{"Name": "S", "Big": "12"}])
        response = await client.get(path, parameters)
        return response.status, response.body, sorted(response.headers), client.sandbox.calls[-1].credits

    return probe


def _coql(query: str) -> Probe:
    async def probe(client: SandboxClient) -> Any:
        client.sandbox.add("Leads", [{"Last_Name": name} for name in ("O'Hara", "Okafor", "Ek")])
        response = await client.coql(query)
        return response.status, response.body["code"] if response.status >= 400 else response.body

    return probe


async def _posted(client: SandboxClient, path: str, body: Mapping[str, Any]) -> SandboxResponse:
    return await client.call("POST", path, data=orjson.dumps(body), headers=JSON)


async def _done(client: SandboxClient, path: str) -> Any:
    for _ in range(500):
        body = (await client.call("GET", path)).body
        detail = body.get("data", [body])[0]
        if detail.get("state", detail.get("status")) in ("COMPLETED", "FAILURE", "FAILED"):
            return detail
        await asyncio.sleep(0.002)
    raise AssertionError(path)


def _bulk_read(**query: Any) -> Probe:
    """Build a probe: export a shipment, return the price and the response or file."""

    async def probe(client: SandboxClient) -> Any:
        client.sandbox.add("Shipments", [{"Name": "S", "Fragile": True, "Shipped_On": "2026-02-01"}])
        asked = {"module": {"api_name": "Shipments"}, "fields": ["Name", "Fragile", "Shipped_On"], **query}
        created = await _posted(client, "/crm/bulk/v8/read", {"query": asked})
        heavy = client.sandbox.calls[-1].heavy
        if created.status >= 400:
            return created.status, created.body["code"]
        path = f"/crm/bulk/v8/read/{created.body['data'][0]['details']['id']}"
        await _done(client, path)
        got = await client.call("GET", f"{path}/result")
        return heavy, client.sandbox.calls[-1].credits, _unzipped(got.body)

    return probe


def _bulk_write(text: str, operation: str = "insert", *, crm_module: Any = None, find_by: str = "External_Id") -> Probe:
    """Build a probe: load a CSV of leads, return the response, or result file and records."""

    async def probe(client: SandboxClient) -> Any:
        uploaded = await _uploaded(client, text)
        if uploaded.status >= 400:
            return uploaded.status, uploaded.body["code"]
        file_id = uploaded.body["details"]["file_id"]
        resource = {"type": "data", "module": crm_module or {"api_name": "Leads"}, "file_id": file_id, "find_by": find_by}
        created = await _posted(client, "/crm/bulk/v8/write", {"operation": operation, "resource": [resource]})
        if created.status >= 400:
            return created.status, created.body["code"]
        detail = await _done(client, f"/crm/bulk/v8/write/{created.body['details']['id']}")
        url = detail["result"]["download_url"]
        got = await client.call("GET", url.removeprefix(client.sandbox.url))
        lines = _unzipped(got.body).splitlines()
        return url.startswith("http"), [re.sub(r"\d{19}", "ID", each) for each in lines], client.sandbox.count("Leads")

    return probe


async def _uploaded(client: SandboxClient, text: str) -> SandboxResponse:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("leads.csv", text)
    form = aiohttp.FormData()
    form.add_field("file", packed.getvalue(), filename="leads.zip")
    headers = {"feature": "bulk-write", "X-CRM-ORG": "650000001"}
    return await client.call("POST", "/crm/v8/upload", data=form, headers=headers)


def _unzipped(packed: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return archive.read(archive.namelist()[0]).decode()


async def _deleted_twice(client: SandboxClient) -> Any:
    [lead] = client.sandbox.add("Leads", [LEAD])
    client.sandbox.remove("Leads", [lead])
    again = await client.insert("Leads", LEAD)
    return again.status


async def _purged(client: SandboxClient) -> Any:
    [lead] = client.sandbox.add("Leads", [LEAD])
    client.sandbox.remove("Leads", [lead])
    await client.call("DELETE", f"/crm/v8/settings/recycle_bin/{lead}")
    return (await client.get("Leads/deleted")).body["data"][0]["display_name"], client.sandbox.calls[-1].credits


async def _two_matches(client: SandboxClient) -> Any:
    client.sandbox.add("Leads", [{"Last_Name": "A", "Email": "a@example.com"}] * 2)
    return (await client.write("POST", "Leads/upsert", [{"Last_Name": "A", "Email": "a@example.com"}])).codes


async def _mixed(client: SandboxClient) -> Any:
    response = await client.insert("Leads", {"Last_Name": "A"}, {})
    return response.status


async def _upserted(client: SandboxClient) -> Any:
    return (await client.write("POST", "Leads/upsert", [LEAD])).status


async def _wrong_method(client: SandboxClient) -> Any:
    return (await client.call("PATCH", "/crm/v8/Leads")).status


async def _wrong_scope(client: SandboxClient) -> Any:
    client.sandbox.change(scopes=["ZohoCRM.org.READ"])
    return (await client.get("Leads", {"fields": "id"})).status


async def _over_quota(client: SandboxClient) -> Any:
    """Make two calls with a limit of one per minute, and a third once the first is a minute old."""
    client.sandbox.change(calls_per_minute=1)
    first = await client.get("org")
    client.sandbox.advance(30)
    second = await client.get("org")
    client.sandbox.advance(31)
    third = await client.get("org")
    return first.status, second.status, second.body["message"], third.status


async def _wrong_secret(client: SandboxClient) -> Any:
    return (await client.request_token(client_secret="x")).status


async def _throttled(client: SandboxClient) -> Any:
    client.sandbox.change(token_requests=2)
    await client.request_token()
    return (await client.request_token()).body


async def _own_credentials(client: SandboxClient) -> Any:
    client.sandbox.change(token_requests=1)
    return (await client.request_token(grant_type="client_credentials", soid="ZohoCRM.650000001", scope="x")).status


async def _revoked(client: SandboxClient) -> Any:
    return (await client.call("POST", "/oauth/v2/token/revoke", data={"token": "x"})).status


async def _granted(client: SandboxClient) -> Any:
    return sorted((await client.request_token()).body)


async def _denied(client: SandboxClient) -> Any:
    client.sandbox.change(denied=["Leads.create"])
    return (await client.get("settings/modules/Leads")).body["modules"][0]["creatable"]


async def _credits_of_nothing(client: SandboxClient) -> Any:
    await client.get("Leads/1")
    return client.sandbox.state()["credits"]["left"]


async def _owner(client: SandboxClient) -> Any:
    return (await client.insert("Leads", {"Last_Name": "A", "Owner": {"email": "bo@sandbox.example.com"}})).codes


async def _two_jobs(client: SandboxClient) -> Any:
    client.sandbox.change(job_time_s=100)
    asked = {"query": {"module": {"api_name": "Leads"}}}
    return [(await _posted(client, "/crm/bulk/v8/read", asked)).status for _ in range(2)]


async def _callbacks(client: SandboxClient) -> Any:
    """Return how often a callback is posted to a server that responds with 500."""
    tries = 0

    async def response(_request: web.BaseRequest) -> web.Response:
        nonlocal tries
        tries += 1
        return web.Response(status=500)

    runner = web.ServerRunner(web.Server(response))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    asked = {"query": {"module": {"api_name": "Leads"}}, "callback": {"url": url, "method": "post"}}
    await _posted(client, "/crm/bulk/v8/read", asked)
    await asyncio.sleep(0.3)
    await runner.cleanup()
    return tries


async def _converted(client: SandboxClient) -> Any:
    [lead] = client.sandbox.add("Leads", [LEAD])
    await client.write("POST", f"Leads/{lead}/actions/convert", [])
    return (await client.coql("select id from Leads where id is not null")).status


async def _empty_query(client: SandboxClient) -> Any:
    client.sandbox.add("Leads", [{"Last_Name": "A"}] * 3)
    return len((await client.coql("select id from Leads where id is not null")).body["data"])


NO_KEY = {"Last_Name": "A"}
FAR = "Reporting_To.Reporting_To.Reporting_To.Last_Name"

# switch -> non-default value and the probe whose result changes
PROBES: dict[str, tuple[Any, Probe]] = {
    "duplicate_keys": (
        "insert_both",
        _after(NO_KEY, "POST", "Leads/upsert", {"Last_Name": "A", "Email": "a@b.co"}, {"Last_Name": "B", "Email": "a@b.co"}),
    ),
    "unknown_fields": ("ignore", _insert({**LEAD, "Nope": 1})),
    "read_only_fields": ("ignore", _insert({**LEAD, "Created_Time": "x"})),
    "several_matches": ("ignore", _two_matches),
    "same_record_twice": ("ignore", _after(LEAD, "PUT", "Leads", {"id": "ID", "City": "Oslo"}, {"id": "ID", "City": "Rom"})),
    "upsert_by_id": (False, _after(LEAD, "POST", "Leads/upsert", {"id": "ID", "Last_Name": "A", "External_Id": "x2"})),
    "upsert_without_key": ("refuse", _after(LEAD, "POST", "Leads/upsert", NO_KEY)),
    "system_keys_unique": (True, _after(LEAD, "POST", "Leads", {"Last_Name": "A", "Email": "ADA@example.com"})),
    "deleted_keys_stay_taken": (False, _deleted_twice),
    "purged_names": (True, _purged),
    "all_errors": (True, _insert({"Email": "x", "Birthday": "x"})),
    "short_error_details": (True, _insert({"Last_Name": "A", "Email": "x"})),
    "malformed_id_status": (404, _get("Leads/nonsense")),
    "ids_on_list": (1, _get("Leads", fields="id", ids="1,2")),
    "empty_text_on_typed_fields": ("ignore", _insert({**LEAD, "Birthday": ""})),
    "numbers_as_text": ("ignore", _insert({**LEAD, "No_of_Employees": "12"})),
    "phone_pattern": (False, _insert({**LEAD, "Phone": "1/2"})),
    "unlisted_picklist_values": ("ignore", _insert({**LEAD, "Rating": "Splendid"})),
    "owners_by_email": ("ignore", _owner),
    "clearing_code": ("INVALID_DATA", _after(LEAD, "PUT", "Leads", {"id": "ID", "Last_Name": None})),
    "trims_text": (False, _insert({"Last_Name": " A "})),
    "emoji": ("replace", _insert({"Last_Name": "A \U0001f600"})),
    "escaped_entities": (True, _get("Leads", fields="City")),
    "bigint_as_text": (False, _get("Shipments", fields="Big")),
    "wrapped_errors": (True, _get("Nope", fields="id")),
    "partial_success_status": (202, _mixed),
    "upsert_insert_status": (201, _upserted),
    "fields_required_on_list": (False, _get("Leads")),
    "wrong_method_status": (405, _wrong_method),
    "scope_mismatch_status": (403, _wrong_scope),
    "quota_named": (True, _over_quota),
    "rate_limit_headers": (True, _get("org")),
    "oauth_error_status": (400, _wrong_secret),
    "revoke_error_status": (200, _revoked),
    "throttle_status_key": (True, _throttled),
    "client_credentials_throttled": (False, _own_credentials),
    "scope_in_grants": (False, _granted),
    "rights_in_metadata": (False, _denied),
    "failed_calls_cost": (False, _credits_of_nothing),
    "refused_calls_use_quota": (True, _over_quota),
    "search_credits": (1, _get("Leads/search", word="okafor")),
    "sorted_list_credits": (1, _get("Leads", fields="id", sort_by="id")),
    "count_credits": (3, _get("Leads/actions/count")),
    "deleted_credits": (1, _purged),
    "bulk_step_credits": (0, _bulk_read()),
    "bulk_jobs_are_heavy": (False, _bulk_read()),
    "coql_where_required": (False, _coql("select id from Leads")),
    "coql_default_limit": (2, _empty_query),
    "coql_rows": (200, _coql("select id from Leads where id is not null limit 201")),
    "coql_fields": (1, _coql("select Last_Name, City from Leads where id is not null")),
    "coql_joins": (3, _coql(f"select {FAR} from Contacts where id is not null")),
    "coql_quotes": ("doubled", _coql("select id from Leads where Last_Name = 'O''Hara'")),
    "coql_hides_converted": (False, _converted),
    "coql_star": (True, _coql("select * from Leads where Last_Name = 'Ek'")),
    "coql_any_case_names": (True, _coql("select last_name from leads where last_name = 'Ek'")),
    "coql_any_case_aggregates": (True, _coql("select count(id) from Leads where id is not null")),
    "bulk_module_as_text": ("ignore", _bulk_read(module="Shipments")),
    "bulk_jobs_at_once": (1, _two_jobs),
    "bulk_read_pages": (True, _bulk_read(page=2)),
    "id_header": ("id", _bulk_read()),
    "bulk_read_us_dates": (True, _bulk_read()),
    "bulk_read_capital_booleans": (True, _bulk_read()),
    "bulk_read_quotes_all": (True, _bulk_read()),
    "bulk_read_bom": (True, _bulk_read()),
    "csv_size_limited": (False, _bulk_write("Last_Name,Description\nA," + "x" * 26 * 2**20 + "\n", find_by="")),
    "duplicate_headers": ("ignore", _bulk_write("Last_Name,City,City\nA,b,c\n", find_by="")),
    "blank_lines": ("ignore", _bulk_write("Last_Name\nA\n\n", find_by="")),
    "digits_as_booleans": ("ignore", _bulk_write("Last_Name,Email_Opt_Out\nA,1\n", find_by="")),
    "unmatched_code": ("INVALID_DATA", _bulk_write("Last_Name,External_Id\nA,x9\n", "update")),
    "lower_case_status": (True, _bulk_write("Last_Name\nA\n", find_by="")),
    "shuffled_results": (False, _bulk_write("Last_Name\n" + "".join(f"A{each:02}\n" for each in range(50)), find_by="")),
    "relative_download_url": (True, _bulk_write("Last_Name\nA\n", find_by="")),
    "callback_tries": (2, _callbacks),
}


@pytest.mark.parametrize("name", SWITCHES)
async def test_each_switch_changes_a_response(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ANSWERS_VARIABLE, raising=False)  # non-default behaviours need not match Zoho's files
    other, probe = PROBES[name]

    answers = []
    for strict in (UnverifiedBehavior(), UnverifiedBehavior(**{name: other})):
        settings = SandboxSettings(job_time_s=0, search_lag_s=0, max_body_bytes=64 * 2**20, strict=strict)
        needs_time = name in ("callback_tries", "bulk_jobs_at_once")
        async with sandbox_client(settings, None if needs_time else ManualClock()) as client:
            answers.append(await probe(client))

    assert other != SWITCHES[name]
    assert answers[0] != answers[1]


def test_each_switch_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\|[^|]+\| `(\w+)` \| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    assert {name: rows.get(name) for name in SWITCHES} == {name: orjson.dumps(each).decode() for name, each in SWITCHES.items()}
