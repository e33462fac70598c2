"""Insert, update, upsert and delete in the sandbox: results, codes, details and statuses."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.sandbox import DuplicateKeysBehavior, HandlingBehavior, SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, sandbox_client

LEAD = {"Last_Name": "Okafor"}


@pytest.mark.parametrize(
    ("records", "status", "codes"),
    [
        ([LEAD, LEAD], 201, ["SUCCESS", "SUCCESS"]),
        ([LEAD, {}, LEAD], 207, ["SUCCESS", "MANDATORY_NOT_FOUND", "SUCCESS"]),
        ([{}, {}], 400, ["MANDATORY_NOT_FOUND", "MANDATORY_NOT_FOUND"]),
    ],
)
async def test_the_status_shows_whether_all_some_or_no_records_were_accepted(
    records: list[Any], status: int, codes: list[str]
) -> None:
    async with sandbox_client() as client:
        answer = await client.insert("Leads", *records)

        assert (answer.status, answer.codes) == (status, codes)
        assert client.sandbox.count("Leads") == codes.count("SUCCESS")


@pytest.mark.parametrize(
    ("crm_module", "field", "value", "code", "details"),
    [
        ("Leads", "Last_Name", "x" * 81, "INVALID_DATA", {"maximum_length": 80}),
        ("Leads", "Last_Name", "  ", "MANDATORY_NOT_FOUND", {}),
        ("Leads", "Last_Name", 5, "INVALID_DATA", {"expected_data_type": "text"}),
        ("Leads", "Email", "no-at-sign", "INVALID_DATA", {"expected_data_type": "email"}),
        ("Leads", "Phone", "1" * 31, "INVALID_DATA", {"maximum_length": 30}),
        ("Leads", "Phone", "a/b", "INVALID_DATA", {}),
        ("Shipments", "Carrier", "Pigeon", "INVALID_DATA", {"supported_values": ["DHL", "FedEx", "PostNord", "UPS"]}),
        ("Leads", "Annual_Revenue", "12", "INVALID_DATA", {"expected_data_type": "double"}),
        ("Leads", "Annual_Revenue", "", "INVALID_DATA", {"expected_data_type": "double"}),
        ("Leads", "No_of_Employees", 10**9, "INVALID_DATA", {"maximum_length": 9}),
        ("Leads", "No_of_Employees", 1.5, "INVALID_DATA", {"expected_data_type": "integer"}),
        ("Leads", "Email_Opt_Out", "true", "INVALID_DATA", {"expected_data_type": "boolean"}),
        ("Leads", "Birthday", "02/01/2026", "INVALID_DATA", {"expected_data_type": "date"}),
        ("Leads", "Birthday", "2026-02-30", "INVALID_DATA", {"expected_data_type": "date"}),
        ("Leads", "Last_Contacted", "2026-02-01T10:00:00", "INVALID_DATA", {"expected_data_type": "datetime"}),
        ("Leads", "Languages", "English", "INVALID_DATA", {"expected_data_type": "jsonarray"}),
        ("Leads", "Owner", "Ana Lund", "INVALID_DATA", {"expected_data_type": "jsonobject"}),
        ("Leads", "Nonsense", "x", "INVALID_DATA", {}),
        ("Leads", "Created_Time", "2026-02-01T10:00:00+01:00", "INVALID_DATA", {}),
        ("Shipments", "Big", 10**18, "INVALID_DATA", {"maximum_length": 18}),
        ("Shipments", "Share", 100_000, "INVALID_DATA", {"maximum_length": 5}),
    ],
)  # fmt: skip
async def test_an_invalid_value_is_rejected_with_its_field_and_path(
    crm_module: str, field: str, value: Any, code: str, details: dict[str, Any]
) -> None:
    good = {"Last_Name": "Okafor"} if crm_module == "Leads" else {"Name": "S1"}
    async with sandbox_client() as client:
        answer = await client.insert(crm_module, good, {**good, field: value})

        refused = answer.body["data"][1]
        assert answer.status == 207
        assert (refused["code"], refused["status"]) == (code, "error")
        assert refused["details"] == {**details, "api_name": field, "json_path": f"$.data[1].{field}"}


async def test_a_lookup_must_point_to_an_existing_record() -> None:
    async with sandbox_client() as client:
        [account] = client.sandbox.add("Accounts", [{"Account_Name": "Acme"}])

        answer = await client.insert(
            "Contacts",
            {"Last_Name": "A", "Account_Name": {"id": account}},
            {"Last_Name": "B", "Account_Name": {"id": int(account)}},
            {"Last_Name": "C", "Account_Name": {"id": "123"}},
        )

        assert answer.codes == ["SUCCESS", "SUCCESS", "INVALID_DATA"]
        assert answer.body["data"][2]["details"]["json_path"] == "$.data[2].Account_Name.id"
        first = next(client.sandbox.records("Contacts"))
        assert first["Account_Name"] == {"name": "Acme", "id": account}


async def test_values_of_every_type_are_stored_and_returned() -> None:
    record = {
        "Name": "S1", "External_Id": "x1", "Weight": 245.66, "Fragile": True, "Shipped_On": "2026-02-01",
        "Delivered_At": "2026-02-01T10:00:00+01:00", "Tags_MS": ["Cold", "Heavy"], "Carrier": "UPS", "Quantity": 42,
        "Big": "123456789012345678", "Value": 1200.5, "Share": 12.5, "Notes_Long": "a\nb", "Site": "https://x.y",
        "Phone": "+46 8 123",
    }  # fmt: skip
    async with sandbox_client() as client:
        await client.insert("Shipments", record)

        [stored] = client.sandbox.records("Shipments")
        assert {name: stored[name] for name in record} == record


async def test_decimals_are_truncated_times_converted_and_spaces_trimmed() -> None:
    async with sandbox_client() as client:
        await client.insert(
            "Leads",
            {"Last_Name": "  Okafor ", "Annual_Revenue": 1.999, "Last_Contacted": "2026-07-01T10:00:00Z", "City": ""},
        )

        [stored] = client.sandbox.records("Leads")
        assert (stored["Last_Name"], stored["Annual_Revenue"]) == ("Okafor", 1.99)
        assert stored["Last_Contacted"] == "2026-07-01T12:00:00+02:00"
        assert "City" not in stored


async def test_a_unique_field_rejects_duplicates_regardless_of_case() -> None:
    async with sandbox_client() as client:
        first = await client.insert("Leads", {**LEAD, "External_Id": "Ab"})

        answer = await client.insert("Leads", {**LEAD, "External_Id": "aB"})

        details = answer.body["data"][0]["details"]
        assert (answer.status, answer.codes) == (400, ["DUPLICATE_DATA"])
        assert details["id"] == first.body["data"][0]["details"]["id"] == details["duplicate_record"]["id"]
        assert details["api_name"] == "External_Id"


async def test_a_duplicate_email_is_accepted_on_insert_unless_made_unique() -> None:
    lead = {**LEAD, "Email": "a@example.com"}
    async with sandbox_client() as client, sandbox_client(SandboxSettings(unique_fields={"Leads": ["Email"]})) as strict:
        assert (await client.insert("Leads", lead, lead)).status == 201
        assert (await strict.insert("Leads", lead, lead)).codes == ["SUCCESS", "DUPLICATE_DATA"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "INVALID_DATA"),
        (b"[]", "INVALID_DATA"),
        (b"{}", "MANDATORY_NOT_FOUND"),
        (b'{"data":[]}', "INVALID_DATA"),
        (b'{"data":[' + b",".join([b'{"Last_Name":"A"}'] * 101) + b"]}", "LIMIT_EXCEEDED"),
        (b'{"data":[{"Last_Name":"A"}],"trigger":["wrong"]}', "INVALID_DATA"),
    ],
)
async def test_an_invalid_call_gets_one_bare_error(body: bytes, code: str) -> None:
    async with sandbox_client() as client:
        answer = await client.call("POST", "/crm/v8/Leads", data=body)

        assert (answer.status, answer.body["code"]) == (400, code)
        assert client.sandbox.count("Leads") == 0


async def test_an_update_changes_and_clears_only_the_given_fields() -> None:
    async with sandbox_client() as client:
        [lead] = client.sandbox.add("Leads", [{**LEAD, "City": "Oslo", "Company": "Acme", "Country": "NO"}])

        answer = await client.write("PUT", "Leads", [{"id": lead, "City": "Bergen", "Company": None}])

        [stored] = client.sandbox.records("Leads")
        assert (answer.status, answer.body["data"][0]["message"]) == (200, "record updated")
        assert (stored["City"], stored.get("Company"), stored["Country"]) == ("Bergen", None, "NO")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"City": "Oslo"}, "MANDATORY_NOT_FOUND", "id"),
        ({"id": "1", "City": "Oslo"}, "INVALID_DATA", "id"),
        ({"id": "5.72E+17"}, "INVALID_DATA", "id"),
    ],
)
async def test_an_update_requires_a_record_id(change: dict[str, str], code: str, field: str) -> None:
    async with sandbox_client() as client:
        answer = await client.write("PUT", "Leads", [change])

        assert (answer.status, answer.codes) == (400, [code])
        assert answer.body["data"][0]["details"]["api_name"] == field


async def test_a_record_is_updated_by_path_and_values_are_appended_on_request() -> None:
    async with sandbox_client() as client:
        [lead] = client.sandbox.add("Leads", [{**LEAD, "Languages": ["German"]}])

        await client.write("PUT", f"Leads/{lead}", [{"Languages": ["Korean"], "$append_values": {"Languages": True}}])

        assert next(client.sandbox.records("Leads"))["Languages"] == ["German", "Korean"]


async def test_an_update_of_a_record_modified_since_is_rejected_with_412() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        [lead] = client.sandbox.add("Leads", [LEAD])
        change = [{"id": lead, "City": "Oslo"}]

        refused = await client.write("PUT", "Leads", change, headers={"If-Unmodified-Since": "2020-01-01T00:00:00Z"})
        granted = await client.write("PUT", "Leads", change, headers={"If-Unmodified-Since": "2040-01-01T00:00:00Z"})

        assert (refused.status, refused.codes) == (412, ["ALREADY_MODIFIED"])
        assert granted.status == 200


async def test_an_upsert_updates_matches_and_inserts_the_rest() -> None:
    async with sandbox_client() as client:
        [lead] = client.sandbox.add("Leads", [{**LEAD, "Email": "a@example.com"}])

        answer = await client.write(
            "POST",
            "Leads/upsert",
            [{"Email": "A@example.com", "City": "Oslo"}, {**LEAD, "Email": "b@example.com"}],
            {"duplicate_check_fields": ["Email"], "trigger": []},
        )

        updated, inserted = answer.body["data"]
        assert answer.status == 200
        assert (updated["action"], updated["duplicate_field"], updated["details"]["id"]) == ("update", "Email", lead)
        assert (inserted["action"], inserted["duplicate_field"]) == ("insert", None)
        call = client.sandbox.calls[-1]
        assert (call.trigger, call.duplicate_check_fields, call.records) == ((), ("Email",), 2)


@pytest.mark.parametrize(("check_fields", "found_by"), [(None, "Email"), (["Email"], "Email"), (["External_Id"], "External_Id")])
async def test_unlisted_unique_fields_are_checked_for_duplicates_but_system_fields_are_not(
    check_fields: list[str] | None, found_by: str
) -> None:
    async with sandbox_client() as client:
        client.sandbox.add("Leads", [{**LEAD, "Email": "a@example.com"}, {**LEAD, "External_Id": "x1"}])
        keys = {} if check_fields is None else {"duplicate_check_fields": check_fields}

        answer = await client.write(
            "POST",
            "Leads/upsert",
            [{"Email": "a@example.com", "City": "Oslo"}, {"External_Id": "x1", "City": "Oslo"}, LEAD],
            keys,
        )

        by_email, by_external_id, by_nothing = answer.body["data"]
        if found_by == "Email":
            assert by_email["duplicate_field"] == "Email"
        else:
            assert by_email["code"] == "MANDATORY_NOT_FOUND"
        assert by_external_id["duplicate_field"] == "External_Id"
        assert by_nothing["action"] == "insert"


async def test_only_key_fields_are_accepted_as_duplicate_check_fields() -> None:
    async with sandbox_client() as client:
        answer = await client.write("POST", "Leads/upsert", [LEAD], {"duplicate_check_fields": ["City"]})

        assert (answer.status, answer.body["code"]) == (400, "INVALID_DATA")


@pytest.mark.parametrize(
    ("handling", "outcome", "count"),
    [
        (DuplicateKeysBehavior.SEQUENTIAL, ["insert", "update"], 1),
        (DuplicateKeysBehavior.INSERT_BOTH, ["insert", "insert"], 2),
        (DuplicateKeysBehavior.REFUSE, ["insert", "DUPLICATE_DATA"], 1),
    ],
)
async def test_duplicate_keys_in_a_call_follow_the_switch_and_are_always_a_violation(
    handling: DuplicateKeysBehavior, outcome: list[str], count: int
) -> None:
    lead = {**LEAD, "Email": "a@example.com"}
    async with sandbox_client(SandboxSettings(strict=UnverifiedBehavior(duplicate_keys=handling))) as client:
        answer = await client.write("POST", "Leads/upsert", [lead, lead])

        assert [each.get("action", each["code"]) for each in answer.body["data"]] == outcome
        assert client.sandbox.count("Leads") == count
        assert [each.kind for each in client.sandbox.violations] == ["same_key_twice_in_a_call"]


async def test_a_key_shared_by_several_records_is_ambiguous() -> None:
    lead = {**LEAD, "Email": "a@example.com"}
    lenient = SandboxSettings(strict=UnverifiedBehavior(several_matches=HandlingBehavior.IGNORE))
    async with sandbox_client() as client, sandbox_client(lenient) as other:
        client.sandbox.add("Leads", [lead, lead])
        ids = other.sandbox.add("Leads", [lead, lead])

        refused = await client.write("POST", "Leads/upsert", [lead])
        taken = await other.write("POST", "Leads/upsert", [lead])

        assert refused.codes == ["DUPLICATE_DATA"]
        assert refused.body["data"][0]["details"]["more_records"] is True
        assert taken.body["data"][0]["details"]["id"] == ids[0]


async def test_a_delete_reports_each_id_and_fails_the_second_time() -> None:
    async with sandbox_client(SandboxSettings(strict=UnverifiedBehavior(deleted_keys_stay_taken=False))) as client:
        one, two, three = client.sandbox.add("Leads", [{**LEAD, "External_Id": "x"}, LEAD, LEAD])

        mixed = await client.call("DELETE", f"/crm/v8/Leads?ids={one},1,{two}&wf_trigger=false")
        again = await client.call("DELETE", f"/crm/v8/Leads?ids={one}")
        single = await client.call("DELETE", f"/crm/v8/Leads/{three}")
        nothing = await client.call("DELETE", "/crm/v8/Leads")
        removed = await client.get("Leads/deleted")

        assert (mixed.status, mixed.codes) == (207, ["SUCCESS", "INVALID_DATA", "SUCCESS"])
        assert (again.status, again.body["data"][0]["message"]) == (400, "record not deleted")
        assert (single.status, nothing.body["code"]) == (200, "REQUIRED_PARAM_MISSING")
        assert {each["id"] for each in removed.body["data"]} == {one, two, three}
        assert (await client.insert("Leads", {**LEAD, "External_Id": "x"})).status == 201


async def test_lenient_behaviours_can_be_switched_on() -> None:
    loose = UnverifiedBehavior(
        unknown_fields=HandlingBehavior.IGNORE,
        read_only_fields=HandlingBehavior.IGNORE,
        numbers_as_text=HandlingBehavior.IGNORE,
        empty_text_on_typed_fields=HandlingBehavior.IGNORE,
        phone_pattern=False,
        partial_success_status=202,
        wrapped_errors=True,
    )
    lead = {**LEAD, "Nonsense": 1, "Created_Time": "x", "No_of_Employees": "12", "Birthday": "", "Phone": "1/2"}
    async with sandbox_client(SandboxSettings(strict=loose)) as client:
        answer = await client.insert("Leads", lead, {})
        wrapped = await client.insert("Nope", LEAD)

        [stored] = client.sandbox.records("Leads")
        assert answer.status == 202
        assert (stored["No_of_Employees"], stored["Phone"]) == (12, "1/2")
        assert wrapped.codes == ["INVALID_MODULE"]
