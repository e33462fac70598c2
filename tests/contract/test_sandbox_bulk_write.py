"""Bulk write: upload, jobs, what becomes of each row, and the file that tells it."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson
import pytest

from bulkzoho.sandbox import HandlingBehavior, SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, TestClient, TestResponse, calling

PATH = "/crm/bulk/v8/write"
AT_ONCE = SandboxSettings(job_time_s=0, strict=UnverifiedBehavior(shuffled_results=False))
HEADERS = {"feature": "bulk-write", "X-CRM-ORG": "650000001"}


def _zip(**files: str | bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


async def _upload(caller: TestClient, content: bytes, headers: Mapping[str, str] = HEADERS, part: str = "file") -> TestResponse:
    form = aiohttp.FormData()
    form.add_field(part, io.BytesIO(content), filename="leads.zip", content_type="application/zip")
    return await caller.call("POST", "/crm/v8/upload", data=form, headers=headers)


async def _create(
    caller: TestClient, content: str | bytes, operation: str, resource: Mapping[str, Any], **beside: Any
) -> TestResponse:
    uploaded = await _upload(caller, _zip(leads=content))
    own = {"type": "data", "module": {"api_name": "Leads"}, "file_id": uploaded.body["details"]["file_id"], **resource}
    body = orjson.dumps({"operation": operation, "resource": [own], **beside})
    return await caller.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})


async def _finished(caller: TestClient, created: TestResponse) -> Any:
    assert created.status == 201, created
    detail = None
    for _ in range(500):
        detail = (await caller.call("GET", f"{PATH}/{created.body['details']['id']}")).body
        if detail["status"] in ("COMPLETED", "FAILED"):
            return detail
        await asyncio.sleep(0.002)
    raise AssertionError(detail)


async def _result(caller: TestClient, detail: Any) -> list[list[str]]:
    url = detail["result"]["download_url"].removeprefix(caller.sandbox.url)
    got = await caller.call("GET", url)
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        assert archive.namelist() == ["Leads-leads.csv"]
        text = archive.read("Leads-leads.csv").decode()
    return list(csv.reader(io.StringIO(text, newline="")))


async def _run(
    caller: TestClient,
    content: str | bytes,
    operation: str = "insert",
    *,
    resource: Mapping[str, Any] | None = None,
    **beside: Any,
) -> list[list[str]]:
    created = await _create(caller, content, operation, resource or {}, **beside)
    return (await _result(caller, await _finished(caller, created)))[1:]


async def test_a_zip_is_uploaded_and_others_are_refused() -> None:
    async with calling() as caller:
        good = await _upload(caller, _zip(a="x"))
        no_zip = await _upload(caller, b"Last_Name\nA\n")
        no_part = await _upload(caller, _zip(a="x"), part="other")
        no_header = await _upload(caller, _zip(a="x"), headers={})
        large = await _upload(caller, b"x" * (25 * 2**20 + 1))

        assert (good.status, good.body["code"]) == (200, "FILE_UPLOAD_SUCCESS")
        assert good.body["details"]["file_id"].isdigit()
        assert (no_zip.status, no_zip.body["code"]) == (400, "INVALID_FILE_FORMAT")
        assert no_part.body["code"] == "MANDATORY_NOT_FOUND"
        assert no_header.body["x-error"] == "check if headers [feature, X-CRM-ORG] are present and valid"
        assert (large.status, large.body["code"]) == (413, "FILE_TOO_LARGE")


async def test_each_row_is_added_or_skipped_with_its_errors() -> None:
    async with calling(AT_ONCE) as caller:
        text = (
            "Last_Name,Email,External_Id,Annual_Revenue,City\n"
            'Okafor,o@example.com,x1,12.5,"Oslo, old"\n'
            ",bad,x2,many,Rom\n"
            "Ek,e@example.com,X1,1,Rom\n"
        )

        created = await _create(caller, text, "insert", {})
        detail = await _finished(caller, created)
        header, *rows = await _result(caller, detail)

        [lead] = caller.sandbox.records("Leads")
        file = {
            each: detail["resource"][0]["file"][each] for each in ("added_count", "skipped_count", "updated_count", "total_count")
        }
        assert file == {"added_count": 1, "skipped_count": 2, "updated_count": 0, "total_count": 3}
        assert header == ["Last_Name", "Email", "External_Id", "STATUS", "RECORD_ID", "ERRORS"]
        assert rows[0] == ["Okafor", "o@example.com", "x1", "ADDED", lead["id"], ""]
        assert rows[1][3:] == ["SKIPPED", "", "INVALID_DATA-Annual_Revenue,Email:MANDATORY_NOT_FOUND-Last_Name"]
        assert rows[2][3:] == ["SKIPPED", "", "DUPLICATE_DATA-External_Id"]
        assert (lead["City"], lead["Annual_Revenue"]) == ("Oslo, old", 12.5)


async def test_mapped_columns_formats_defaults_and_lookups() -> None:
    async with calling(AT_ONCE) as caller:
        [account] = caller.sandbox.add("Accounts", [{"Account_Name": "Acme"}])
        text = "who,born,seen,firm,owner,langs\n"
        text += "Vik,03/02/2001,2026-02-01 10:30:00,acme,BO@sandbox.example.com,\nEk,32/01/2001,,Nope,,\n"
        mappings = [
            {"api_name": "Last_Name", "index": 0},
            {"api_name": "Date_of_Birth", "index": 1, "format": "dd/MM/yyyy"},
            {"api_name": "Account_Name", "index": 3, "find_by": "Account_Name"},
            {"api_name": "Owner", "index": 4, "find_by": "email"},
            {"api_name": "Languages", "index": 5, "default_value": {"value": "Korean;Spanish"}},
            {"api_name": "Department", "default_value": {"value": "Sales"}},
        ]
        resource = {"module": {"api_name": "Contacts"}, "field_mappings": mappings}

        detail = await _finished(caller, await _create(caller, text, "insert", resource))
        got = await caller.call("GET", detail["result"]["download_url"].removeprefix(caller.sandbox.url))
        with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
            told = archive.read("Contacts-leads.csv").decode().splitlines()

        [contact] = caller.sandbox.records("Contacts")
        assert contact["Account_Name"]["id"] == account
        assert contact["Owner"]["email"] == "bo@sandbox.example.com"
        assert (contact["Date_of_Birth"], contact["Department"]) == ("2001-02-03", "Sales")
        assert contact["Languages"] == ["Korean", "Spanish"]
        assert told[0] == "who,born,firm,STATUS,RECORD_ID,ERRORS"
        assert told[2].endswith("SKIPPED,,INVALID_DATA-Date_of_Birth:RESOURCE_NOT_FOUND-Account_Name")


async def test_dates_are_american_unless_a_format_is_given() -> None:
    async with calling(AT_ONCE) as caller:
        text = "Last_Name,Birthday,Last_Contacted\nA,03/04/2001,12/31/2025 23:59:01\nB,2001-03-04,\n"

        rows = await _run(caller, text)

        [lead] = caller.sandbox.records("Leads")
        assert (lead["Birthday"], lead["Last_Contacted"]) == ("2001-03-04", "2025-12-31T23:59:01+01:00")
        assert rows[1][-1] == "INVALID_DATA-Birthday"


async def test_update_never_creates_and_upsert_does() -> None:
    async with calling(AT_ONCE) as caller:
        [lead] = caller.sandbox.add("Leads", [{"Last_Name": "A", "External_Id": "x1", "City": "Oslo"}])
        text = "External_Id,Last_Name,City\nX1,B,Rom\nx2,C,Bergen\n"

        updated = await _run(caller, text, "update", resource={"find_by": "External_Id"})
        upserted = await _run(caller, text, "upsert", resource={"find_by": "External_Id"})
        skipped = await _run(caller, text, "insert", resource={"find_by": "External_Id"})
        by_id = await _run(caller, f"id,Last_Name\n{lead},Z\n1,Y\n", "update", resource={"find_by": "id"})

        assert [each[3:] for each in updated] == [["UPDATED", lead, ""], ["SKIPPED", "", "RESOURCE_NOT_FOUND-External_Id"]]
        assert [each[3] for each in upserted] == ["UPDATED", "ADDED"]
        assert [each[5] for each in skipped] == ["DUPLICATE_DATA-External_Id"] * 2
        assert [each[2] for each in by_id] == ["UPDATED", "SKIPPED"]
        assert next(caller.sandbox.records("Leads"))["Last_Name"] == "Z"


async def test_an_empty_cell_clears_unless_told_to_be_ignored() -> None:
    for ignored, city in ((True, "Oslo"), (False, None)):
        async with calling(AT_ONCE) as caller:
            caller.sandbox.add("Leads", [{"Last_Name": "A", "External_Id": "x1", "City": "Oslo"}])

            resource = {"find_by": "External_Id"}
            await _run(caller, "External_Id,City\nx1,\n", "update", resource=resource, ignore_empty=ignored)

            assert next(caller.sandbox.records("Leads")).get("City") == city


@pytest.mark.parametrize(
    "content",
    ["Last_Name;City\nÅse;Ørsta\n", "Last_Name|City\nÅse|Ørsta\n", "\ufeffLast_Name,City\r\nÅse,Ørsta\r\n"],
)
async def test_delimiters_and_encodings_are_found_out(content: str) -> None:
    for encoding in ("utf-8", "utf-16", "cp1252"):
        if encoding != "utf-8" and "\ufeff" in content:
            continue  # a mark of UTF-8's own
        async with calling(AT_ONCE) as caller:
            await _run(caller, content.encode(encoding))

            [lead] = caller.sandbox.records("Leads")
            assert (lead["Last_Name"], lead["City"]) == ("Åse", "Ørsta")


LEADS = "Last_Name,Email\nA,a@example.com\n"
MAP = [{"api_name": "Last_Name", "index": 0}]


@pytest.mark.parametrize(
    ("operation", "resource", "code"),
    [
        ("drop", {}, "INVALID_DATA"),
        ("insert", {"module": {"api_name": "Nope"}}, "MODULE_NOT_AVAILABLE"),
        ("insert", {"file_id": "1"}, "INVALID_FILE_ID"),
        ("insert", {"file_names": ["other.csv"]}, "FILE_NOT_FOUND"),
        ("update", {}, "MANDATORY_NOT_FOUND"),
        ("upsert", {"find_by": "City"}, "INVALID_FIELD"),
        ("upsert", {"find_by": "External_Id"}, "INVALID_FIELD"),
        ("insert", {"field_mappings": [{"api_name": "Nope", "index": 0}]}, "INVALID_FIELD"),
        ("insert", {"field_mappings": [{"api_name": "Email", "index": 1}]}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ("insert", {"field_mappings": [{"api_name": "Last_Name", "index": 2}]}, "COLUMN_INDEX_NOT_FOUND"),
        ("insert", {"field_mappings": [{"api_name": "Last_Name", "index": -1}]}, "COLUMN_INDEX_NOT_FOUND"),
        ("insert", {"field_mappings": [{"api_name": "Last_Name"}]}, "MANDATORY_NOT_FOUND"),
        ("insert", {"field_mappings": [*MAP, {"api_name": "Owner", "index": 1}]}, "MANDATORY_NOT_FOUND"),
        ("insert", {"field_mappings": [*MAP, {"api_name": "Birthday", "index": 1, "format": "yyyy-QQ"}]}, "INVALID_FORMAT"),
    ],
)
async def test_a_wrong_job_is_refused_with_its_code(operation: str, resource: dict[str, Any], code: str) -> None:
    async with calling(AT_ONCE) as caller:
        refused = await _create(caller, LEADS, operation, resource)

        assert (refused.status, refused.body["code"]) == (400, code)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (",".join(f"c{each}" for each in range(201)) + "\n", "HEADER_LIMIT_EXCEEDED"),
        ("Last_Name\n" + "A\n" * 25_001, "LIMIT_EXCEEDED"),
        ("", "FILE_NOT_SUPPORTED"),
    ],
)
async def test_a_file_too_large_or_empty_is_refused(content: str, code: str) -> None:
    async with calling(AT_ONCE) as caller:
        refused = await _create(caller, content, "insert", {})

        assert (refused.status, refused.body["code"]) == (400, code)


async def test_keys_that_lack_are_named() -> None:
    async with calling(AT_ONCE) as caller:
        json_type = {"Content-Type": "application/json"}

        nothing = await caller.call("POST", PATH, data=b"{}", headers=json_type)
        no_resource = await caller.call("POST", PATH, data=b'{"operation":"insert"}', headers=json_type)

        assert (nothing.body["code"], nothing.body["details"]) == ("MISSING_REQUIRED_KEY", {"json_path": "$.operation"})
        assert no_resource.body["details"] == {"json_path": "$.resource"}


async def test_a_job_goes_through_its_states_and_its_result_is_kept_seven_days() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(job_time_s=100, token_life_s=10.0**7), clock) as caller:
        created = await _create(caller, LEADS, "insert", {"field_mappings": MAP})
        path = f"{PATH}/{created.body['details']['id']}"
        details = []
        for _ in range(3):
            details.append((await caller.call("GET", path)).body)
            clock.advance(50)
        url = details[-1]["result"]["download_url"].removeprefix(caller.sandbox.url)
        kept = await caller.call("GET", url)
        clock.advance(7 * 86_400)
        gone = await caller.call("GET", url)

        assert [each["status"] for each in details] == ["ADDED", "INPROGRESS", "COMPLETED"]
        assert details[0]["resource"][0]["file"] == {"status": "INPROGRESS"}
        assert details[2]["resource"][0]["field_mappings"][0]["find_by"] is None
        assert (kept.status, gone.status, gone.body["code"]) == (200, 404, "RESOURCE_NOT_FOUND")
        assert [each.credits for each in caller.sandbox.calls if each.operation == "bulk_write"] == [500]


async def test_jobs_fail_on_demand_and_nothing_is_written() -> None:
    async with calling(AT_ONCE) as caller:
        caller.sandbox.faults.script([{"kind": "job_failure"}])

        detail = await _finished(caller, await _create(caller, LEADS, "insert", {}))

        assert (detail["status"], detail["resource"][0]["code"]) == ("FAILED", "INTERNAL_SERVER_ERROR")
        assert caller.sandbox.count("Leads") == 0


async def test_what_no_page_proves_of_the_result_is_a_switch() -> None:
    strict = UnverifiedBehavior(lower_case_status=True, shuffled_results=True, relative_download_url=True)
    async with calling(SandboxSettings(job_time_s=0, strict=strict)) as caller:
        names = [f"N{each:02}" for each in range(30)]

        rows = await _run(caller, "Last_Name\n" + "\n".join(names) + "\n")

        assert {each[1] for each in rows} == {"added"}
        assert [each[0] for each in rows] != names
        assert sorted(each[0] for each in rows) == names


async def test_several_matches_refuse_or_take_the_oldest() -> None:
    for handling, status in ((HandlingBehavior.REFUSE, "SKIPPED"), (HandlingBehavior.IGNORE, "UPDATED")):
        async with calling(SandboxSettings(job_time_s=0, strict=UnverifiedBehavior(several_matches=handling))) as caller:
            caller.sandbox.add("Leads", [{"Last_Name": "A", "Email": "a@example.com"}] * 2)

            [row] = await _run(caller, LEADS, "upsert", resource={"find_by": "Email"})

            assert row[2] == status
