"""The sandbox's responses against Zoho's OpenAPI files, if a copy is available (BULKZOHO_OAS_DIR, see CONTRIBUTING.md).

Every response that a sandbox sends in any test is checked at the end of the run (tests/conftest.py).  The tests here prove that
this check finds differences and that every ignored difference has a reason.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.sandbox import SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.contract import ANSWERS_VARIABLE, ResponseRecorder
from bulkzoho.sandbox.contract.deviations import DEVIATIONS, NOT_IN_THE_FILES, UNDESCRIBED
from bulkzoho.sandbox.contract.response_validator import DESCRIBED, check_answers
from bulkzoho.sandbox.routes import router as table
from bulkzoho.sandbox.testing import SandboxClient, SandboxResponse, sandbox_client

FOLDER = Path(os.environ.get("BULKZOHO_OAS_DIR") or Path(__file__).parents[2].parent / "shared" / "oas")
LEAD = {"Last_Name": "Okafor", "Email": "okafor@example.com", "External_Id": "x1"}


def _wrong(folder: Path) -> list[str]:
    """Check the responses recorded in a folder; skip if the OpenAPI files are not available."""
    if not FOLDER.is_dir():
        print(f"no OpenAPI files in {FOLDER}: the answers are checked by hand only")
        return []
    return check_answers(folder, FOLDER)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record responses of all sandboxes in a folder of this test."""
    monkeypatch.setenv(ANSWERS_VARIABLE, str(tmp_path / "answers"))
    return tmp_path / "answers"


async def _use(client: SandboxClient) -> list[SandboxResponse]:
    inserted = await client.insert("Leads", LEAD, LEAD, {}, {**LEAD, "Annual_Revenue": "x"})
    lead = inserted.body["data"][0]["details"]["id"]
    return [
        inserted,
        await client.write("PUT", "Leads", [{"id": lead, "City": "Oslo"}, {"id": "1"}]),
        await client.write("POST", "Leads/upsert", [LEAD, {"Last_Name": "New"}]),
        await client.insert("Nope", LEAD),
        await client.get("Leads"),
        await client.get("Leads", {"fields": "Last_Name,Email,Owner"}),
        await client.get("org"),
        await client.get("users", {"type": "AllUsers"}),
        await client.get("settings/fields", {"module": "Shipments"}),
        await client.get("settings/modules/Leads"),
        await client.coql("select Last_Name from Leads where id is not null"),
        await client.coql("select Last_Name from Leads where"),
        await client.call("DELETE", f"/crm/v8/Leads?ids={lead},1"),
        await client.get("Leads/deleted"),
    ]


async def test_responses_that_clients_use_match_the_openapi_files(recorded: Path) -> None:
    async with sandbox_client() as client:
        answers = await _use(client)

        assert [each.status for each in answers] == [207, 207, 200, 400, 400, 200, 200, 200, 200, 200, 200, 400, 207, 200]
        for answer in answers:
            assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
            for result in answer.body.get("data", []) if answer.status in (207, 400) else []:
                assert set(result) >= {"code", "details", "message", "status"}
    assert len(list(recorded.glob("*.json"))) >= len(answers)
    assert _wrong(recorded) == []


def _keep(folder: Path, operation: str, body: bytes) -> None:
    ResponseRecorder(folder)(operation, 200, body)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("insert", b'{"data":[{"code":"FINE","details":{},"message":"record added","status":"success"}]}'),
        ("insert", b'{"data":[{"code":"SUCCESS","details":1,"message":"record added","status":"success"}]}'),
        ("fields", b'{"fields":[{"id":"1","api_name":"X","length":"long"}]}'),
        ("bulk_read_status", b'{"data":[{"id":"1","operation":"read","state":"DONE","query":{"module":{"api_name":"Leads"}}}]}'),
        ("list", b'{"code":"NOPE","details":{},"message":"x","status":"error"}'),
        ("coql", b'{"data":[],"info":{"count":"many","more_records":false}}'),
    ],
)
def test_a_response_that_differs_from_the_files_is_detected(operation: str, body: bytes, tmp_path: Path) -> None:
    _keep(tmp_path, operation, body)

    wrong = _wrong(tmp_path)

    assert len(list(tmp_path.glob(f"{operation}.200.*.json"))) == 1
    if FOLDER.is_dir():
        assert len(wrong) == 1
        assert wrong[0].startswith(f"{operation} 200: ")


def test_one_response_of_each_shape_is_recorded_across_processes(tmp_path: Path) -> None:
    for number in range(5):
        _keep(tmp_path, "insert", b'{"data":[{"code":"SUCCESS","details":{"id":"%d"}},{"code":"INVALID_DATA"}]}' % number)

    assert len(list(tmp_path.iterdir())) == 2


def _operations() -> set[str]:
    return {route.operation for _, routes in table.ADDRESSES for route in routes}


def test_every_operation_is_described_or_has_a_reason() -> None:
    assert _operations() - {"upload"} <= DESCRIBED | UNDESCRIBED.keys()
    assert UNDESCRIBED.keys() <= _operations()
    assert all(len(reason) > 10 for reason in (*DEVIATIONS.values(), *UNDESCRIBED.values()))


def test_every_ignored_code_is_missing_from_the_files() -> None:
    texts = "".join(each.read_text(encoding="utf-8") for each in FOLDER.glob("*.json")) if FOLDER.is_dir() else ""
    described = {code for code in NOT_IN_THE_FILES if f'"{code}"' in texts}

    # listed in one file, missing from the file of its operation
    assert described <= {
        "AMBIGUITY_DURING_PROCESSING",
        "EXPECTED_PARAM_MISSING",
        "INVALID_CALLBACK_URL",
        "INVALID_QUERY",
        "LIMIT_REACHED",
        "OAUTH_SCOPE_MISMATCH",
        "REQUEST_BODY_NOT_SUPPORTED",
        "TOO_MANY_REQUESTS",
        "EXPIRED_VALUE",
        "FILE_SIZE_MORE_THAN_ALLOWED_SIZE",
        "AUTHENTICATION_FAILURE",
    }


async def test_wrapped_and_bare_errors_match_the_files(recorded: Path) -> None:
    for wrapped in (False, True):
        async with sandbox_client(SandboxSettings(strict=UnverifiedBehavior(wrapped_errors=wrapped))) as client:
            refused: Any = (await client.get("Leads")).body

            assert ("data" in refused) is wrapped
    assert _wrong(recorded) == []
