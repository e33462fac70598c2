"""Records of several users: creator, modifier, concurrent edits and scopes."""

from __future__ import annotations

import orjson
import pytest

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, sandbox_client

BO = "bo@sandbox.example.com"


async def test_records_of_other_users_show_their_creator_everywhere() -> None:
    async with sandbox_client() as client:
        [own_lead] = client.sandbox.add("Leads", [{"Last_Name": "Mine"}])
        [his] = client.sandbox.add("Leads", [{"Last_Name": "His"}], by=BO)

        listed = await client.get("Leads", {"fields": "Created_By,Modified_By,Owner", "sort_order": "asc"})
        bo_id = listed.body["data"][1]["Created_By"]["id"]
        found = await client.coql(f"select id from Leads where Created_By = {bo_id}")
        updated = await client.write("PUT", "Leads", [{"id": his, "City": "Oslo"}, {"id": own_lead, "City": "Oslo"}])
        one = await client.get(f"Leads/{his}")

        names = [(each["Created_By"]["name"], each["Modified_By"]["name"], each["Owner"]["name"]) for each in listed.body["data"]]
        assert names == [("Ana Lund",) * 3, ("Bo Ek",) * 3]
        assert [each["id"] for each in found.body["data"]] == [his]
        assert [each["details"]["Created_By"]["name"] for each in updated.body["data"]] == ["Bo Ek", "Ana Lund"]
        assert [each["details"]["Modified_By"]["name"] for each in updated.body["data"]] == ["Ana Lund", "Ana Lund"]
        assert (one.body["data"][0]["Created_By"]["name"], one.body["data"][0]["Modified_By"]["name"]) == ("Bo Ek", "Ana Lund")


async def test_the_token_can_belong_to_another_user() -> None:
    async with sandbox_client(SandboxSettings(calls_as=BO)) as client:
        me = await client.get("users", {"type": "CurrentUser"})
        inserted = await client.insert("Leads", {"Last_Name": "His"})

        assert me.body["users"][0]["email"] == BO
        assert inserted.body["data"][0]["details"]["Created_By"]["name"] == "Bo Ek"
        assert next(client.sandbox.records("Leads"))["Owner"]["email"] == BO


async def test_an_unknown_user_is_an_error_at_start() -> None:
    with pytest.raises(ValueError, match="unknown user zorro"):
        async with sandbox_client(SandboxSettings(calls_as="zorro")):
            pass
    async with sandbox_client() as client:
        with pytest.raises(ValueError, match="unknown user zorro"):
            client.sandbox.change(calls_as="zorro")


async def test_control_calls_change_and_delete_records_as_other_users() -> None:
    async with sandbox_client() as client:
        one, two = client.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])
        path = "/__sandbox/records/Leads"

        made = await client.call("POST", path, params={"as": BO}, data=b'{"Last_Name":"C"}\n')
        edited = await client.call("PUT", path, params={"as": BO}, data=orjson.dumps({"id": one, "City": "Oslo"}))
        deleted = await client.call("DELETE", path, params={"as": BO, "ids": two})
        again = await client.call("DELETE", path, params={"ids": two})
        unknown = await client.call("PUT", path, params={"as": "zorro"}, data=b"")

        assert [each.status for each in (made, edited, deleted, again, unknown)] == [200, 200, 200, 400, 400]
        first, last = client.sandbox.records("Leads")
        assert (first["City"], first["Modified_By"]["name"], last["Created_By"]["name"]) == ("Oslo", "Bo Ek", "Bo Ek")
        [gone] = (await client.get("Leads/deleted")).body["data"]
        assert (gone["id"], gone["deleted_by"]["name"]) == (two, "Bo Ek")


async def test_an_update_or_upsert_can_require_an_unmodified_record() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        [lead] = client.sandbox.add("Leads", [{"Last_Name": "A", "External_Id": "x1"}])
        seen = next(client.sandbox.records("Leads"))["Modified_Time"]
        clock.advance(10)
        client.sandbox.edit("Leads", [{"id": lead, "City": "Oslo"}], by=BO)
        since = {"If-Unmodified-Since": seen}

        update = await client.write("PUT", "Leads", [{"id": lead, "City": "Rom"}], headers=since)
        upsert = await client.write("POST", "Leads/upsert", [{"Last_Name": "A", "External_Id": "x1"}], headers=since)
        now = {"If-Unmodified-Since": next(client.sandbox.records("Leads"))["Modified_Time"]}
        good = await client.write("PUT", "Leads", [{"id": lead, "City": "Rom"}], headers=now)
        wrong = await client.write("PUT", "Leads", [{"id": lead}], headers={"If-Unmodified-Since": "yesterday"})

        for refused in (update, upsert):
            assert (refused.status, refused.codes) == (412, ["ALREADY_MODIFIED"])
            assert refused.body["data"][0]["details"]["Modified_By"]["name"] == "Bo Ek"
        assert (good.status, wrong.status) == (200, 400)


async def test_custom_modules_share_one_scope() -> None:
    async with sandbox_client(SandboxSettings(scopes=("ZohoCRM.modules.custom.CREATE", "ZohoCRM.modules.leads.READ"))) as client:
        custom = await client.insert("Shipments", {"Name": "A"})
        standard = await client.insert("Leads", {"Last_Name": "A"})
        lower_case = await client.get("Leads", {"fields": "id"})
        client.sandbox.change(scopes=("ZohoCRM.modules.Shipments.CREATE",))
        by_name = await client.insert("Shipments", {"Name": "A"})

        assert (custom.status, standard.status, lower_case.status, by_name.status) == (201, 401, 204, 401)
