"""Mass update by ids and by a view, and the views themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, TestClient, TestResponse, calling

PATH = "/crm/v8/Leads/actions/mass_update"
LOST = {"Lead_Status": "Lost Lead"}


async def _start(caller: TestClient, **body: Any) -> TestResponse:
    return await caller.call("POST", PATH, data=orjson.dumps(body))


async def _views(caller: TestClient) -> list[str]:
    return [each["id"] for each in (await caller.get("settings/custom_views", {"module": "Leads"})).body["custom_views"]]


async def test_by_ids_each_record_is_answered() -> None:
    async with calling() as caller:
        ids = caller.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])

        all_good = await _start(caller, data=[LOST], ids=ids)
        mixed = await _start(caller, data=[LOST], ids=[ids[0], "1"])

        assert (all_good.status, all_good.codes) == (200, ["SUCCESS", "SUCCESS"])
        assert (mixed.status, mixed.codes) == (207, ["SUCCESS", "INVALID_DATA"])
        assert {each["Lead_Status"] for each in caller.sandbox.records("Leads")} == {"Lost Lead"}


async def test_by_view_a_job_is_scheduled_once_and_counted() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(job_time_s=10), clock) as caller:
        caller.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])
        view = (await _views(caller))[0]

        scheduled = await _start(caller, data=[LOST], cvid=view)
        again = await _start(caller, data=[LOST], cvid=view)
        job = scheduled.body["data"][0]["details"]["job_id"]
        states = []
        for _ in range(3):
            await asyncio.sleep(0.01)
            states.append((await caller.call("GET", PATH, params={"job_id": job})).body["data"][0])
            clock.advance(5)

        assert again.body["code"] == "ALREADY_SCHEDULED"
        assert [each["Status"] for each in states] == ["SCHEDULED", "RUNNING", "COMPLETED"]
        assert (states[2]["Total_Count"], states[2]["Updated_Count"]) == (2, 2)
        assert {each["Lead_Status"] for each in caller.sandbox.records("Leads")} == {"Lost Lead"}


async def test_a_wrong_mass_update_is_refused_with_its_code() -> None:
    async with calling() as caller:
        answers = [
            await _start(caller, ids=["1"]),
            await _start(caller, data=[{**LOST, "City": "x"}], ids=["1"]),
            await _start(caller, data=[LOST]),
            await _start(caller, data=[LOST], cvid="1"),
            await _start(caller, data=[LOST], ids=["1"] * 501),
            await caller.call("GET", PATH),
            await caller.call("GET", PATH, params={"job_id": "1"}),
        ]

        assert [(each.status, each.body["code"]) for each in answers] == [
            (400, "MANDATORY_NOT_FOUND"),
            (400, "INVALID_DATA"),
            (400, "EXPECTED_FIELD_MISSING"),
            (400, "INVALID_DATA"),
            (400, "LIMIT_EXCEEDED"),
            (400, "REQUIRED_PARAM_MISSING"),
            (400, "INVALID_DATA"),
        ]


async def test_a_view_chooses_costs_three_credits_and_cannot_be_sorted() -> None:
    async with calling() as caller:
        [bo] = [each["id"] for each in (await caller.get("users")).body["users"] if each["first_name"] == "Bo"]
        caller.sandbox.add("Leads", [{"Last_Name": "Mine"}, {"Last_Name": "His", "Owner": {"id": bo}}])
        everything, mine = await _views(caller)

        all_leads = await caller.get("Leads", {"fields": "Last_Name", "cvid": everything})
        my_leads = await caller.get("Leads", {"fields": "Last_Name", "cvid": mine})
        counted = await caller.get("Leads/actions/count", {"cvid": mine})
        sorted_too = await caller.get("Leads", {"fields": "Last_Name", "cvid": mine, "sort_by": "id"})
        unknown = await caller.get("Leads", {"fields": "Last_Name", "cvid": "1"})

        assert len(all_leads.body["data"]) == 2
        assert [each["Last_Name"] for each in my_leads.body["data"]] == ["Mine"]
        assert (sorted_too.body["code"], unknown.body["code"]) == ("AMBIGUITY_DURING_PROCESSING", "INVALID_DATA")
        assert next((each.credits, each.heavy) for each in caller.sandbox.calls if each.operation == "list") == (3, True)
        assert counted.status == 200


async def _counts(caller: TestClient, started: TestResponse) -> Any:
    job = started.body["data"][0]["details"]["job_id"]
    for _ in range(500):
        told = (await caller.call("GET", PATH, params={"job_id": job})).body["data"][0]
        if told["Status"] == "COMPLETED":
            return told["Total_Count"], told["Updated_Count"]
        await asyncio.sleep(0.002)
    raise AssertionError(job)


async def test_criteria_narrow_the_view_of_a_mass_update() -> None:
    async with calling(SandboxSettings(job_time_s=0)) as caller:
        caller.sandbox.add(
            "Leads", [{"Last_Name": name, "City": city} for name, city in (("A", "Oslo"), ("B", "Rom"), ("C", "Oslo"))]
        )
        view = (await _views(caller))[0]
        in_oslo = {"field": "City", "comparator": "equal", "value": "Oslo"}
        named = {"group_operator": "or", "group": [{"field": "Last_Name", "comparator": "equal", "value": each} for each in "AB"]}

        counts = await _counts(caller, await _start(caller, data=[LOST], cvid=view, criteria=[in_oslo, named]))
        wrong = await _start(caller, data=[LOST], cvid=view, criteria=[{"field": "Nope", "comparator": "equal", "value": 1}])

        assert counts == (1, 1)
        assert [each.get("Lead_Status") for each in caller.sandbox.records("Leads")] == ["Lost Lead", None, None]
        assert (wrong.status, wrong.body["details"]["api_name"]) == (400, "criteria")


async def test_what_a_mass_update_cannot_do_is_refused() -> None:
    async with calling() as caller:
        view = (await _views(caller))[0]
        answers = [
            await _start(caller, data=[{"Email": "a@example.com"}], ids=["1"]),
            await _start(caller, data=[{"Description": "x"}], ids=["1"]),
            await _start(caller, data=[LOST], ids=["1"], cvid=view),
            await _start(caller, data=[LOST], cvid=view, territory={"id": "1", "include_child": True}),
            await _start(caller, data=[{"Lead_Status": "Nope"}], cvid=view),
            await _start(caller, data=[{"Last_Name": None}], cvid=view),
        ]
        caller.sandbox.change(edition="professional")
        cheap = await _start(caller, data=[LOST], cvid=view)
        three = [{"Stage": "Closed Won", "Next_Step": "x", "Amount": 1}]
        deals = await caller.call("POST", PATH.replace("Leads", "Deals"), data=orjson.dumps({"data": three, "ids": ["1"]}))

        codes = [each.body.get("code") for each in answers]
        assert codes == [*["INVALID_DATA"] * 2, "AMBIGUITY_DURING_PROCESSING", *["INVALID_DATA"] * 2, "MANDATORY_NOT_FOUND"]
        assert (cheap.body["code"], deals.codes) == ("FEATURE_NOT_SUPPORTED", ["INVALID_DATA"])
