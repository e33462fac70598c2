"""The search index lags: it shows what records were, not what they are; and views narrow a query."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, TestClient, calling

LAG_S = 60.0


async def _found(caller: TestClient, criteria: str, **more: str) -> list[Any]:
    answer = await caller.get("Leads/search", {"criteria": criteria, "fields": "City,Modified_Time", **more})
    return [each["City"] for each in answer.body["data"]] if answer.status == 200 else []


async def test_search_shows_the_old_version_of_a_changed_record_until_its_index_has_caught_up() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(search_lag_s=LAG_S), clock) as caller:
        [lead] = caller.sandbox.add("Leads", [{"Last_Name": "A", "City": "Oslo"}])
        unborn = await _found(caller, "(City:equals:Oslo)")
        clock.advance(100)
        for city in ("Rom", "Bonn"):
            caller.sandbox.edit("Leads", [{"id": lead, "City": city}])
            clock.advance(20)

        before = [await _found(caller, f"(City:equals:{city})") for city in ("Oslo", "Rom", "Bonn")]
        read = (await caller.get(f"Leads/{lead}", {"fields": "City"})).body["data"][0]["City"]
        clock.advance(30)
        between = [await _found(caller, f"(City:equals:{city})") for city in ("Oslo", "Rom", "Bonn")]
        clock.advance(30)
        after = [await _found(caller, f"(City:equals:{city})") for city in ("Oslo", "Rom", "Bonn")]

        assert (unborn, read) == ([], "Bonn")
        assert before == [["Oslo"], [], []]
        assert between == [[], ["Rom"], []]
        assert after == [[], [], ["Bonn"]]


async def test_search_still_finds_what_was_deleted_just_now() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(search_lag_s=LAG_S), clock) as caller:
        first, second = caller.sandbox.add("Leads", [{"Last_Name": "A", "City": "Oslo"}, {"Last_Name": "B", "City": "Oslo"}])
        clock.advance(100)
        caller.sandbox.remove("Leads", [first])

        at_once = await _found(caller, "(City:equals:Oslo)")
        listed = (await caller.get("Leads", {"fields": "id"})).body["data"]
        clock.advance(LAG_S + 1)
        later = await _found(caller, "(City:equals:Oslo)")

        assert (at_once, later) == (["Oslo", "Oslo"], ["Oslo"])
        assert [each["id"] for each in listed] == [second]


async def test_a_query_reads_a_view_where_its_id_follows_the_module() -> None:
    async with calling(SandboxSettings(search_lag_s=0)) as caller:
        [bo] = [each["id"] for each in (await caller.get("users")).body["users"] if each["first_name"] == "Bo"]
        caller.sandbox.add("Leads", [{"Last_Name": "Mine"}, {"Last_Name": "His", "Owner": {"id": bo}}])
        views = (await caller.get("settings/custom_views", {"module": "Leads"})).body["custom_views"]

        mine = await caller.coql(f"select Last_Name from Leads#{views[1]['id']} where id is not null")
        counted = await caller.coql(f"select COUNT(id) from Leads#{views[0]['id']} where id is not null")
        unknown = await caller.coql("select Last_Name from Leads#1 where id is not null")

        searched = await caller.get("Leads/search", {"word": "his", "cvid": views[1]["id"], "fields": "id"})
        twice = await caller.coql("select Last_Name as a, City as a from Leads where id is not null")

        assert (searched.status, twice.body["code"]) == (204, "DUPLICATE_ALIAS")
        assert [each["Last_Name"] for each in mine.body["data"]] == ["Mine"]
        assert counted.body["data"] == [{"COUNT(id)": 2}]
        assert (unknown.status, unknown.body["details"]["cvid"]) == (400, "1")


async def test_records_that_are_not_approved_are_none() -> None:
    async with calling(SandboxSettings(search_lag_s=0)) as caller:
        caller.sandbox.add("Leads", [{"Last_Name": "Okafor"}])

        listed = [(await caller.get("Leads", {"fields": "id", "approved": each})).status for each in ("true", "false", "x")]
        found = [
            (await caller.get("Leads/search", {"word": "okafor", "approved": each})).status for each in ("both", "false", "x")
        ]
        placed = await caller.get("Leads", {"fields": "id", "territory_id": "1"})

        assert (listed, found, placed.status) == ([200, 204, 400], [200, 204, 400], 400)
