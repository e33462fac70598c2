"""Organization, users, modules and fields of the sandbox."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from bulkzoho.sandbox import Edition, SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, sandbox_client


async def test_the_organization_reports_edition_and_licences() -> None:
    async with sandbox_client(SandboxSettings(edition=Edition.PROFESSIONAL, licences=7)) as client:
        organization = (await client.get("org")).body["org"][0]

        assert organization["license_details"]["paid_type"] == "professional"
        assert organization["license_details"]["users_license_purchased"] == 7
        assert organization["zgid"] == "650000001"


async def test_users_are_listed_by_type() -> None:
    async with sandbox_client() as client:
        me = (await client.get("users", {"type": "CurrentUser"})).body["users"]
        active = (await client.get("users", {"type": "ActiveUsers"})).body["users"]
        everybody = (await client.get("users", {"type": "AllUsers"})).body
        nobody = await client.get("users", {"type": "DeletedUsers"})

        assert [each["full_name"] for each in me] == ["Ana Lund"]
        assert (len(active), everybody["info"]["count"]) == (4, 5)
        assert (nobody.status, nobody.body) == (204, b"")


async def test_users_are_listed_page_by_page() -> None:
    async with sandbox_client() as client:
        pages = [await client.get("users", {"page": str(page), "per_page": "2"}) for page in (1, 2, 3, 4)]
        refused = await client.get("users", {"per_page": "201"})

        assert [len(page.body["users"]) for page in pages[:3]] == [2, 2, 1]
        assert [page.body["info"]["more_records"] for page in pages[:3]] == [True, True, False]
        assert (pages[3].status, refused.status) == (204, 400)


async def test_modules_are_listed_and_described_individually() -> None:
    async with sandbox_client() as client:
        modules = (await client.get("settings/modules")).body["modules"]
        shipments = (await client.get("settings/modules/Shipments")).body["modules"][0]
        unknown = await client.get("settings/modules/Ships")

        names = ["Leads", "Contacts", "Accounts", "Deals", "Shipments", "Orders", "Order_Lines", "Orders_X_Contacts"]
        assert [each["api_name"] for each in modules] == names
        assert [each["generated_type"] for each in modules[-2:]] == ["subform", "linking"]
        assert (shipments["generated_type"], shipments["api_supported"]) == ("custom", True)
        assert (unknown.status, unknown.body["code"]) == (400, "INVALID_MODULE")


async def test_field_metadata_contains_what_a_validator_needs() -> None:
    async with sandbox_client(SandboxSettings(unique_fields={"Leads": ["Email"]})) as client:
        leads = {each["api_name"]: each for each in (await client.get("settings/fields", {"module": "Leads"})).body["fields"]}
        shipments = {
            each["api_name"]: each for each in (await client.get("settings/fields", {"module": "Shipments"})).body["fields"]
        }

        assert (leads["Last_Name"]["system_mandatory"], leads["Last_Name"]["length"]) == (True, 80)
        assert leads["Created_Time"]["operation_type"]["api_create"] is False
        assert leads["Email"]["unique"] == {"case_sensitive": False}
        assert {each["actual_value"] for each in shipments["Carrier"]["pick_list_values"]} == {"DHL", "FedEx", "PostNord", "UPS"}
        assert shipments["Contact"]["lookup"]["module"]["api_name"] == "Contacts"
        assert {each["data_type"] for each in shipments.values()} >= {
            "text", "double", "boolean", "date", "datetime", "multiselectpicklist", "picklist", "integer", "bigint",
            "currency", "percent", "textarea", "lookup", "website", "phone",
        }  # fmt: skip


async def test_fields_without_a_module_are_rejected() -> None:
    async with sandbox_client() as client:
        answer = await client.get("settings/fields")

        assert (answer.status, answer.body["code"]) == (400, "REQUIRED_PARAM_MISSING")
        assert answer.body["details"] == {"param_name": "module"}


@pytest.mark.parametrize("version", ["v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8"])
async def test_every_api_version_responds(version: str) -> None:
    async with sandbox_client() as client:
        assert (await client.call("GET", f"/crm/{version}/org")).status == 200


async def test_unknown_paths_and_methods_have_different_errors() -> None:
    async with sandbox_client() as client:
        version = await client.call("GET", "/crm/v9/org")
        method = await client.call("PUT", "/crm/v8/org")
        crm_module = await client.insert("Nope", {"Last_Name": "Okafor"})

        assert (version.status, version.body["code"]) == (404, "INVALID_URL_PATTERN")
        assert (method.status, method.body["code"]) == (400, "INVALID_REQUEST_METHOD")
        assert (crm_module.status, crm_module.body["code"]) == (400, "INVALID_MODULE")


async def test_every_response_is_dated_with_the_service_time() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        answer = await client.get("org")

        assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == clock.seconds
        assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


async def test_a_field_is_found_by_id_and_modules_by_status() -> None:
    async with sandbox_client() as client:
        fields = (await client.get("settings/fields", {"module": "Orders"})).body["fields"]
        of_type = {each["api_name"]: each for each in fields}
        one = await client.get(f"settings/fields/{of_type['Order_Lines']['id']}", {"module": "Orders"})
        none = await client.get("settings/fields/1", {"module": "Orders"})
        hidden = await client.get("settings/modules", {"status": "user_hidden"})

        assert one.body["fields"] == [of_type["Order_Lines"]]
        assert of_type["Order_Lines"]["subform"]["api_name"] == "Order_Lines"
        assert of_type["Helpers"]["multiselectlookup"]["linking_details"]["module"]["api_name"] == "Orders_X_Contacts"
        assert (none.status, hidden.status) == (204, 204)
