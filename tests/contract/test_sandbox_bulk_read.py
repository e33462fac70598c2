"""Bulk read: jobs, states, criteria, files and their limits."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from typing import Any

import orjson
import pytest
from aiohttp import web

from bulkzoho.sandbox import SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.bulk import read_job as export
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, SandboxResponse, sandbox_client

PATH = "/crm/bulk/v8/read"
AT_ONCE = SandboxSettings(job_time_s=0)
ROWS: list[dict[str, Any]] = [
    {"Last_Name": 'O"Hara, Ann', "Email": "ann@example.com", "Annual_Revenue": 12.5, "Email_Opt_Out": True},
    {"Last_Name": "Ek\nBo", "City": "Oslo", "Languages": ["Korean", "Spanish"]},
    {"Last_Name": "Lund", "City": "Bergen", "Birthday": "2001-02-03"},
]


async def _create(client: SandboxClient, query: Any, **beside: Any) -> SandboxResponse:
    body = orjson.dumps({"query": query, **beside})
    return await client.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})


async def _finished(client: SandboxClient, created: SandboxResponse) -> Any:
    assert created.status == 201, created
    job = created.body["data"][0]["details"]["id"]
    detail: Any = None
    for _ in range(500):
        [detail] = (await client.call("GET", f"{PATH}/{job}")).body["data"]
        if detail["state"] in ("COMPLETED", "FAILURE"):
            return detail
        await asyncio.sleep(0.002)
    raise AssertionError(detail)


async def _rows(client: SandboxClient, query: Any) -> list[dict[str, str]]:
    detail = await _finished(client, await _create(client, query))
    got = await client.call("GET", detail["result"]["download_url"])
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        text = archive.read(f"{detail['id']}.csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_a_bulk_read_job_passes_through_its_states_and_returns_a_zip() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(job_time_s=100), clock) as client:
        client.sandbox.add("Leads", ROWS)

        created = await _create(client, {"module": {"api_name": "Leads"}, "fields": ["Last_Name"]})
        job = created.body["data"][0]["details"]["id"]
        states: list[str] = []
        downloads: list[int] = []
        for _ in range(5):
            states.append((await client.call("GET", f"{PATH}/{job}")).body["data"][0]["state"])
            downloads.append((await client.call("GET", f"{PATH}/{job}/result")).status)
            clock.advance(25)

        assert created.body["data"][0]["code"] == "ADDED_SUCCESSFULLY"
        assert states == ["ADDED", "QUEUED", "IN PROGRESS", "IN PROGRESS", "COMPLETED"]
        assert downloads == [404, 404, 404, 404, 200]
        assert [each.credits for each in client.sandbox.calls if each.operation == "bulk_read"] == [50]


async def test_the_bulk_read_file_contains_every_value_as_text() -> None:
    async with sandbox_client(AT_ONCE) as client:
        account = client.sandbox.add("Accounts", [{"Account_Name": "Acme"}])[0]
        client.sandbox.add("Contacts", [{"Last_Name": "Vik", "Account_Name": {"id": account}}])
        ids = client.sandbox.add("Leads", ROWS)
        fields = ["Last_Name", "Annual_Revenue", "Email_Opt_Out", "Languages", "Birthday", "Owner.last_name", "Created_Time"]

        leads = await _rows(client, {"module": {"api_name": "Leads"}, "fields": fields})
        [contact] = await _rows(
            client, {"module": {"api_name": "Contacts"}, "fields": ["Account_Name", "Account_Name.Account_Name", "Owner"]}
        )

        assert [each["Id"] for each in leads] == ids
        assert [each["Last_Name"] for each in leads] == [each["Last_Name"] for each in ROWS]
        assert (leads[0]["Annual_Revenue"], leads[0]["Email_Opt_Out"]) == ("12.5", "true")
        assert (leads[1]["Languages"], leads[2]["Birthday"], leads[1]["Birthday"]) == ("Korean;Spanish", "2001-02-03", "")
        assert leads[0]["Owner.last_name"] == "Lund"
        assert leads[0]["Created_Time"].endswith(("+01:00", "+02:00"))
        assert (contact["Account_Name"], contact["Account_Name.Account_Name"]) == (account, "Acme")
        assert contact["Owner"].isdigit()


async def test_bulk_read_defaults_to_all_fields_and_an_empty_result_is_an_empty_file() -> None:
    async with sandbox_client(AT_ONCE) as client:
        client.sandbox.add("Leads", ROWS[:1])

        [row] = await _rows(client, {"module": {"api_name": "Leads"}})
        nothing = await _rows(client, {"module": {"api_name": "Deals"}, "fields": ["Deal_Name"]})

        assert {"Id", "Last_Name", "Tag", "Modified_By", "Full_Name"} <= set(row)
        assert nothing == []


@pytest.mark.parametrize(
    ("name", "comparator", "value", "found"),
    [
        ("Last_Name", "equal", "lund", ["Lund"]),
        ("Last_Name", "not_equal", "Lund", ["Ek", "Mo"]),
        ("Last_Name", "in", ["Ek", "Mo"], ["Ek", "Mo"]),
        ("Last_Name", "not_in", ["Ek", "Mo"], ["Lund"]),
        ("Last_Name", "contains", "k", ["Ek"]),
        ("Last_Name", "not_contains", "k", ["Lund", "Mo"]),
        ("Last_Name", "starts_with", "l", ["Lund"]),
        ("Last_Name", "ends_with", "o", ["Mo"]),
        ("City", "equal", "${EMPTY}", ["Ek"]),
        ("City", "not_equal", "${EMPTY}", ["Lund", "Mo"]),
        ("Annual_Revenue", "greater_than", 10, ["Mo"]),
        ("Annual_Revenue", "less_equal", "10", ["Ek"]),
        ("Birthday", "between", ["2001-01-01", "2001-12-31"], ["Lund"]),
        ("Email_Opt_Out", "equal", True, ["Mo"]),
    ],
)
async def test_bulk_read_criteria_select_records(name: str, comparator: str, value: Any, found: list[str]) -> None:
    async with sandbox_client(AT_ONCE) as client:
        client.sandbox.add(
            "Leads",
            [
                {"Last_Name": "Lund", "City": "Oslo", "Birthday": "2001-02-03"},
                {"Last_Name": "Ek", "Annual_Revenue": 10},
                {"Last_Name": "Mo", "City": "Rom", "Annual_Revenue": 11, "Email_Opt_Out": True},
            ],
        )

        criteria = {"field": {"api_name": name}, "comparator": comparator, "value": value}
        rows = await _rows(client, {"module": {"api_name": "Leads"}, "fields": ["Last_Name"], "criteria": criteria})

        assert [each["Last_Name"] for each in rows] == found


async def test_criteria_groups_combine_and_follow_lookups() -> None:
    async with sandbox_client(AT_ONCE) as client:
        acme, other = client.sandbox.add("Accounts", [{"Account_Name": "Acme", "Phone": "1"}, {"Account_Name": "Other"}])
        client.sandbox.add(
            "Contacts",
            [{"Last_Name": name, "Account_Name": {"id": each}} for name, each in (("A", acme), ("B", other), ("C", acme))],
        )
        group = [
            {"field": {"api_name": "Account_Name.Phone"}, "comparator": "equal", "value": "1"},
            {
                "group_operator": "or",
                "group": [
                    {"field": {"api_name": "Last_Name"}, "comparator": "equal", "value": "A"},
                    {"field": {"api_name": "Last_Name"}, "comparator": "equal", "value": "B"},
                ],
            },
        ]

        rows = await _rows(
            client,
            {"module": {"api_name": "Contacts"}, "fields": ["Last_Name"], "criteria": {"group_operator": "and", "group": group}},
        )

        assert [each["Last_Name"] for each in rows] == ["A"]


CONDITION = {"field": {"api_name": "City"}, "comparator": "equal", "value": "x"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("text", "QUERY_NOT_SUPPORTED"),
        ({"module": {"api_name": "Nope"}}, "MODULE_NOT_AVAILABLE"),
        ({"module": {"api_name": "Leads"}, "fields": ["Nope"]}, "FIELD_NOT_AVAILABLE"),
        ({"module": {"api_name": "Leads"}, "fields": ["City"] * 201}, "LIMIT_EXCEEDED"),
        ({"module": {"api_name": "Leads"}, "page": 501}, "PAGE_RANGE_EXCEEDED"),
        ({"module": {"api_name": "Leads"}, "cvid": "1"}, "CVID_NOT_SUPPORTED"),
        ({"page_token": "nope"}, "INVALID_DATA"),
        ({"module": {"api_name": "Leads"}, "criteria": []}, "INVALID_CRITERIA"),
        ({"module": {"api_name": "Leads"}, "criteria": {**CONDITION, "group": []}}, "AMBIGUOUS_CRITERIA"),
        ({"module": {"api_name": "Leads"}, "criteria": {"group_operator": "xor", "group": []}}, "GROUP_OPERATOR_NOT_SUPPORTED"),
        (
            {"module": {"api_name": "Leads"}, "criteria": {"group_operator": "or", "group": [CONDITION] * 26}},
            "CRITERIA_LIMIT_EXCEEDED",
        ),
        (
            {"module": {"api_name": "Leads"}, "criteria": {**CONDITION, "field": {"api_name": "X"}}},
            "FIELD_IN_CRITERIA_NOT_AVAILABLE",
        ),
        (
            {"module": {"api_name": "Leads"}, "criteria": {**CONDITION, "comparator": "equals"}},
            "FIELD_COMPARATOR_IN_CRITERIA_NOT_SUPPORTED",
        ),
        (
            {"module": {"api_name": "Leads"}, "criteria": {**CONDITION, "comparator": "in", "value": ["x"] * 201}},
            "VALUE_LIMIT_EXCEEDED_IN_CRITERIA",
        ),
        (
            {"module": {"api_name": "Leads"}, "criteria": {**CONDITION, "value": "x" * 256}},
            "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
        (
            {"module": {"api_name": "Leads"}, "criteria": {**CONDITION, "value": ["a", "b"]}},
            "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE",
        ),
    ],
)
async def test_an_invalid_bulk_read_query_is_rejected_with_its_error_code(query: Any, code: str) -> None:
    async with sandbox_client(AT_ONCE) as client:
        refused = await _create(client, query)

        assert (refused.status, refused.body["code"]) == (400, code)


async def test_the_body_must_be_json_with_a_json_content_type() -> None:
    async with sandbox_client(AT_ONCE) as client:
        json_type = {"Content-Type": "application/json"}

        silent = await client.call("POST", PATH, data=b"{}")
        empty = await client.call("POST", PATH, data=b" ", headers=json_type)
        broken = await client.call("POST", PATH, data=b"{", headers=json_type)

        assert (silent.status, silent.body["code"]) == (415, "MEDIA_TYPE_NOT_SUPPORTED")
        assert (empty.body["code"], broken.body["code"]) == ("REQUEST_BODY_IS_EMPTY", "REQUEST_BODY_NOT_READABLE")


async def test_a_bulk_read_continues_by_page_or_by_page_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MAX_RECORDS", 2)
    clock = ManualClock()
    async with sandbox_client(
        SandboxSettings(job_time_s=0, token_life_s=10.0**7, strict=UnverifiedBehavior(bulk_read_pages=True)), clock
    ) as client:
        client.sandbox.add("Leads", [{"Last_Name": str(each)} for each in range(5)])
        query = {"module": {"api_name": "Leads"}, "fields": ["Last_Name"]}

        first = await _finished(client, await _create(client, query))
        token = first["result"]["next_page_token"]
        second = await _finished(client, await _create(client, {"page_token": token}))
        mixed = await _create(client, {**query, "page_token": token})
        by_page = await _rows(client, {**query, "page": 3})
        clock.advance(86_400)
        expired = await _create(client, {"page_token": token})

        assert (first["result"]["count"], first["result"]["more_records"]) == (2, True)
        assert (second["result"]["page"], second["result"]["count"], second["query"]["fields"]) == (2, 2, ["Last_Name"])
        assert [each["Last_Name"] for each in by_page] == ["4"]
        assert (mixed.body["code"], expired.body["code"]) == ("TOKEN_BOUND_DATA_MISMATCH", "EXPIRED_VALUE")


async def test_more_than_ten_downloads_per_minute_block_downloads_for_a_minute() -> None:
    clock = ManualClock()
    async with sandbox_client(AT_ONCE, clock) as client:
        detail = await _finished(client, await _create(client, {"module": {"api_name": "Leads"}}))
        url = detail["result"]["download_url"]

        statuses = [(await client.call("GET", url)).status for _ in range(11)]
        clock.advance(59)
        during = await client.call("GET", url)
        clock.advance(1)
        after = await client.call("GET", url)

        assert statuses == [200] * 10 + [429]
        assert (during.status, after.status) == (429, 200)
        assert {each.kind for each in client.sandbox.violations} == {"over_download_quota"}


async def test_a_bulk_read_result_expires_after_a_day_and_an_unknown_job_is_404() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(job_time_s=0, token_life_s=10.0**7), clock) as client:
        detail = await _finished(client, await _create(client, {"module": {"api_name": "Leads"}}))
        clock.advance(86_400)

        for path in (detail["result"]["download_url"], f"{PATH}/123", f"{PATH}/123/result"):
            gone = await client.call("GET", path)
            assert (gone.status, gone.body["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_faults_make_bulk_read_jobs_fail_or_run_longer() -> None:
    clock = ManualClock()
    async with sandbox_client(AT_ONCE, clock) as client:
        client.sandbox.faults.script([{"kind": "job_failure"}, {"kind": "job_slow", "seconds": 60}])

        failed = await _finished(client, await _create(client, {"module": {"api_name": "Leads"}}))
        slow = await _create(client, {"module": {"api_name": "Leads"}})
        clock.advance(59)
        path = f"{PATH}/{slow.body['data'][0]['details']['id']}"
        waiting = (await client.call("GET", path)).body["data"][0]["state"]
        clock.advance(1)
        ended = (await client.call("GET", path)).body["data"][0]["state"]

        assert (failed["state"], failed["result"]["error_message"]["code"]) == ("FAILURE", "INTERNAL_SERVER_ERROR")
        assert (waiting, ended) == ("IN PROGRESS", "COMPLETED")


async def test_bulk_read_omits_converted_leads_and_the_id_header_is_a_switch() -> None:
    async with sandbox_client(SandboxSettings(job_time_s=0, strict=UnverifiedBehavior(id_header="id"))) as client:
        one, two = client.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])
        await client.write("POST", f"Leads/{one}/actions/convert", [{}])

        rows = await _rows(client, {"module": {"api_name": "Leads"}, "fields": ["Last_Name"]})

        assert [each["id"] for each in rows] == [two]


async def test_a_callback_receives_the_job_status() -> None:
    posted: list[Any] = []

    async def listen(request: web.BaseRequest) -> web.Response:
        posted.append(await request.json())
        return web.Response()

    runner = web.ServerRunner(web.Server(listen))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with sandbox_client(AT_ONCE) as client:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"

        wrong = await _create(client, {"module": {"api_name": "Leads"}}, callback={"url": url, "method": "get"})
        nowhere = await _create(client, {"module": {"api_name": "Leads"}}, callback={"url": "hook", "method": "post"})
        callback = {"url": url, "method": "post"}
        created = await _create(client, {"module": {"api_name": "Leads"}}, callback=callback)
        detail = await _finished(client, created)
        for _ in range(200):
            await asyncio.sleep(0.01)
            if posted:
                break

        assert posted == [{"data": [detail]}]
        assert (wrong.body["code"], nowhere.body["code"]) == ("INVALID_CALLBACK_METHOD", "INVALID_CALLBACK_URL")
    await runner.cleanup()


async def test_bulk_read_needs_the_bulk_scope_and_the_module_scope() -> None:
    for scopes in (("ZohoCRM.bulk.READ",), ("ZohoCRM.modules.ALL",), ("ZohoCRM.bulk.READ", "ZohoCRM.modules.deals.READ")):
        async with sandbox_client(SandboxSettings(scopes=scopes)) as client:
            refused = await _create(client, {"module": {"api_name": "Leads"}})

            assert (refused.status, refused.body["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
