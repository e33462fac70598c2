"""Every switch of what no page of Zoho's proves changes an answer, and stands in the documentation with its default."""

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
from bulkzoho.sandbox.testing import ManualClock, TestClient, TestResponse, calling

Probe = Callable[[TestClient], Awaitable[Any]]

LEAD = {"Last_Name": "Okafor", "Email": "ada@example.com", "External_Id": "x1"}
SWITCHES = {each.name: each.default for each in dataclasses.fields(UnverifiedBehavior)}
JSON = {"Content-Type": "application/json"}
PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"


def _insert(*records: Mapping[str, Any], crm_module: str = "Leads") -> Probe:
    """Make a probe: the first record goes in by hand, the others by an insert; it gives what is answered and kept."""

    async def probe(caller: TestClient) -> Any:
        answer = await caller.insert(crm_module, *records)
        told = [(each["code"], each["details"].get("api_name"), sorted(each["details"])) for each in answer.body["data"]]
        kept = [{name: value for name, value in each.items() if name != "id"} for each in caller.sandbox.records(crm_module)]
        return answer.status, told, kept

    return probe


def _after(first: Mapping[str, Any], method: str, path: str, *records: Mapping[str, Any], **keys: Any) -> Probe:
    """Make a probe: one lead is there, then records are written; ``ID`` in them is its id."""

    async def probe(caller: TestClient) -> Any:
        [lead] = caller.sandbox.add("Leads", [first])
        mine = [{name: lead if value == "ID" else value for name, value in each.items()} for each in records]
        answer = await caller.write(method, path, mine, keys)
        return answer.status, answer.codes, caller.sandbox.count("Leads")

    return probe


def _get(path: str, **parameters: str) -> Probe:
    """Make a probe: one lead and a shipment are there, then something is read."""

    async def probe(caller: TestClient) -> Any:
        caller.sandbox.add("Leads", [{**LEAD, "City": "Bath & Wells"}])
        caller.sandbox.add("Shipments", [{"Name": "S", "Big": "12"}])
        answer = await caller.get(path, parameters)
        return answer.status, answer.body, sorted(answer.headers), caller.sandbox.calls[-1].credits

    return probe


def _coql(query: str) -> Probe:
    async def probe(caller: TestClient) -> Any:
        caller.sandbox.add("Leads", [{"Last_Name": name} for name in ("O'Hara", "Okafor", "Ek")])
        answer = await caller.coql(query)
        return answer.status, answer.body["code"] if answer.status >= 400 else answer.body

    return probe


async def _posted(caller: TestClient, path: str, body: Mapping[str, Any]) -> TestResponse:
    return await caller.call("POST", path, data=orjson.dumps(body), headers=JSON)


async def _done(caller: TestClient, path: str) -> Any:
    for _ in range(500):
        body = (await caller.call("GET", path)).body
        detail = body.get("data", [body])[0]
        if detail.get("state", detail.get("status")) in ("COMPLETED", "FAILURE", "FAILED"):
            return detail
        await asyncio.sleep(0.002)
    raise AssertionError(path)


def _bulk_read(**query: Any) -> Probe:
    """Make a probe: a shipment is exported; it gives the price, and the answer or the file."""

    async def probe(caller: TestClient) -> Any:
        caller.sandbox.add("Shipments", [{"Name": "S", "Fragile": True, "Shipped_On": "2026-02-01"}])
        asked = {"module": {"api_name": "Shipments"}, "fields": ["Name", "Fragile", "Shipped_On"], **query}
        created = await _posted(caller, "/crm/bulk/v8/read", {"query": asked})
        heavy = caller.sandbox.calls[-1].heavy
        if created.status >= 400:
            return created.status, created.body["code"]
        path = f"/crm/bulk/v8/read/{created.body['data'][0]['details']['id']}"
        await _done(caller, path)
        got = await caller.call("GET", f"{path}/result")
        return heavy, caller.sandbox.calls[-1].credits, _unzipped(got.body)

    return probe


def _bulk_write(text: str, operation: str = "insert", *, crm_module: Any = None, find_by: str = "External_Id") -> Probe:
    """Make a probe: a CSV of leads is loaded; it gives the answer, or the result and the records."""

    async def probe(caller: TestClient) -> Any:
        uploaded = await _uploaded(caller, text)
        if uploaded.status >= 400:
            return uploaded.status, uploaded.body["code"]
        file_id = uploaded.body["details"]["file_id"]
        resource = {"type": "data", "module": crm_module or {"api_name": "Leads"}, "file_id": file_id, "find_by": find_by}
        created = await _posted(caller, "/crm/bulk/v8/write", {"operation": operation, "resource": [resource]})
        if created.status >= 400:
            return created.status, created.body["code"]
        detail = await _done(caller, f"/crm/bulk/v8/write/{created.body['details']['id']}")
        url = detail["result"]["download_url"]
        got = await caller.call("GET", url.removeprefix(caller.sandbox.url))
        lines = _unzipped(got.body).splitlines()
        return url.startswith("http"), [re.sub(r"\d{19}", "ID", each) for each in lines], caller.sandbox.count("Leads")

    return probe


async def _uploaded(caller: TestClient, text: str) -> TestResponse:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("leads.csv", text)
    form = aiohttp.FormData()
    form.add_field("file", packed.getvalue(), filename="leads.zip")
    headers = {"feature": "bulk-write", "X-CRM-ORG": "650000001"}
    return await caller.call("POST", "/crm/v8/upload", data=form, headers=headers)


def _unzipped(packed: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return archive.read(archive.namelist()[0]).decode()


async def _deleted_twice(caller: TestClient) -> Any:
    [lead] = caller.sandbox.add("Leads", [LEAD])
    caller.sandbox.remove("Leads", [lead])
    again = await caller.insert("Leads", LEAD)
    return again.status


async def _purged(caller: TestClient) -> Any:
    [lead] = caller.sandbox.add("Leads", [LEAD])
    caller.sandbox.remove("Leads", [lead])
    await caller.call("DELETE", f"/crm/v8/settings/recycle_bin/{lead}")
    return (await caller.get("Leads/deleted")).body["data"][0]["display_name"], caller.sandbox.calls[-1].credits


async def _two_matches(caller: TestClient) -> Any:
    caller.sandbox.add("Leads", [{"Last_Name": "A", "Email": "a@example.com"}] * 2)
    return (await caller.write("POST", "Leads/upsert", [{"Last_Name": "A", "Email": "a@example.com"}])).codes


async def _mixed(caller: TestClient) -> Any:
    answer = await caller.insert("Leads", {"Last_Name": "A"}, {})
    return answer.status


async def _upserted(caller: TestClient) -> Any:
    return (await caller.write("POST", "Leads/upsert", [LEAD])).status


async def _wrong_method(caller: TestClient) -> Any:
    return (await caller.call("PATCH", "/crm/v8/Leads")).status


async def _wrong_scope(caller: TestClient) -> Any:
    caller.sandbox.change(scopes=["ZohoCRM.org.READ"])
    return (await caller.get("Leads", {"fields": "id"})).status


async def _over_quota(caller: TestClient) -> Any:
    """Two calls where one a minute may be made, and whether a third may be made once the first is a minute old."""
    caller.sandbox.change(calls_per_minute=1)
    first = await caller.get("org")
    caller.sandbox.advance(30)
    second = await caller.get("org")
    caller.sandbox.advance(31)
    third = await caller.get("org")
    return first.status, second.status, second.body["message"], third.status


async def _wrong_secret(caller: TestClient) -> Any:
    return (await caller.ask_token(client_secret="x")).status


async def _throttled(caller: TestClient) -> Any:
    caller.sandbox.change(token_requests=2)
    await caller.ask_token()
    return (await caller.ask_token()).body


async def _own_credentials(caller: TestClient) -> Any:
    caller.sandbox.change(token_requests=1)
    return (await caller.ask_token(grant_type="client_credentials", soid="ZohoCRM.650000001", scope="x")).status


async def _revoked(caller: TestClient) -> Any:
    return (await caller.call("POST", "/oauth/v2/token/revoke", data={"token": "x"})).status


async def _granted(caller: TestClient) -> Any:
    return sorted((await caller.ask_token()).body)


async def _denied(caller: TestClient) -> Any:
    caller.sandbox.change(denied=["Leads.create"])
    return (await caller.get("settings/modules/Leads")).body["modules"][0]["creatable"]


async def _credits_of_nothing(caller: TestClient) -> Any:
    await caller.get("Leads/1")
    return caller.sandbox.state()["credits"]["left"]


async def _owner(caller: TestClient) -> Any:
    return (await caller.insert("Leads", {"Last_Name": "A", "Owner": {"email": "bo@sandbox.example.com"}})).codes


async def _two_jobs(caller: TestClient) -> Any:
    caller.sandbox.change(job_time_s=100)
    asked = {"query": {"module": {"api_name": "Leads"}}}
    return [(await _posted(caller, "/crm/bulk/v8/read", asked)).status for _ in range(2)]


async def _callbacks(caller: TestClient) -> Any:
    """Count how often a callback is posted to one who answers 500."""
    tries = 0

    async def answer(_request: web.BaseRequest) -> web.Response:
        nonlocal tries
        tries += 1
        return web.Response(status=500)

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    asked = {"query": {"module": {"api_name": "Leads"}}, "callback": {"url": url, "method": "post"}}
    await _posted(caller, "/crm/bulk/v8/read", asked)
    await asyncio.sleep(0.3)
    await runner.cleanup()
    return tries


async def _converted(caller: TestClient) -> Any:
    [lead] = caller.sandbox.add("Leads", [LEAD])
    await caller.write("POST", f"Leads/{lead}/actions/convert", [])
    return (await caller.coql("select id from Leads where id is not null")).status


async def _empty_query(caller: TestClient) -> Any:
    caller.sandbox.add("Leads", [{"Last_Name": "A"}] * 3)
    return len((await caller.coql("select id from Leads where id is not null")).body["data"])


NO_KEY = {"Last_Name": "A"}
FAR = "Reporting_To.Reporting_To.Reporting_To.Last_Name"

# switch: another value than its default, and what answers otherwise then
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
async def test_each_switch_changes_an_answer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ANSWERS_VARIABLE, raising=False)  # the other readings need not be as Zoho's files describe
    other, probe = PROBES[name]

    answers = []
    for strict in (UnverifiedBehavior(), UnverifiedBehavior(**{name: other})):
        settings = SandboxSettings(job_time_s=0, search_lag_s=0, max_body_bytes=64 * 2**20, strict=strict)
        needs_time = name in ("callback_tries", "bulk_jobs_at_once")
        async with calling(settings, None if needs_time else ManualClock()) as caller:
            answers.append(await probe(caller))

    assert other != SWITCHES[name]
    assert answers[0] != answers[1]


def test_each_switch_stands_in_the_documentation_with_its_default() -> None:
    rows = dict(re.findall(r"^\|[^|]+\| `(\w+)` \| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    assert {name: rows.get(name) for name in SWITCHES} == {name: orjson.dumps(each).decode() for name, each in SWITCHES.items()}
