"""Bulk write: upload, jobs, row results and the result file."""

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
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, SandboxResponse, sandbox_client

PATH = "/crm/bulk/v8/write"
AT_ONCE = SandboxSettings(job_time_s=0, strict=UnverifiedBehavior(shuffled_results=False))
HEADERS = {"feature": "bulk-write", "X-CRM-ORG": "650000001"}


def _zip(**files: str | bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


async def _upload(
    client: SandboxClient, content: bytes, headers: Mapping[str, str] = HEADERS, part: str = "file"
) -> SandboxResponse:
    form = aiohttp.FormData()
    form.add_field(part, io.BytesIO(content), filename="leads.zip", content_type="application/zip")
    return await client.call("POST", "/crm/v8/upload", data=form, headers=headers)


async def _create(
    client: SandboxClient, content: str | bytes, operation: str, resource: Mapping[str, Any], **beside: Any
) -> SandboxResponse:
    uploaded = await _upload(client, _zip(leads=content))
    own = {"type": "data", "module": {"api_name": "Leads"}, "file_id": uploaded.body["details"]["file_id"], **resource}
    body = orjson.dumps({"operation": operation, "resource": [own], **beside})
    return await client.call("POST", PATH, data=body, headers={"Content-Type": "application/json"})


async def _finished(client: SandboxClient, created: SandboxResponse) -> Any:
    assert created.status == 201, created
    detail = None
    for _ in range(500):
        detail = (await client.call("GET", f"{PATH}/{created.body['details']['id']}")).body
        if detail["status"] in ("COMPLETED", "FAILED"):
            return detail
        await asyncio.sleep(0.002)
    raise AssertionError(detail)


async def _result(client: SandboxClient, detail: Any) -> list[list[str]]:
    url = detail["result"]["download_url"].removeprefix(client.sandbox.url)
    got = await client.call("GET", url)
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        assert archive.namelist() == ["Leads-leads.csv"]
        text = archive.read("Leads-leads.csv").decode()
    return list(csv.reader(io.StringIO(text, newline="")))


async def _run(
    client: SandboxClient,
    content: str | bytes,
    operation: str = "insert",
    *,
    resource: Mapping[str, Any] | None = None,
    **beside: Any,
) -> list[list[str]]:
    created = await _create(client, content, operation, resource or {}, **beside)
    return (await _result(client, await _finished(client, created)))[1:]


async def test_only_a_zip_with_correct_headers_can_be_uploaded() -> None:
    async with sandbox_client() as client:
        good = await _upload(client, _zip(a="x"))
        no_zip = await _upload(client, b"Last_Name\nA\n")
        no_part = await _upload(client, _zip(a="x"), part="other")
        no_header = await _upload(client, _zip(a="x"), headers={})
        large = await _upload(client, b"x" * (25 * 2**20 + 1))

        assert (good.status, good.body["code"]) == (200, "FILE_UPLOAD_SUCCESS")
        assert good.body["details"]["file_id"].isdigit()
        assert (no_zip.status, no_zip.body["code"]) == (400, "INVALID_FILE_FORMAT")
        assert no_part.body["code"] == "MANDATORY_NOT_FOUND"
        assert no_header.body["x-error"] == "check if headers [feature, X-CRM-ORG] are present and valid"
        assert (large.status, large.body["code"]) == (413, "FILE_TOO_LARGE")


async def test_each_row_is_added_or_skipped_with_its_errors() -> None:
    async with sandbox_client(AT_ONCE) as client:
        text = (
            "Last_Name,Email,External_Id,Annual_Revenue,City\n"
            'Okafor,o@example.com,x1,12.5,"Oslo, old"\n'
            ",bad,x2,many,Rom\n"
            "Ek,e@example.com,X1,1,Rom\n"
        )

        created = await _create(client, text, "insert", {})
        detail = await _finished(client, created)
        header, *rows = await _result(client, detail)

        [lead] = client.sandbox.records("Leads")
        file = {
            each: detail["resource"][0]["file"][each] for each in ("added_count", "skipped_count", "updated_count", "total_count")
        }
        assert file == {"added_count": 1, "skipped_count": 2, "updated_count": 0, "total_count": 3}
        assert header == ["Last_Name", "Email", "External_Id", "STATUS", "RECORD_ID", "ERRORS"]
        assert rows[0] == ["Okafor", "o@example.com", "x1", "ADDED", lead["id"], ""]
        assert rows[1][3:] == ["SKIPPED", "", "INVALID_DATA-Annual_Revenue,Email:MANDATORY_NOT_FOUND-Last_Name"]
        assert rows[2][3:] == ["SKIPPED", "", "DUPLICATE_DATA-External_Id"]
        assert (lead["City"], lead["Annual_Revenue"]) == ("Oslo, old", 12.5)


async def test_field_mappings_apply_formats_defaults_and_lookups() -> None:
    async with sandbox_client(AT_ONCE) as client:
        [account] = client.sandbox.add("Accounts", [{"Account_Name": "Acme"}])
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

        detail = await _finished(client, await _create(client, text, "insert", resource))
        got = await client.call("GET", detail["result"]["download_url"].removeprefix(client.sandbox.url))
        with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
            lines = archive.read("Contacts-leads.csv").decode().splitlines()

        [contact] = client.sandbox.records("Contacts")
        assert contact["Account_Name"]["id"] == account
        assert contact["Owner"]["email"] == "bo@sandbox.example.com"
        assert (contact["Date_of_Birth"], contact["Department"]) == ("2001-02-03", "Sales")
        assert contact["Languages"] == ["Korean", "Spanish"]
        assert lines[0] == "who,born,firm,STATUS,RECORD_ID,ERRORS"
        assert lines[2].endswith("SKIPPED,,INVALID_DATA-Date_of_Birth:RESOURCE_NOT_FOUND-Account_Name")


async def test_dates_default_to_the_us_format() -> None:
    async with sandbox_client(AT_ONCE) as client:
        text = "Last_Name,Birthday,Last_Contacted\nA,03/04/2001,12/31/2025 23:59:01\nB,2001-03-04,\n"

        rows = await _run(client, text)

        [lead] = client.sandbox.records("Leads")
        assert (lead["Birthday"], lead["Last_Contacted"]) == ("2001-03-04", "2025-12-31T23:59:01+01:00")
        assert rows[1][-1] == "INVALID_DATA-Birthday"


async def test_update_never_creates_records_but_upsert_does() -> None:
    async with sandbox_client(AT_ONCE) as client:
        [lead] = client.sandbox.add("Leads", [{"Last_Name": "A", "External_Id": "x1", "City": "Oslo"}])
        text = "External_Id,Last_Name,City\nX1,B,Rom\nx2,C,Bergen\n"

        updated = await _run(client, text, "update", resource={"find_by": "External_Id"})
        upserted = await _run(client, text, "upsert", resource={"find_by": "External_Id"})
        skipped = await _run(client, text, "insert", resource={"find_by": "External_Id"})
        by_id = await _run(client, f"id,Last_Name\n{lead},Z\n1,Y\n", "update", resource={"find_by": "id"})

        assert [each[3:] for each in updated] == [["UPDATED", lead, ""], ["SKIPPED", "", "RESOURCE_NOT_FOUND-External_Id"]]
        assert [each[3] for each in upserted] == ["UPDATED", "ADDED"]
        assert [each[5] for each in skipped] == ["DUPLICATE_DATA-External_Id"] * 2
        assert [each[2] for each in by_id] == ["UPDATED", "SKIPPED"]
        assert next(client.sandbox.records("Leads"))["Last_Name"] == "Z"


async def test_an_empty_cell_clears_its_field_unless_ignore_empty_is_set() -> None:
    for ignored, city in ((True, "Oslo"), (False, None)):
        async with sandbox_client(AT_ONCE) as client:
            client.sandbox.add("Leads", [{"Last_Name": "A", "External_Id": "x1", "City": "Oslo"}])

            resource = {"find_by": "External_Id"}
            await _run(client, "External_Id,City\nx1,\n", "update", resource=resource, ignore_empty=ignored)

            assert next(client.sandbox.records("Leads")).get("City") == city


@pytest.mark.parametrize(
    "content",
    ["Last_Name;City\nÅse;Ørsta\n", "Last_Name|City\nÅse|Ørsta\n", "\ufeffLast_Name,City\r\nÅse,Ørsta\r\n"],
)
async def test_delimiter_and_encoding_are_auto_detected(content: str) -> None:
    for encoding in ("utf-8", "utf-16", "cp1252"):
        if encoding != "utf-8" and "\ufeff" in content:
            continue  # the UTF-8 byte order mark
        async with sandbox_client(AT_ONCE) as client:
            await _run(client, content.encode(encoding))

            [lead] = client.sandbox.records("Leads")
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
async def test_an_invalid_bulk_write_job_is_rejected_with_its_error_code(
    operation: str, resource: dict[str, Any], code: str
) -> None:
    async with sandbox_client(AT_ONCE) as client:
        refused = await _create(client, LEADS, operation, resource)

        assert (refused.status, refused.body["code"]) == (400, code)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (",".join(f"c{each}" for each in range(201)) + "\n", "HEADER_LIMIT_EXCEEDED"),
        ("Last_Name\n" + "A\n" * 25_001, "LIMIT_EXCEEDED"),
        ("", "FILE_NOT_SUPPORTED"),
    ],
)
async def test_a_too_large_or_empty_file_is_rejected(content: str, code: str) -> None:
    async with sandbox_client(AT_ONCE) as client:
        refused = await _create(client, content, "insert", {})

        assert (refused.status, refused.body["code"]) == (400, code)


async def test_missing_keys_are_named_in_the_error() -> None:
    async with sandbox_client(AT_ONCE) as client:
        json_type = {"Content-Type": "application/json"}

        nothing = await client.call("POST", PATH, data=b"{}", headers=json_type)
        no_resource = await client.call("POST", PATH, data=b'{"operation":"insert"}', headers=json_type)

        assert (nothing.body["code"], nothing.body["details"]) == ("MISSING_REQUIRED_KEY", {"json_path": "$.operation"})
        assert no_resource.body["details"] == {"json_path": "$.resource"}


async def test_a_bulk_write_job_passes_through_its_states_and_its_result_expires_after_seven_days() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(job_time_s=100, token_life_s=10.0**7), clock) as client:
        created = await _create(client, LEADS, "insert", {"field_mappings": MAP})
        path = f"{PATH}/{created.body['details']['id']}"
        details = []
        for _ in range(3):
            details.append((await client.call("GET", path)).body)
            clock.advance(50)
        url = details[-1]["result"]["download_url"].removeprefix(client.sandbox.url)
        stored = await client.call("GET", url)
        clock.advance(7 * 86_400)
        gone = await client.call("GET", url)

        assert [each["status"] for each in details] == ["ADDED", "INPROGRESS", "COMPLETED"]
        assert details[0]["resource"][0]["file"] == {"status": "INPROGRESS"}
        assert details[2]["resource"][0]["field_mappings"][0]["find_by"] is None
        assert (stored.status, gone.status, gone.body["code"]) == (200, 404, "RESOURCE_NOT_FOUND")
        assert [each.credits for each in client.sandbox.calls if each.operation == "bulk_write"] == [500]


async def test_a_failed_bulk_write_job_writes_nothing() -> None:
    async with sandbox_client(AT_ONCE) as client:
        client.sandbox.faults.script([{"kind": "job_failure"}])

        detail = await _finished(client, await _create(client, LEADS, "insert", {}))

        assert (detail["status"], detail["resource"][0]["code"]) == ("FAILED", "INTERNAL_SERVER_ERROR")
        assert client.sandbox.count("Leads") == 0


async def test_unverified_details_of_the_result_are_switches() -> None:
    strict = UnverifiedBehavior(lower_case_status=True, shuffled_results=True, relative_download_url=True)
    async with sandbox_client(SandboxSettings(job_time_s=0, strict=strict)) as client:
        names = [f"N{each:02}" for each in range(30)]

        rows = await _run(client, "Last_Name\n" + "\n".join(names) + "\n")

        assert {each[1] for each in rows} == {"added"}
        assert [each[0] for each in rows] != names
        assert sorted(each[0] for each in rows) == names


async def test_several_matches_are_rejected_or_resolve_to_the_oldest() -> None:
    for handling, status in ((HandlingBehavior.REFUSE, "SKIPPED"), (HandlingBehavior.IGNORE, "UPDATED")):
        async with sandbox_client(SandboxSettings(job_time_s=0, strict=UnverifiedBehavior(several_matches=handling))) as client:
            client.sandbox.add("Leads", [{"Last_Name": "A", "Email": "a@example.com"}] * 2)

            [row] = await _run(client, LEADS, "upsert", resource={"find_by": "Email"})

            assert row[2] == status
