"""Search on the lagging index, and queries on custom views."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, sandbox_client

LAG_S = 60.0


async def _found(client: SandboxClient, criteria: str, **more: str) -> list[Any]:
    answer = await client.get("Leads/search", {"criteria": criteria, "fields": "City,Modified_Time", **more})
    return [each["City"] for each in answer.body["data"]] if answer.status == 200 else []


async def test_search_returns_the_old_version_of_a_record_until_the_index_catches_up() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(search_lag_s=LAG_S), clock) as client:
        [lead] = client.sandbox.add("Leads", [{"Last_Name": "A", "City": "Oslo"}])
        unborn = await _found(client, "(City:equals:Oslo)")
        clock.advance(100)
        for city in ("Rom", "Bonn"):
            client.sandbox.edit("Leads", [{"id": lead, "City": city}])
            clock.advance(20)

        before = [await _found(client, f"(City:equals:{city})") for city in ("Oslo", "Rom", "Bonn")]
        read = (await client.get(f"Leads/{lead}", {"fields": "City"})).body["data"][0]["City"]
        clock.advance(30)
        between = [await _found(client, f"(City:equals:{city})") for city in ("Oslo", "Rom", "Bonn")]
        clock.advance(30)
        after = [await _found(client, f"(City:equals:{city})") for city in ("Oslo", "Rom", "Bonn")]

        assert (unborn, read) == ([], "Bonn")
        assert before == [["Oslo"], [], []]
        assert between == [[], ["Rom"], []]
        assert after == [[], [], ["Bonn"]]


async def test_search_still_finds_recently_deleted_records() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(search_lag_s=LAG_S), clock) as client:
        first, second = client.sandbox.add("Leads", [{"Last_Name": "A", "City": "Oslo"}, {"Last_Name": "B", "City": "Oslo"}])
        clock.advance(100)
        client.sandbox.remove("Leads", [first])

        at_once = await _found(client, "(City:equals:Oslo)")
        listed = (await client.get("Leads", {"fields": "id"})).body["data"]
        clock.advance(LAG_S + 1)
        later = await _found(client, "(City:equals:Oslo)")

        assert (at_once, later) == (["Oslo", "Oslo"], ["Oslo"])
        assert [each["id"] for each in listed] == [second]


async def test_a_query_reads_the_view_appended_to_the_module_name() -> None:
    async with sandbox_client(SandboxSettings(search_lag_s=0)) as client:
        [bo] = [each["id"] for each in (await client.get("users")).body["users"] if each["first_name"] == "Bo"]
        client.sandbox.add("Leads", [{"Last_Name": "Mine"}, {"Last_Name": "His", "Owner": {"id": bo}}])
        views = (await client.get("settings/custom_views", {"module": "Leads"})).body["custom_views"]

        own_records = await client.coql(f"select Last_Name from Leads#{views[1]['id']} where id is not null")
        counted = await client.coql(f"select COUNT(id) from Leads#{views[0]['id']} where id is not null")
        unknown = await client.coql("select Last_Name from Leads#1 where id is not null")

        searched = await client.get("Leads/search", {"word": "his", "cvid": views[1]["id"], "fields": "id"})
        twice = await client.coql("select Last_Name as a, City as a from Leads where id is not null")

        assert (searched.status, twice.body["code"]) == (204, "DUPLICATE_ALIAS")
        assert [each["Last_Name"] for each in own_records.body["data"]] == ["Mine"]
        assert counted.body["data"] == [{"COUNT(id)": 2}]
        assert (unknown.status, unknown.body["details"]["cvid"]) == (400, "1")


async def test_there_are_no_unapproved_records() -> None:
    async with sandbox_client(SandboxSettings(search_lag_s=0)) as client:
        client.sandbox.add("Leads", [{"Last_Name": "Okafor"}])

        listed = [(await client.get("Leads", {"fields": "id", "approved": each})).status for each in ("true", "false", "x")]
        found = [
            (await client.get("Leads/search", {"word": "okafor", "approved": each})).status for each in ("both", "false", "x")
        ]
        placed = await client.get("Leads", {"fields": "id", "territory_id": "1"})

        assert (listed, found, placed.status) == ([200, 204, 400], [200, 204, 400], 400)
