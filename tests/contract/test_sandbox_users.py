"""Others in the same CRM: who made and changed what, and what a client may still change."""

from __future__ import annotations

import orjson
import pytest

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, calling

BO = "bo@sandbox.example.com"


async def test_records_of_other_users_name_their_maker_everywhere() -> None:
    async with calling() as caller:
        [mine] = caller.sandbox.add("Leads", [{"Last_Name": "Mine"}])
        [his] = caller.sandbox.add("Leads", [{"Last_Name": "His"}], by=BO)

        listed = await caller.get("Leads", {"fields": "Created_By,Modified_By,Owner", "sort_order": "asc"})
        bo_id = listed.body["data"][1]["Created_By"]["id"]
        found = await caller.coql(f"select id from Leads where Created_By = {bo_id}")
        updated = await caller.write("PUT", "Leads", [{"id": his, "City": "Oslo"}, {"id": mine, "City": "Oslo"}])
        one = await caller.get(f"Leads/{his}")

        names = [(each["Created_By"]["name"], each["Modified_By"]["name"], each["Owner"]["name"]) for each in listed.body["data"]]
        assert names == [("Ana Lund",) * 3, ("Bo Ek",) * 3]
        assert [each["id"] for each in found.body["data"]] == [his]
        assert [each["details"]["Created_By"]["name"] for each in updated.body["data"]] == ["Bo Ek", "Ana Lund"]
        assert [each["details"]["Modified_By"]["name"] for each in updated.body["data"]] == ["Ana Lund", "Ana Lund"]
        assert (one.body["data"][0]["Created_By"]["name"], one.body["data"][0]["Modified_By"]["name"]) == ("Bo Ek", "Ana Lund")


async def test_the_token_may_stand_for_another_user() -> None:
    async with calling(SandboxSettings(calls_as=BO)) as caller:
        me = await caller.get("users", {"type": "CurrentUser"})
        inserted = await caller.insert("Leads", {"Last_Name": "His"})

        assert me.body["users"][0]["email"] == BO
        assert inserted.body["data"][0]["details"]["Created_By"]["name"] == "Bo Ek"
        assert next(caller.sandbox.records("Leads"))["Owner"]["email"] == BO


async def test_a_user_who_is_not_there_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="there is no user nobody"):
        async with calling(SandboxSettings(calls_as="nobody")):
            pass
    async with calling() as caller:
        with pytest.raises(ValueError, match="there is no user nobody"):
            caller.sandbox.change(calls_as="nobody")


async def test_others_change_and_delete_records_by_control_calls() -> None:
    async with calling() as caller:
        one, two = caller.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])
        path = "/__sandbox/records/Leads"

        made = await caller.call("POST", path, params={"as": BO}, data=b'{"Last_Name":"C"}\n')
        edited = await caller.call("PUT", path, params={"as": BO}, data=orjson.dumps({"id": one, "City": "Oslo"}))
        deleted = await caller.call("DELETE", path, params={"as": BO, "ids": two})
        again = await caller.call("DELETE", path, params={"ids": two})
        nobody = await caller.call("PUT", path, params={"as": "nobody"}, data=b"")

        assert [each.status for each in (made, edited, deleted, again, nobody)] == [200, 200, 200, 400, 400]
        first, last = caller.sandbox.records("Leads")
        assert (first["City"], first["Modified_By"]["name"], last["Created_By"]["name"]) == ("Oslo", "Bo Ek", "Bo Ek")
        [gone] = (await caller.get("Leads/deleted")).body["data"]
        assert (gone["id"], gone["deleted_by"]["name"]) == (two, "Bo Ek")


async def test_an_update_or_upsert_may_ask_that_nobody_changed_the_record_since() -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        [lead] = caller.sandbox.add("Leads", [{"Last_Name": "A", "External_Id": "x1"}])
        seen = next(caller.sandbox.records("Leads"))["Modified_Time"]
        clock.advance(10)
        caller.sandbox.edit("Leads", [{"id": lead, "City": "Oslo"}], by=BO)
        since = {"If-Unmodified-Since": seen}

        update = await caller.write("PUT", "Leads", [{"id": lead, "City": "Rom"}], headers=since)
        upsert = await caller.write("POST", "Leads/upsert", [{"Last_Name": "A", "External_Id": "x1"}], headers=since)
        now = {"If-Unmodified-Since": next(caller.sandbox.records("Leads"))["Modified_Time"]}
        good = await caller.write("PUT", "Leads", [{"id": lead, "City": "Rom"}], headers=now)
        wrong = await caller.write("PUT", "Leads", [{"id": lead}], headers={"If-Unmodified-Since": "yesterday"})

        for refused in (update, upsert):
            assert (refused.status, refused.codes) == (412, ["ALREADY_MODIFIED"])
            assert refused.body["data"][0]["details"]["Modified_By"]["name"] == "Bo Ek"
        assert (good.status, wrong.status) == (200, 400)


async def test_scopes_of_custom_modules_have_no_module_s_name() -> None:
    async with calling(SandboxSettings(scopes=("ZohoCRM.modules.custom.CREATE", "ZohoCRM.modules.leads.READ"))) as caller:
        custom = await caller.insert("Shipments", {"Name": "A"})
        standard = await caller.insert("Leads", {"Last_Name": "A"})
        lower_case = await caller.get("Leads", {"fields": "id"})
        caller.sandbox.change(scopes=("ZohoCRM.modules.Shipments.CREATE",))
        by_name = await caller.insert("Shipments", {"Name": "A"})

        assert (custom.status, standard.status, lower_case.status, by_name.status) == (201, 401, 204, 401)
