"""Life cycle of records: deleted, restored, purged, converted."""

from __future__ import annotations

import orjson
import pytest

from bulkzoho.sandbox import SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, SandboxResponse, sandbox_client

LEAD = {"Last_Name": "Okafor", "First_Name": "Ada", "Company": "Acme", "Email": "ada@example.com", "External_Id": "x1"}


async def _deleted(client: SandboxClient) -> str:
    [lead] = client.sandbox.add("Leads", [LEAD])
    await client.call("DELETE", f"/crm/v8/Leads/{lead}")
    return lead


async def test_a_deleted_record_stays_in_the_recycle_bin_until_purged() -> None:
    async with sandbox_client() as client:
        lead = await _deleted(client)

        lying = await client.get("settings/recycle_bin")
        one = await client.get(f"settings/recycle_bin/{lead}")
        purged = await client.call("DELETE", "/crm/v8/settings/recycle_bin", params={"ids": f"{lead},1"})
        empty = await client.get("settings/recycle_bin")
        deleted = (await client.get("Leads/deleted")).body["data"]

        assert [(each["id"], each["display_name"]) for each in lying.body["recycle_bin"]] == [(lead, "Ada Okafor")]
        assert one.body["recycle_bin"] == lying.body["recycle_bin"]
        assert (purged.status, empty.status) == (207, 204)
        assert [(each["id"], each["type"]) for each in deleted] == [(lead, "permanent")]
        assert (await client.get("Leads/deleted", {"type": "recycle"})).status == 204


async def test_the_recycle_bin_is_purged_by_call_or_after_sixty_days() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(token_life_s=10.0**9), clock) as client:
        await _deleted(client)
        emptied = await client.call("DELETE", "/crm/v8/settings/recycle_bin")
        lead = await _deleted(client)
        clock.advance(60 * 86_400)

        kinds = [each["type"] for each in (await client.get("Leads/deleted")).body["data"]]

        assert emptied.status == 200
        assert kinds == ["permanent", "permanent"]
        with pytest.raises(ValueError, match="recycle bin has no record"):
            client.sandbox.restore("Leads", [lead])


async def test_a_record_is_restored_unchanged_unless_its_key_is_taken() -> None:
    async with sandbox_client(SandboxSettings(strict=UnverifiedBehavior(deleted_keys_stay_taken=False))) as client:
        [lead] = client.sandbox.add("Leads", [LEAD])
        before = next(client.sandbox.records("Leads"))
        client.sandbox.remove("Leads", [lead])
        restored = await client.call("POST", "/__sandbox/restore/Leads", params={"ids": lead})
        after = next(client.sandbox.records("Leads"))
        client.sandbox.remove("Leads", [lead])
        client.sandbox.add("Leads", [LEAD])

        assert restored.status == 200
        assert after == before
        assert (await client.coql("select id from Leads where External_Id = 'X1'")).status == 200
        with pytest.raises(ValueError, match="another record now has its External_Id"):
            client.sandbox.restore("Leads", [lead])


async def test_deleted_records_reserve_unique_values_by_switch() -> None:
    for taken, status in ((False, 201), (True, 400)):
        async with sandbox_client(SandboxSettings(strict=UnverifiedBehavior(deleted_keys_stay_taken=taken))) as client:
            lead = await _deleted(client)

            again = await client.insert("Leads", LEAD)
            await client.call("DELETE", f"/crm/v8/settings/recycle_bin/{lead}")
            purged = await client.insert("Leads", {**LEAD, "External_Id": "x1" if taken else "x2"})

            assert (again.status, purged.status) == (status, 201)


async def test_a_converted_lead_becomes_an_account_a_contact_and_a_deal() -> None:
    async with sandbox_client() as client:
        [lead] = client.sandbox.add("Leads", [LEAD])

        deal = {"Deal_Name": "First", "Stage": "Qualification"}
        converted = await client.write("POST", f"Leads/{lead}/actions/convert", [{"Deals": deal}])

        made = converted.body["data"][0]["details"]
        [contact] = client.sandbox.records("Contacts")
        assert converted.status == 200
        assert [made[each]["name"] for each in ("Accounts", "Contacts", "Deals")] == ["Acme", "Ada Okafor", "First"]
        assert (contact["Email"], contact["Account_Name"]["name"]) == ("ada@example.com", "Acme")
        assert client.sandbox.calls[-1].credits == 5


async def test_a_converted_lead_is_hidden_and_read_only() -> None:
    async with sandbox_client(SandboxSettings(search_lag_s=0)) as client:
        [lead, other] = client.sandbox.add("Leads", [LEAD, {"Last_Name": "Ek"}])
        await client.write("POST", f"Leads/{lead}/actions/convert", [])

        found = {
            word: [each["id"] for each in (await client.get("Leads", {"fields": "id", "converted": word})).body["data"]]
            for word in ("false", "true", "both")
        }
        searched = await client.get("Leads/search", {"email": LEAD["Email"]})
        searched_too = await client.get("Leads/search", {"email": LEAD["Email"], "converted": "true"})
        counted = await client.get("Leads/actions/count")
        one = await client.get(f"Leads/{lead}", {"fields": "Converted__s,Converted_Date_Time"})
        update = await client.write("PUT", "Leads", [{"id": lead, "City": "Oslo"}])
        again = await client.write("POST", f"Leads/{lead}/actions/convert", [])

        assert found == {"false": [other], "true": [lead], "both": [other, lead]}
        assert (searched.status, searched_too.status, counted.body["count"]) == (204, 200, 1)
        assert one.body["data"][0]["Converted__s"] is True
        assert one.body["data"][0]["Converted_Date_Time"]
        assert update.codes == ["CONVERTED_RECORD"]
        assert again.body["code"] == "ID_ALREADY_CONVERTED"


async def test_a_conversion_into_an_unknown_record_is_rejected() -> None:
    async with sandbox_client() as client:
        [lead] = client.sandbox.add("Leads", [LEAD])

        wrong_account = await client.write("POST", f"Leads/{lead}/actions/convert", [{"Accounts": {"id": "1"}}])
        wrong_lead = await client.write("POST", "Leads/1/actions/convert", [])

        assert (wrong_account.body["code"], wrong_lead.body["code"]) == ("INVALID_DATA", "INVALID_DATA")
        assert client.sandbox.count("Contacts") == 0


async def _restore(client: SandboxClient, path: str = "actions/restore", **body: object) -> SandboxResponse:
    return await client.call("POST", f"/crm/v8/settings/recycle_bin/{path}", data=orjson.dumps(body))


async def test_the_api_counts_restores_and_empties_the_recycle_bin() -> None:
    async with sandbox_client() as client:
        leads = client.sandbox.add("Leads", [{"Last_Name": name} for name in ("Ada", "Bo", "Cy", "Eva")])
        [account] = client.sandbox.add("Accounts", [{"Account_Name": "Acme"}])
        client.sandbox.remove("Leads", leads)
        client.sandbox.remove("Accounts", [account])

        counted = await client.get("settings/recycle_bin/actions/count")
        one = await _restore(client, f"{leads[0]}/actions/restore")
        mixed = await _restore(client, ids=[leads[1], "1"])
        named = {"field": {"api_name": "display_name"}, "comparator": "contains", "value": "CY"}
        of_leads = {"field": {"api_name": "module"}, "comparator": "equal", "value": "Leads"}
        filtered = await _restore(client, filters={"group_operator": "AND", "group": [named, of_leads]})
        there = {each["Last_Name"] for each in client.sandbox.records("Leads")}
        everything = await _restore(client, restore_all_records=True)
        client.sandbox.remove("Leads", leads)
        emptied = await client.call("POST", "/crm/v8/settings/recycle_bin/actions/empty")

        assert (counted.body, one.body["recycle_bin"][0]["message"]) == ({"count": 5}, "record restored")
        assert (mixed.status, [each["code"] for each in mixed.body["recycle_bin"]]) == (207, ["SUCCESS", "INVALID_DATA"])
        assert (filtered.status, filtered.body["recycle_bin"][0]["code"], there) == (202, "SCHEDULED", {"Ada", "Bo", "Cy"})
        assert (everything.status, client.sandbox.count("Accounts")) == (202, 1)
        assert (emptied.body["message"], (await client.get("settings/recycle_bin")).status) == ("recyclebin is cleared", 204)


async def test_a_restore_call_without_exactly_one_selector_is_rejected() -> None:
    async with sandbox_client() as client:
        wrong = {"field": {"api_name": "module"}, "comparator": "like", "value": "Leads"}
        answers = [
            await _restore(client),
            await _restore(client, ids=["1"], restore_all_records=True),
            await _restore(client, ids=[]),
            await _restore(client, filters=wrong),
            await _restore(client, filters={**wrong, "field": "module"}),
            await _restore(client, filters={"group": []}),
            await _restore(client, filters={**wrong, "comparator": "equal", "value": 1}),
        ]

        assert [each.body["code"] for each in answers] == [
            "EXPECTED_FIELD_MISSING",
            "AMBIGUITY_DURING_PROCESSING",
            *["INVALID_DATA"] * 5,
        ]
