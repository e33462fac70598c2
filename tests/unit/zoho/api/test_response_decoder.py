"""Decoding of responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.responses import RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Operation, Stage
from bulkzoho.zoho.api.response_decoder import RawResponse, decode_read, decode_write


def response(body: object, status: int = 200, **more: Any) -> RawResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawResponse(status=status, body=content, token_serial=3, service_time=99.0, **more)


def accepted(record_id: str | None = "1001", message: str = "record added", **more: Any) -> dict[str, Any]:
    details = {} if record_id is None else {"id": record_id}
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success", **more}


def refused(code: str = "INVALID_DATA", message: str = "invalid data", **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": message, "status": "error"}


def insert(body: object, status: int, records: int) -> Reply:
    return decode_write(response(body, status), Operation.INSERT, sent_ids=None, records=records)


def results(reply: Reply) -> WriteResults:
    assert isinstance(reply, Succeeded)
    assert reply.results is not None
    return reply.results


@pytest.mark.parametrize("status", [200, 201, 202, 207])
def test_a_fully_accepted_call_has_ids_and_one_action(status: int) -> None:
    found = results(insert({"data": [accepted("1"), accepted("2")]}, status, 2))

    assert found == WriteResults(ids=["1", "2"], actions=Action.INSERT)


@pytest.mark.parametrize("status", [200, 202, 207, 400])
def test_each_record_has_its_own_result(status: int) -> None:
    error = refused(api_name="Email", json_path="$.data[1].Email")

    found = results(insert({"data": [accepted("1"), error, accepted("3")]}, status, 3))

    assert found.ids == ["1", "", "3"]
    assert found.action(2) is Action.INSERT
    assert list(found.rejected) == [1]
    assert (found.rejected[1].code, found.rejected[1].field, found.rejected[1].stage) == ("INVALID_DATA", "Email", Stage.CRM)


def test_an_upsert_has_an_action_per_record() -> None:
    body = {"data": [accepted("1", action="insert"), accepted("2", action="update")]}

    found = results(decode_write(response(body), Operation.UPSERT, sent_ids=None, records=2))

    assert found.actions == [Action.INSERT, Action.UPDATE]


def test_an_upsert_without_actions_is_read_from_its_messages() -> None:
    body = {"data": [accepted("1", "record added"), accepted("2", "record updated")]}

    found = results(decode_write(response(body), Operation.UPSERT, sent_ids=None, records=2))

    assert found.actions == [Action.INSERT, Action.UPDATE]


def test_an_accepted_insert_without_an_id_is_unreadable() -> None:
    assert isinstance(insert({"data": [accepted("1"), accepted(None)]}, 201, 2), ResponseLost)


def test_an_accepted_delete_without_an_id_gets_the_id_of_the_request() -> None:
    body = {"data": [accepted(None, "record deleted")]}

    found = results(decode_write(response(body), Operation.DELETE, sent_ids=["77"], records=1))

    assert found == WriteResults(ids=["77"], actions=Action.DELETE)


def test_a_rejected_delete_has_the_id() -> None:
    body = {"data": [refused(message="record not deleted", id="77")]}

    found = results(decode_write(response(body, 400), Operation.DELETE, sent_ids=["77"], records=1))

    assert found.rejected[0].message == "record not deleted"
    assert found.rejected[0].details == {"id": "77"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"data": [accepted("1")]}, 201),
        ({"data": [accepted("1")] * 3}, 207),
        ({"data": []}, 200),
        ({"data": None}, 200),
        ({"data": {"0": accepted("1")}}, 200),
        ({}, 200),
        ({"data": [refused(), refused(), refused()]}, 400),
        ({"data": [accepted("1")]}, 400),
        (b"", 200),
        (b"", 204),
        (b"", 400),
        (b"[]", 200),
        (b'{"data":[', 201),
        (b"<html>fine</html>", 200),
        (b"<html>bad gateway</html>", 502),
        (b"<html>not you</html>", 403),
        (b"<html>who are you</html>", 401),
        (b"", 302),
        ({"code": "INTERNAL_ERROR", "details": {}, "message": "x", "status": "error"}, 500),
        ({"data": [refused("INTERNAL_ERROR"), refused("INTERNAL_ERROR")]}, 503),
        ({"data": [accepted("1"), {"code": "SUCCESS", "details": {"id": "2"}, "status": "error"}]}, 207),
        ({"data": [accepted("1"), None]}, 207),
        ({"data": [accepted("1"), {"status": "error"}]}, 207),
        ({"data": [refused(json_path="$.data[1].A"), accepted("1")]}, 207),
    ],
)
def test_a_response_without_a_result_per_record_means_response_lost(body: object, status: int) -> None:
    reply = insert(body, status, 2)

    assert isinstance(reply, ResponseLost)
    assert reply.service_time == 99.0


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_MODULE"),
        (400, "INVALID_DATA"),
        (401, "OAUTH_SCOPE_MISMATCH"),
        (403, "NO_PERMISSION"),
        (404, "INVALID_URL_PATTERN"),
        (405, "INVALID_REQUEST_METHOD"),
        (413, "REQUEST_ENTITY_TOO_LARGE"),
        (415, "MEDIA_TYPE_NOT_SUPPORTED"),
    ],
)
def test_an_error_of_the_whole_call_is_one_whether_bare_or_wrapped(status: int, code: str, wrapped: bool) -> None:
    error = refused(code, "no")

    reply = insert({"data": [error]} if wrapped else error, status, 100)

    assert reply == Rejected(status=status, code=code, message="no", service_time=99.0)


def test_a_status_that_concerns_the_whole_call_wins_over_results_of_the_right_number() -> None:
    body = {"data": [refused("NO_PERMISSION", permissions=["Crm_Implied_Create_Leads"])] * 2}

    reply = insert(body, 403, 2)

    assert isinstance(reply, Rejected)
    assert reply.details == {"permissions": ["Crm_Implied_Create_Leads"]}


def test_an_error_of_the_call_is_not_the_result_of_a_single_record() -> None:
    assert isinstance(insert({"data": [refused("INVALID_MODULE")]}, 400, 1), Rejected)
    assert isinstance(insert({"data": [refused("INVALID_DATA")]}, 400, 1), Succeeded)


@pytest.mark.parametrize("code", ["INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_dead_token_names_its_serial(code: str, wrapped: bool) -> None:
    error = refused(code)

    assert insert({"data": [error]} if wrapped else error, 401, 5) == TokenRejected(token_serial=3, code=code)


@pytest.mark.parametrize("body", [b"", b"<html>slow down</html>", {"code": "TOO_MANY_REQUESTS", "status": "error"}])
def test_any_429_is_a_rate_limit(body: object) -> None:
    reply = decode_write(response(body, 429, retry_after_s=5.0, credits_remaining=7), Operation.INSERT, sent_ids=None, records=2)

    assert reply == RateLimited(retry_after_s=5.0, credits_remaining=7)


def test_an_html_page_with_413_means_that_the_request_was_rejected() -> None:
    reply = insert(b"<html>413</html>", 413, 2)

    assert isinstance(reply, Rejected)
    assert reply.status == 413


def test_details_keep_names_and_limits_but_no_personal_data() -> None:
    duplicate = refused(
        "DUPLICATE_DATA",
        api_name="Email",
        json_path="$.data[0].Email",
        duplicate_record={"id": "55", "Owner": {"name": "Ana Lund", "id": "9", "zuid": "900"}, "module": {"api_name": "Leads"}},
        Modified_By={"name": "Ana Lund"},
        more_records=False,
    )

    (refusal,) = results(insert({"data": [duplicate]}, 400, 1)).rejected.values()

    assert refusal.details == {"api_name": "Email", "json_path": "$.data[0].Email", "more_records": False, "id": "55"}


def test_the_field_is_found_in_several_errors_and_in_the_json_path() -> None:
    several = refused("MULTIPLE_OR_MULTI_ERRORS", errors=[{"code": "A", "details": {"api_name": "Phone"}}])
    path = refused(json_path="$.data[1].Account_Name.id")

    found = results(insert({"data": [several, path]}, 400, 2)).rejected

    assert [found[0].field, found[1].field] == ["Phone", "Account_Name"]


@given(body=st.binary(max_size=60), status=st.integers(200, 599), records=st.integers(1, 3))
def test_no_response_raises_an_error(body: bytes, status: int, records: int) -> None:
    insert(body, status, records)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["SUCCESS", "success", "error", "INVALID_DATA", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "code", "status", "details", "id", "action", "message", "json_path", "errors"]), inner
        )
    ),
)


@given(
    data=st.lists(JSON, max_size=3),
    status=st.sampled_from([200, 201, 207, 400, 401, 403, 413]),
    operation=st.sampled_from(Operation),
)
def test_no_json_raises_an_error_and_a_success_has_a_result_per_record(
    data: list[Any], status: int, operation: Operation
) -> None:
    reply = decode_write(response({"data": data}, status), operation, sent_ids=None, records=2)

    if isinstance(reply, Succeeded):
        found = results(reply)
        assert len(found.ids) == 2
        assert all((found.ids[index] == "") == (index in found.rejected) for index in range(2))


def test_a_read_returns_its_payload() -> None:
    reply = decode_read(response({"count": "12"}, credits_remaining=5), lambda body: int(body["count"]))

    assert reply == Succeeded(payload=12, service_time=99.0, credits_remaining=5)


@pytest.mark.parametrize("status", [204, 304])
def test_a_read_without_results_has_no_payload(status: int) -> None:
    assert decode_read(response(b"", status), lambda body: body["x"]) == Succeeded(service_time=99.0)


def test_a_read_with_an_unknown_format_is_rejected_without_a_retry() -> None:
    reply = decode_read(response({"org": []}), lambda body: body["org"][0])

    assert isinstance(reply, Rejected)
    assert reply.code == "UNEXPECTED_ANSWER"


def test_an_error_of_a_read_is_found_under_any_key() -> None:
    reply = decode_read(response({"users": [refused("NO_PERMISSION")]}, 403), dict)

    assert isinstance(reply, Rejected)
    assert reply.code == "NO_PERMISSION"


def test_an_html_page_instead_of_a_read_means_response_lost() -> None:
    assert isinstance(decode_read(response(b"<html>"), dict), ResponseLost)
