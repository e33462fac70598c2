"""Mass update by ids and by a view, and the views themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, SandboxResponse, sandbox_client

PATH = "/crm/v8/Leads/actions/mass_update"
LOST = {"Lead_Status": "Lost Lead"}


async def _start(client: SandboxClient, **body: Any) -> SandboxResponse:
    return await client.call("POST", PATH, data=orjson.dumps(body))


async def _views(client: SandboxClient) -> list[str]:
    return [each["id"] for each in (await client.get("settings/custom_views", {"module": "Leads"})).body["custom_views"]]


async def test_mass_update_by_ids_returns_a_result_per_record() -> None:
    async with sandbox_client() as client:
        ids = client.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])

        all_good = await _start(client, data=[LOST], ids=ids)
        mixed = await _start(client, data=[LOST], ids=[ids[0], "1"])

        assert (all_good.status, all_good.codes) == (200, ["SUCCESS", "SUCCESS"])
        assert (mixed.status, mixed.codes) == (207, ["SUCCESS", "INVALID_DATA"])
        assert {each["Lead_Status"] for each in client.sandbox.records("Leads")} == {"Lost Lead"}


async def test_mass_update_by_view_schedules_one_job_and_counts_records() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(job_time_s=10), clock) as client:
        client.sandbox.add("Leads", [{"Last_Name": "A"}, {"Last_Name": "B"}])
        view = (await _views(client))[0]

        scheduled = await _start(client, data=[LOST], cvid=view)
        again = await _start(client, data=[LOST], cvid=view)
        job = scheduled.body["data"][0]["details"]["job_id"]
        states = []
        for _ in range(3):
            await asyncio.sleep(0.01)
            states.append((await client.call("GET", PATH, params={"job_id": job})).body["data"][0])
            clock.advance(5)

        assert again.body["code"] == "ALREADY_SCHEDULED"
        assert [each["Status"] for each in states] == ["SCHEDULED", "RUNNING", "COMPLETED"]
        assert (states[2]["Total_Count"], states[2]["Updated_Count"]) == (2, 2)
        assert {each["Lead_Status"] for each in client.sandbox.records("Leads")} == {"Lost Lead"}


async def test_an_invalid_mass_update_is_rejected_with_its_error_code() -> None:
    async with sandbox_client() as client:
        answers = [
            await _start(client, ids=["1"]),
            await _start(client, data=[{**LOST, "City": "x"}], ids=["1"]),
            await _start(client, data=[LOST]),
            await _start(client, data=[LOST], cvid="1"),
            await _start(client, data=[LOST], ids=["1"] * 501),
            await client.call("GET", PATH),
            await client.call("GET", PATH, params={"job_id": "1"}),
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


async def test_a_view_filters_costs_three_credits_and_cannot_be_sorted() -> None:
    async with sandbox_client() as client:
        [bo] = [each["id"] for each in (await client.get("users")).body["users"] if each["first_name"] == "Bo"]
        client.sandbox.add("Leads", [{"Last_Name": "Mine"}, {"Last_Name": "His", "Owner": {"id": bo}}])
        all_view, own_view = await _views(client)

        all_leads = await client.get("Leads", {"fields": "Last_Name", "cvid": all_view})
        my_leads = await client.get("Leads", {"fields": "Last_Name", "cvid": own_view})
        counted = await client.get("Leads/actions/count", {"cvid": own_view})
        sorted_too = await client.get("Leads", {"fields": "Last_Name", "cvid": own_view, "sort_by": "id"})
        unknown = await client.get("Leads", {"fields": "Last_Name", "cvid": "1"})

        assert len(all_leads.body["data"]) == 2
        assert [each["Last_Name"] for each in my_leads.body["data"]] == ["Mine"]
        assert (sorted_too.body["code"], unknown.body["code"]) == ("AMBIGUITY_DURING_PROCESSING", "INVALID_DATA")
        assert next((each.credits, each.heavy) for each in client.sandbox.calls if each.operation == "list") == (3, True)
        assert counted.status == 200


async def _counts(client: SandboxClient, started: SandboxResponse) -> Any:
    job = started.body["data"][0]["details"]["job_id"]
    for _ in range(500):
        status = (await client.call("GET", PATH, params={"job_id": job})).body["data"][0]
        if status["Status"] == "COMPLETED":
            return status["Total_Count"], status["Updated_Count"]
        await asyncio.sleep(0.002)
    raise AssertionError(job)


async def test_criteria_filter_the_view_of_a_mass_update() -> None:
    async with sandbox_client(SandboxSettings(job_time_s=0)) as client:
        client.sandbox.add(
            "Leads", [{"Last_Name": name, "City": city} for name, city in (("A", "Oslo"), ("B", "Rom"), ("C", "Oslo"))]
        )
        view = (await _views(client))[0]
        in_oslo = {"field": "City", "comparator": "equal", "value": "Oslo"}
        named = {"group_operator": "or", "group": [{"field": "Last_Name", "comparator": "equal", "value": each} for each in "AB"]}

        counts = await _counts(client, await _start(client, data=[LOST], cvid=view, criteria=[in_oslo, named]))
        wrong = await _start(client, data=[LOST], cvid=view, criteria=[{"field": "Nope", "comparator": "equal", "value": 1}])

        assert counts == (1, 1)
        assert [each.get("Lead_Status") for each in client.sandbox.records("Leads")] == ["Lost Lead", None, None]
        assert (wrong.status, wrong.body["details"]["api_name"]) == (400, "criteria")


async def test_unsupported_mass_updates_are_rejected() -> None:
    async with sandbox_client() as client:
        view = (await _views(client))[0]
        answers = [
            await _start(client, data=[{"Email": "a@example.com"}], ids=["1"]),
            await _start(client, data=[{"Description": "x"}], ids=["1"]),
            await _start(client, data=[LOST], ids=["1"], cvid=view),
            await _start(client, data=[LOST], cvid=view, territory={"id": "1", "include_child": True}),
            await _start(client, data=[{"Lead_Status": "Nope"}], cvid=view),
            await _start(client, data=[{"Last_Name": None}], cvid=view),
        ]
        client.sandbox.change(edition="professional")
        cheap = await _start(client, data=[LOST], cvid=view)
        three = [{"Stage": "Closed Won", "Next_Step": "x", "Amount": 1}]
        deals = await client.call("POST", PATH.replace("Leads", "Deals"), data=orjson.dumps({"data": three, "ids": ["1"]}))

        codes = [each.body.get("code") for each in answers]
        assert codes == [*["INVALID_DATA"] * 2, "AMBIGUITY_DURING_PROCESSING", *["INVALID_DATA"] * 2, "MANDATORY_NOT_FOUND"]
        assert (cheap.body["code"], deals.codes) == ("FEATURE_NOT_SUPPORTED", ["INVALID_DATA"])
