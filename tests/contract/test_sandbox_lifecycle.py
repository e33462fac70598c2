"""What becomes of records: deleted, restored, purged, converted."""

from __future__ import annotations

import orjson
import pytest

from bulkzoho.sandbox import SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, TestClient, TestResponse, calling

LEAD = {"Last_Name": "Okafor", "First_Name": "Ada", "Company": "Acme", "Email": "ada@example.com", "External_Id": "x1"}


async def _deleted(caller: TestClient) -> str:
    [lead] = caller.sandbox.add("Leads", [LEAD])
    await caller.call("DELETE", f"/crm/v8/Leads/{lead}")
    return lead


async def test_a_deleted_record_lies_in_the_bin_until_it_is_purged() -> None:
    async with calling() as caller:
        lead = await _deleted(caller)

        lying = await caller.get("settings/recycle_bin")
        one = await caller.get(f"settings/recycle_bin/{lead}")
        purged = await caller.call("DELETE", "/crm/v8/settings/recycle_bin", params={"ids": f"{lead},1"})
        empty = await caller.get("settings/recycle_bin")
        told = (await caller.get("Leads/deleted")).body["data"]

        assert [(each["id"], each["display_name"]) for each in lying.body["recycle_bin"]] == [(lead, "Ada Okafor")]
        assert one.body["recycle_bin"] == lying.body["recycle_bin"]
        assert (purged.status, empty.status) == (207, 204)
        assert [(each["id"], each["type"]) for each in told] == [(lead, "permanent")]
        assert (await caller.get("Leads/deleted", {"type": "recycle"})).status == 204


async def test_the_bin_is_emptied_by_hand_or_after_sixty_days() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(token_life_s=10.0**9), clock) as caller:
        await _deleted(caller)
        emptied = await caller.call("DELETE", "/crm/v8/settings/recycle_bin")
        lead = await _deleted(caller)
        clock.advance(60 * 86_400)

        kinds = [each["type"] for each in (await caller.get("Leads/deleted")).body["data"]]

        assert emptied.status == 200
        assert kinds == ["permanent", "permanent"]
        with pytest.raises(ValueError, match="recycle bin has no record"):
            caller.sandbox.restore("Leads", [lead])


async def test_a_restored_record_is_as_it_was_unless_its_key_is_taken() -> None:
    async with calling(SandboxSettings(strict=UnverifiedBehavior(deleted_keys_stay_taken=False))) as caller:
        [lead] = caller.sandbox.add("Leads", [LEAD])
        before = next(caller.sandbox.records("Leads"))
        caller.sandbox.remove("Leads", [lead])
        restored = await caller.call("POST", "/__sandbox/restore/Leads", params={"ids": lead})
        after = next(caller.sandbox.records("Leads"))
        caller.sandbox.remove("Leads", [lead])
        caller.sandbox.add("Leads", [LEAD])

        assert restored.status == 200
        assert after == before
        assert (await caller.coql("select id from Leads where External_Id = 'X1'")).status == 200
        with pytest.raises(ValueError, match="External_Id is another record's by now"):
            caller.sandbox.restore("Leads", [lead])


async def test_whether_the_bin_keeps_a_unique_value_taken_is_a_switch() -> None:
    for taken, status in ((False, 201), (True, 400)):
        async with calling(SandboxSettings(strict=UnverifiedBehavior(deleted_keys_stay_taken=taken))) as caller:
            lead = await _deleted(caller)

            again = await caller.insert("Leads", LEAD)
            await caller.call("DELETE", f"/crm/v8/settings/recycle_bin/{lead}")
            purged = await caller.insert("Leads", {**LEAD, "External_Id": "x1" if taken else "x2"})

            assert (again.status, purged.status) == (status, 201)


async def test_a_converted_lead_becomes_an_account_a_contact_and_a_deal() -> None:
    async with calling() as caller:
        [lead] = caller.sandbox.add("Leads", [LEAD])

        deal = {"Deal_Name": "First", "Stage": "Qualification"}
        converted = await caller.write("POST", f"Leads/{lead}/actions/convert", [{"Deals": deal}])

        made = converted.body["data"][0]["details"]
        [contact] = caller.sandbox.records("Contacts")
        assert converted.status == 200
        assert [made[each]["name"] for each in ("Accounts", "Contacts", "Deals")] == ["Acme", "Ada Okafor", "First"]
        assert (contact["Email"], contact["Account_Name"]["name"]) == ("ada@example.com", "Acme")
        assert caller.sandbox.calls[-1].credits == 5


async def test_a_converted_lead_is_hidden_and_cannot_be_changed() -> None:
    async with calling(SandboxSettings(search_lag_s=0)) as caller:
        [lead, other] = caller.sandbox.add("Leads", [LEAD, {"Last_Name": "Ek"}])
        await caller.write("POST", f"Leads/{lead}/actions/convert", [])

        found = {
            word: [each["id"] for each in (await caller.get("Leads", {"fields": "id", "converted": word})).body["data"]]
            for word in ("false", "true", "both")
        }
        searched = await caller.get("Leads/search", {"email": LEAD["Email"]})
        searched_too = await caller.get("Leads/search", {"email": LEAD["Email"], "converted": "true"})
        counted = await caller.get("Leads/actions/count")
        one = await caller.get(f"Leads/{lead}", {"fields": "Converted__s,Converted_Date_Time"})
        update = await caller.write("PUT", "Leads", [{"id": lead, "City": "Oslo"}])
        again = await caller.write("POST", f"Leads/{lead}/actions/convert", [])

        assert found == {"false": [other], "true": [lead], "both": [other, lead]}
        assert (searched.status, searched_too.status, counted.body["count"]) == (204, 200, 1)
        assert one.body["data"][0]["Converted__s"] is True
        assert one.body["data"][0]["Converted_Date_Time"]
        assert update.codes == ["CONVERTED_RECORD"]
        assert again.body["code"] == "ID_ALREADY_CONVERTED"


async def test_a_conversion_into_what_is_not_there_is_refused() -> None:
    async with calling() as caller:
        [lead] = caller.sandbox.add("Leads", [LEAD])

        wrong_account = await caller.write("POST", f"Leads/{lead}/actions/convert", [{"Accounts": {"id": "1"}}])
        wrong_lead = await caller.write("POST", "Leads/1/actions/convert", [])

        assert (wrong_account.body["code"], wrong_lead.body["code"]) == ("INVALID_DATA", "INVALID_DATA")
        assert caller.sandbox.count("Contacts") == 0


async def _restore(caller: TestClient, path: str = "actions/restore", **body: object) -> TestResponse:
    return await caller.call("POST", f"/crm/v8/settings/recycle_bin/{path}", data=orjson.dumps(body))


async def test_the_bin_is_counted_restored_and_emptied_by_api() -> None:
    async with calling() as caller:
        leads = caller.sandbox.add("Leads", [{"Last_Name": name} for name in ("Ada", "Bo", "Cy", "Eva")])
        [account] = caller.sandbox.add("Accounts", [{"Account_Name": "Acme"}])
        caller.sandbox.remove("Leads", leads)
        caller.sandbox.remove("Accounts", [account])

        counted = await caller.get("settings/recycle_bin/actions/count")
        one = await _restore(caller, f"{leads[0]}/actions/restore")
        mixed = await _restore(caller, ids=[leads[1], "1"])
        named = {"field": {"api_name": "display_name"}, "comparator": "contains", "value": "CY"}
        of_leads = {"field": {"api_name": "module"}, "comparator": "equal", "value": "Leads"}
        filtered = await _restore(caller, filters={"group_operator": "AND", "group": [named, of_leads]})
        there = {each["Last_Name"] for each in caller.sandbox.records("Leads")}
        everything = await _restore(caller, restore_all_records=True)
        caller.sandbox.remove("Leads", leads)
        emptied = await caller.call("POST", "/crm/v8/settings/recycle_bin/actions/empty")

        assert (counted.body, one.body["recycle_bin"][0]["message"]) == ({"count": 5}, "record restored")
        assert (mixed.status, [each["code"] for each in mixed.body["recycle_bin"]]) == (207, ["SUCCESS", "INVALID_DATA"])
        assert (filtered.status, filtered.body["recycle_bin"][0]["code"], there) == (202, "SCHEDULED", {"Ada", "Bo", "Cy"})
        assert (everything.status, caller.sandbox.count("Accounts")) == (202, 1)
        assert (emptied.body["message"], (await caller.get("settings/recycle_bin")).status) == ("recyclebin is cleared", 204)


async def test_a_restoration_that_says_not_what_is_refused() -> None:
    async with calling() as caller:
        wrong = {"field": {"api_name": "module"}, "comparator": "like", "value": "Leads"}
        answers = [
            await _restore(caller),
            await _restore(caller, ids=["1"], restore_all_records=True),
            await _restore(caller, ids=[]),
            await _restore(caller, filters=wrong),
            await _restore(caller, filters={**wrong, "field": "module"}),
            await _restore(caller, filters={"group": []}),
            await _restore(caller, filters={**wrong, "comparator": "equal", "value": 1}),
        ]

        assert [each.body["code"] for each in answers] == [
            "EXPECTED_FIELD_MISSING",
            "AMBIGUITY_DURING_PROCESSING",
            *["INVALID_DATA"] * 5,
        ]
