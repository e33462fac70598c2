"""The sandbox's answers against Zoho's own OpenAPI files, wherever a copy of them is at hand.

Without the files each test says so in its output, and still checks what it knows of the answer's shape by itself.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from bulkzoho.sandbox.testing import Answer, Caller, calling

FOLDER = Path(os.environ.get("BULKZOHO_OAS_DIR") or Path(__file__).parents[2].parent / "shared" / "oas")
LOCAL = "oas:/"
# Metadata have some hundred attributes more than a client of records reads: those given are checked, not that all are.
# The patterns there are those of somebody's test data (an e-mail address of nine letters and five).
PARTIAL = {"org.json", "users.json", "fields.json", "modules.json"}
LEAD = {"Last_Name": "Okafor", "Email": "okafor@example.com", "External_Id": "x1"}


def _plain(node: Any, dropped: tuple[str, ...]) -> Any:
    """Bring an OpenAPI 3.0 schema into JSON Schema's words.

    References to other files become local ones.  ``oneOf`` becomes ``anyOf``: the files' alternatives overlap.  The
    message texts are left out, since Zoho's own pages differ in them (zoho-api, section 3.2).
    """
    if isinstance(node, list):
        return [_plain(each, dropped) for each in node]
    if not isinstance(node, dict):
        return node
    made = {
        ("anyOf" if key == "oneOf" else key): _plain(value, dropped)
        for key, value in node.items()
        if key not in dropped or isinstance(value, dict)  # a property may have such a name
    }
    reference = made.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        file, _, inside = reference.rpartition("/v8.0/")[2].partition("#")
        if not (FOLDER / file).exists():
            return {}  # not among the files at hand: anything goes there
        made["$ref"] = f"{LOCAL}{file}#{inside}"
    properties = made.get("properties")
    if isinstance(properties, dict) and isinstance(properties.get("message"), dict):
        properties["message"].pop("enum", None)
    return made


def _retrieve(address: str) -> Resource[Any]:
    loaded = json.loads((FOLDER / address.removeprefix(LOCAL)).read_text(encoding="utf-8"))
    dropped = ("nullable", "required", "pattern") if address.removeprefix(LOCAL) in PARTIAL else ("nullable",)
    return DRAFT202012.create_resource(_plain(loaded, dropped))


@cache
def _validator(file: str, schema: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]  # an attrs alias
    return Draft202012Validator({"$ref": f"{LOCAL}{file}#/components/schemas/{schema}"}, registry=registry)


def _without_nulls(value: Any) -> Any:
    """Leave out empty fields: the 3.0 files forget to say ``nullable`` where the pages show null."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def check(body: Any, file: str, schema: str) -> None:
    """Fail if a body is not what the file describes under that name; say so if there is no file."""
    if not (FOLDER / file).exists():
        print(f"no OpenAPI files in {FOLDER}: {file} {schema} is checked by hand only")
        return
    errors = sorted(_validator(file, schema).iter_errors(_without_nulls(body)), key=str)
    assert not errors, "\n".join(f"not as described: {each.json_path}: {each.message[:300]}" for each in errors[:5])


def check_result(result: Any) -> None:
    """Fail if a result of one record, or a whole-call error, is not as the file of records describes it."""
    assert set(result) >= {"code", "details", "message", "status"}
    check(result, "record.json", "Success_Response" if result["status"] == "success" else "API_Exception")


async def test_organization_and_users_are_as_described() -> None:
    async with calling() as caller:
        organization = await caller.get("org")
        users = await caller.get("users", {"type": "AllUsers"})

        assert set(organization.body) == {"org"}
        assert set(users.body) == {"users", "info"}
        [told] = organization.body["org"]
        told["type"] = told["type"].capitalize()  # 3.0 writes Sandbox, 3.1 and the pages sandbox
        for user in users.body["users"]:
            assert user.pop("time_zone") == "Europe/Stockholm"  # the file calls it an object, every page a text
        check(organization.body, "org.json", "Response_Wrapper")
        check(users.body, "users.json", "Response_Wrapper")


@pytest.mark.parametrize("crm_module", ["Leads", "Contacts", "Accounts", "Deals", "Shipments"])
async def test_metadata_are_as_described(crm_module: str) -> None:
    async with calling() as caller:
        fields = await caller.get("settings/fields", {"module": crm_module})
        modules = await caller.get(f"settings/modules/{crm_module}")

        assert set(fields.body) == {"fields"}
        assert set(modules.body) == {"modules"}
        check(fields.body, "fields.json", "Response_Wrapper")
        check(modules.body, "modules.json", "Response_Wrapper")


async def _written(caller: Caller) -> list[Answer]:
    inserted = await caller.insert("Leads", LEAD, LEAD, {}, {**LEAD, "Annual_Revenue": "x"})
    lead = inserted.body["data"][0]["details"]["id"]
    return [
        inserted,
        await caller.write("PUT", "Leads", [{"id": lead, "City": "Oslo"}, {"id": "1"}]),
        await caller.write("PUT", f"Leads/{lead}", [{"City": "Bergen"}]),
        await caller.write("POST", "Leads/upsert", [LEAD, {"Last_Name": "New"}]),
        await caller.insert("Nope", LEAD),
        await caller.insert("Leads", *[LEAD] * 101),
        await caller.get("Leads"),
        await caller.get("Leads", {"fields": "id", "page": "11"}),
        await caller.call("DELETE", f"/crm/v8/Leads?ids={lead},1"),
    ]


NOT_IN_THE_FILE = {"DISCRETE_PAGINATION_LIMIT_EXCEEDED"}  # a code of the pages that the list of codes there lacks


async def test_results_and_errors_are_as_described() -> None:
    async with calling() as caller:
        for answer in await _written(caller):
            assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
            for result in answer.body.get("data", [answer.body]):
                if result["code"] not in NOT_IN_THE_FILE:
                    check_result(result)


async def test_listed_and_deleted_records_are_as_described() -> None:
    async with calling() as caller:
        one, _two = caller.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B", "Email": "b@example.com"}])
        await caller.call("DELETE", f"/crm/v8/Leads/{one}")

        listed = await caller.get("Leads", {"fields": "Last_Name,Email,Owner"})
        removed = await caller.get("Leads/deleted")

        assert (len(listed.body["data"]), len(removed.body["data"])) == (1, 1)
        check(listed.body, "record.json", "Response_Wrapper")
        check(removed.body, "record.json", "Deleted_Records_Wrapper")


@pytest.mark.parametrize(
    ("query", "schema"),
    [
        ("select Last_Name from Leads where id is not null", "Response_Wrapper"),
        ("select Last_Name from Leads where", "Syntax_Exception"),
        ("select Nope from Leads where id is not null", "Query_Exception"),
        ("select Last_Name from Leads where id is not null limit 5000", "Limit_Exceeded_Exception"),
        ("select id, id from Leads where id is not null", "Duplicate_Data_Exception"),
    ],
)
async def test_answers_of_coql_are_as_described(query: str, schema: str) -> None:
    async with calling() as caller:
        caller.sandbox.add("Leads", [{"Last_Name": "A"}])

        answer = await caller.coql(query)

        assert answer.status == (200 if schema == "Response_Wrapper" else 400)
        check(answer.body, "coql.json", schema)


async def test_an_answer_that_is_not_as_described_is_noticed() -> None:
    async with calling() as caller:
        inserted = await caller.insert("Leads", LEAD)
        fields = await caller.get("settings/fields", {"module": "Leads"})
        inserted.body["data"][0]["code"] = "FINE"
        fields.body["fields"][0]["length"] = "long"

        if (FOLDER / "record.json").exists():
            with pytest.raises(AssertionError, match="not as described"):
                check_result(inserted.body["data"][0])
            with pytest.raises(AssertionError, match="not as described"):
                check(fields.body, "fields.json", "Response_Wrapper")
        assert inserted.status == 201
