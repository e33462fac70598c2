"""Child records: subform rows and multi-select links, by single calls and by a bulk write of several files."""

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

from bulkzoho.sandbox import SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import SandboxClient, SandboxResponse, sandbox_client

PATH = "/crm/bulk/v8/write"
AT_ONCE = SandboxSettings(job_time_s=0, strict=UnverifiedBehavior(shuffled_results=False))
LINES = [{"Product": "Oak", "Quantity": 2, "Price": 10.5}, {"Product": "Elm", "Quantity": 1}]


async def _order(client: SandboxClient, **more: Any) -> str:
    made = await client.insert("Orders", {"Name": "First", "Order_Lines": LINES, **more})
    assert made.codes == ["SUCCESS"], made
    return str(made.body["data"][0]["details"]["id"])


async def _shown(client: SandboxClient, order: str) -> Any:
    return (await client.get(f"Orders/{order}")).body["data"][0]


async def test_child_rows_are_inserted_with_their_record_and_returned_only_with_it() -> None:
    async with sandbox_client() as client:
        helpers = client.sandbox.add("Contacts", [{"Last_Name": "Ada"}, {"Last_Name": "Bo"}])
        order = await _order(client, Helpers=[{"Contacts": {"id": each}} for each in helpers])

        one = await _shown(client, order)
        listed = (await client.get("Orders", {"fields": "Name,Order_Lines"})).body["data"][0]
        queried = await client.coql(f"select Product, Parent_Id.Name from Order_Lines where Parent_Id = '{order}' order by id")

        assert [(each["Product"], each["Quantity"], each["Parent_Id"]["name"]) for each in one["Order_Lines"]] == [
            ("Oak", 2, "First"),
            ("Elm", 1, "First"),
        ]
        assert [each["Contacts"]["name"] for each in one["Helpers"]] == ["Ada", "Bo"]
        assert one["$has_more"] == {"Order_Lines": False, "Helpers": False}
        assert listed == {"id": order, "Name": "First"}
        assert [each["Parent_Id.Name"] for each in queried.body["data"]] == ["First", "First"]


async def test_an_update_changes_adds_and_deletes_child_rows() -> None:
    async with sandbox_client() as client:
        order = await _order(client)
        oak, elm = [each["id"] for each in (await _shown(client, order))["Order_Lines"]]

        rows = [{"id": oak, "Quantity": 5}, {"id": elm, "_delete": None}, {"Product": "Ash"}]
        changed = await client.write("PUT", "Orders", [{"id": order, "Order_Lines": rows}])
        left = (await _shown(client, order))["Order_Lines"]
        foreign = await client.write("PUT", "Orders", [{"id": order, "Order_Lines": [{"id": "1"}]}])
        cleared = await client.write("PUT", "Orders", [{"id": order, "Order_Lines": None}])

        assert changed.codes == ["SUCCESS"]
        assert [(each["Product"], each["Quantity"]) for each in left] == [("Oak", 5), ("Ash", None)]
        assert foreign.body["data"][0]["details"]["json_path"] == "$.data[0].Order_Lines[0].id"
        assert (cleared.codes, (await _shown(client, order))["Order_Lines"]) == (["SUCCESS"], [])


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ("x", "$.data[0].Order_Lines"),
        ([1], "$.data[0].Order_Lines"),
        ([{"Product": "Oak"}, {"Quantity": "many"}], "$.data[0].Order_Lines[1].Quantity"),
        ([{"Nope": 1}], "$.data[0].Order_Lines[0].Nope"),
        ([{"Product": "x"}] * 201, "$.data[0].Order_Lines"),
    ],
)
async def test_an_invalid_child_row_rejects_the_whole_record(rows: Any, path: str) -> None:
    async with sandbox_client() as client:
        answer = await client.insert("Orders", {"Name": "A", "Order_Lines": rows})

        assert answer.body["data"][0]["details"]["json_path"] == path
        assert (client.sandbox.count("Orders"), client.sandbox.count("Order_Lines")) == (0, 0)


async def test_child_rows_are_deleted_restored_and_purged_with_their_record() -> None:
    async with sandbox_client() as client:
        order = await _order(client)
        own = await client.insert("Order_Lines", {"Product": "x"})

        client.sandbox.remove("Orders", [order])
        gone = client.sandbox.count("Order_Lines")
        binned = (await client.get("settings/recycle_bin")).body["recycle_bin"]
        client.sandbox.restore("Orders", [order])
        back = (await _shown(client, order))["Order_Lines"]
        client.sandbox.remove("Orders", [order])
        await client.call("DELETE", "/crm/v8/settings/recycle_bin")

        assert (own.status, own.body["code"]) == (400, "NOT_SUPPORTED")
        assert (gone, [each["id"] for each in binned]) == (0, [order])
        assert [each["Product"] for each in back] == ["Oak", "Elm"]
        assert (client.sandbox.count("Orders"), client.sandbox.count("Order_Lines")) == (0, 0)


def _zip(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


ORDERS = "Name,External_Id\nFirst,o1\n,o2\nThird,o3\n"
ROWS = "Product,Quantity,Order\nOak,2,o1\nElm,1,o1\nAsh,1,o2\nFir,many,o3\n"
LINKS = "Order,Who\no1,ada@example.com\no3,unknown@example.com\n"
RESOURCES: list[dict[str, Any]] = [
    {
        "type": "data",
        "module": {"api_name": "Orders"},
        "file_names": ["orders.csv"],
        "field_mappings": [{"api_name": "Name", "index": 0}, {"api_name": "External_Id", "index": 1}],
    },
    {
        "type": "data",
        "module": {"api_name": "Order_Lines"},
        "file_names": ["rows.csv"],
        "field_mappings": [
            {"api_name": "Product", "index": 0},
            {"api_name": "Quantity", "index": 1},
            {"api_name": "Parent_Id", "index": 2, "parent_column_index": 1},
        ],
    },
    {
        "type": "data",
        "module": {"api_name": "Orders_X_Contacts"},
        "file_names": ["links.csv"],
        "field_mappings": [
            {"api_name": "Orders", "index": 0, "parent_column_index": 1},
            {"api_name": "Contacts", "index": 1, "find_by": "Email"},
        ],
    },
]


async def _created(client: SandboxClient, resources: list[dict[str, Any]], files: Mapping[str, str]) -> SandboxResponse:
    form = aiohttp.FormData()
    form.add_field("file", _zip(files), filename="all.zip")
    uploaded = await client.call("POST", "/crm/v8/upload", data=form, headers={"feature": "bulk-write", "X-CRM-ORG": "650000001"})
    file_id = uploaded.body["details"]["file_id"]
    body = {"operation": "insert", "resource": [{"file_id": file_id, **each} for each in resources]}
    return await client.call("POST", PATH, data=orjson.dumps(body), headers={"Content-Type": "application/json"})


async def test_a_bulk_write_loads_parents_and_children_from_several_files_of_one_zip() -> None:
    async with sandbox_client(AT_ONCE) as client:
        client.sandbox.add("Contacts", [{"Last_Name": "Ada", "Email": "ada@example.com"}])

        created = await _created(client, RESOURCES, {"orders.csv": ORDERS, "rows.csv": ROWS, "links.csv": LINKS})
        job: Any = {"status": ""}
        while job["status"] != "COMPLETED":
            await asyncio.sleep(0.002)
            job = (await client.call("GET", f"{PATH}/{created.body['details']['id']}")).body
        got = await client.call("GET", job["result"]["download_url"].removeprefix(client.sandbox.url))
        with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
            files = {name: list(csv.reader(archive.read(name).decode().splitlines())) for name in archive.namelist()}

        first = next(each["id"] for each in client.sandbox.records("Orders") if each["Name"] == "First")
        counts = [(each["file"]["name"], each["file"]["added_count"], each["file"]["skipped_count"]) for each in job["resource"]]
        assert counts == [("orders.csv", 2, 1), ("rows.csv", 2, 2), ("links.csv", 1, 1)]
        assert [(each[0], each[-1]) for each in files["Order_Lines-rows.csv"][1:]] == [
            ("Oak", ""),
            ("Elm", ""),
            ("Ash", "RESOURCE_NOT_FOUND-Parent_Id"),
            ("Fir", "INVALID_DATA-Quantity"),
        ]
        assert [each[-1] for each in files["Orders_X_Contacts-links.csv"][1:]] == ["", "RESOURCE_NOT_FOUND-Contacts"]
        shown = await _shown(client, first)
        assert [each["Product"] for each in shown["Order_Lines"]] == ["Oak", "Elm"]
        assert [each["Contacts"]["name"] for each in shown["Helpers"]] == ["Ada"]


@pytest.mark.parametrize(
    ("number", "changed", "code"),
    [
        (0, {"module": {"api_name": "Order_Lines"}}, "MODULE_NOT_AVAILABLE"),
        (1, {"module": {"api_name": "Leads"}}, "INVALID_DATA"),
        (1, {"file_names": []}, "MISSING_REQUIRED_KEY"),
        (1, {"file_names": ["none.csv"]}, "FILE_NOT_FOUND"),
        (1, {"file_id": "1"}, "MISSING_REQUIRED_KEY"),
        (1, {"field_mappings": [{"api_name": "Product", "index": 0}]}, "MANDATORY_NOT_FOUND"),
        (1, {"field_mappings": None}, "INVALID_DATA"),
        (1, {"field_mappings": [{"api_name": "Parent_Id", "index": 2, "parent_column_index": 9}]}, "COLUMN_INDEX_NOT_FOUND"),
        (1, {"file_names": ["long.csv"]}, "LIMIT_EXCEEDED"),
    ],
)
async def test_an_invalid_child_file_is_rejected_with_its_error_code(number: int, changed: dict[str, Any], code: str) -> None:
    files = {"orders.csv": ORDERS, "rows.csv": ROWS, "long.csv": "Product,Quantity,Order\n" + "a,1,o1\n" * 201}
    resources = [dict(each) for each in RESOURCES[:2]]
    resources[number] |= changed
    async with sandbox_client(AT_ONCE) as client:
        answer = await _created(client, resources, files)

        assert (answer.status, answer.body["code"]) == (400, code)
