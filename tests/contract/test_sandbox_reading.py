"""Lists, single records, counts, search and COQL of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, sandbox_client

PEOPLE = [
    {"Last_Name": "Adler", "City": "Oslo", "No_of_Employees": 5, "Email": "adler@example.com", "External_Id": "a1"},
    {"Last_Name": "Burns, B", "City": "Bergen", "No_of_Employees": 50, "Birthday": "1990-05-01"},
    {"Last_Name": "Cole", "City": "oslo", "Languages": ["English", "German"], "Email_Opt_Out": True},
    {"Last_Name": "O'Hara", "No_of_Employees": 7, "Last_Contacted": "2026-02-01T10:00:00+01:00"},
]


def names(answer: Any) -> list[str]:
    """Return the last names in a response."""
    return [each["Last_Name"] for each in answer.body["data"]]


async def test_a_list_requires_fields_returns_nulls_and_the_newest_first() -> None:
    async with sandbox_client() as client:
        empty = await client.get("Leads", {"fields": "Last_Name"})
        client.sandbox.add("Leads", PEOPLE)

        listed = await client.get("Leads", {"fields": "Last_Name,Birthday"})
        bare = await client.get("Leads")

        assert (empty.status, empty.body) == (204, b"")
        assert names(listed) == ["O'Hara", "Cole", "Burns, B", "Adler"]
        assert listed.body["data"][0]["Birthday"] is None
        assert (bare.status, bare.body["details"]) == (400, {"param_name": "fields"})


async def test_page_tokens_lead_to_the_last_page() -> None:
    async with sandbox_client() as client:
        client.sandbox.add("Leads", ({"Last_Name": f"L{number}"} for number in range(25)))
        parameters = {"fields": "Last_Name", "per_page": "10"}

        found: list[str] = []
        page = await client.get("Leads", parameters)
        while True:
            found += [each["id"] for each in page.body["data"]]
            if not page.body["info"]["more_records"]:
                break
            page = await client.get("Leads", {**parameters, "page_token": page.body["info"]["next_page_token"]})

        assert len(set(found)) == 25
        assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("sort_by", ["id", "Created_Time", "Modified_Time"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
async def test_lists_are_sorted_as_requested(sort_by: str, sort_order: str) -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        for person in PEOPLE:
            client.sandbox.add("Leads", [person])
            clock.seconds += 1

        listed = await client.get("Leads", {"fields": "Last_Name", "sort_by": sort_by, "sort_order": sort_order})

        rising = ["Adler", "Burns, B", "Cole", "O'Hara"]
        assert names(listed) == (rising if sort_order == "asc" else rising[::-1])
        assert client.sandbox.calls[-1].heavy


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"page": "11"}, "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
        ({"page_token": "nonsense"}, "INVALID_DATA"),
        ({"page_token": "nonsense", "page": "2"}, "AMBIGUITY_DURING_PROCESSING"),
        ({"per_page": "201"}, "INVALID_DATA"),
        ({"fields": ",".join(f"F{number}" for number in range(51))}, "LIMIT_EXCEEDED"),
        ({"sort_by": "City"}, "INVALID_DATA"),
    ],
)
async def test_lists_beyond_a_limit_are_rejected(parameters: dict[str, str], code: str) -> None:
    async with sandbox_client() as client:
        answer = await client.get("Leads", {"fields": "Last_Name", **parameters})

        assert (answer.status, answer.body["code"]) == (400, code)


async def test_a_page_token_is_bound_to_its_parameters_and_expires_after_a_day() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(token_life_s=10**6), clock) as client:
        client.sandbox.add("Leads", PEOPLE)
        first = await client.get("Leads", {"fields": "Last_Name", "per_page": "2"})
        token = first.body["info"]["next_page_token"]

        other = await client.get("Leads", {"fields": "City", "per_page": "2", "page_token": token})
        clock.seconds += 86_400
        late = await client.get("Leads", {"fields": "Last_Name", "per_page": "2", "page_token": token})

        assert other.body["code"] == "TOKEN_BOUND_DATA_MISMATCH"
        assert late.body["code"] == "EXPIRED_VALUE"


async def test_if_modified_since_lists_changed_records_or_returns_304() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        client.sandbox.add("Leads", PEOPLE[:1])
        clock.seconds += 100
        client.sandbox.add("Leads", PEOPLE[1:2])
        since = next(iter(reversed(list(client.sandbox.records("Leads")))))["Modified_Time"]

        changed = await client.get("Leads", {"fields": "Last_Name"}, headers={"If-Modified-Since": since})
        nothing = await client.get("Leads", {"fields": "id"}, headers={"If-Modified-Since": "2040-01-01T00:00:00Z"})

        assert names(changed) == ["Burns, B"]
        assert nothing.status == 304


async def test_a_single_record_is_returned_completely_and_a_missing_one_is_204() -> None:
    async with sandbox_client() as client:
        [lead] = client.sandbox.add("Leads", PEOPLE[:1])

        found = await client.get(f"Leads/{lead}")
        missing = await client.get("Leads/123")

        record = found.body["data"][0]
        assert (record["id"], record["Full_Name"], record["Owner"]["name"]) == (lead, "Adler", "Ana Lund")
        assert missing.status == 204


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Last_Name = 'Adler'", ["Adler"]),
        ("Last_Name = 'O\\'Hara'", ["O'Hara"]),
        ("Last_Name like 'A%'", ["Adler"]),
        ("Last_Name like '%r%'", ["Adler", "Burns, B", "O'Hara"]),
        ("Last_Name not like '%r%'", ["Cole"]),
        ("City = 'OSLO'", ["Adler", "Cole"]),
        ("City in ('Bergen', 'Rome')", ["Burns, B"]),
        ("City not in ('Bergen', 'Oslo')", ["O'Hara"]),
        ("City is null", ["O'Hara"]),
        ("City is not null", ["Adler", "Burns, B", "Cole"]),
        ("No_of_Employees between 5 and 7", ["Adler", "O'Hara"]),
        ("No_of_Employees not between 5 and 7", ["Burns, B", "Cole"]),
        ("No_of_Employees >= 7", ["Burns, B", "O'Hara"]),
        ("Birthday > '1990-01-01'", ["Burns, B"]),
        ("Last_Contacted = '2026-02-01T09:00:00+00:00'", ["O'Hara"]),
        ("Email_Opt_Out = true", ["Cole"]),
        ("Email_Opt_Out = 'true'", ["Cole"]),
        ("Languages = 'English;German'", ["Cole"]),
        ("External_Id = 'A1'", ["Adler"]),
        ("Email in ('ADLER@example.com')", ["Adler"]),
        ("(City = 'Oslo' and No_of_Employees = 5) or Last_Name = 'Cole'", ["Adler", "Cole"]),
        ("Created_Time >= '2000-01-01T00:00:00Z'", ["Adler", "Burns, B", "Cole", "O'Hara"]),
        ("Created_Time >= '2100-01-01T00:00:00Z'", []),
    ],
)
async def test_coql_selects_by_condition(where: str, found: list[str]) -> None:
    async with sandbox_client() as client:
        client.sandbox.add("Leads", PEOPLE)

        answer = await client.coql(f"select Last_Name from Leads where {where}")

        assert answer.status == (200 if found else 204)
        assert (names(answer) if found else []) == found


async def test_converted_leads_are_found_only_by_queries_that_mention_conversion() -> None:
    async with sandbox_client() as client:
        [lead, _] = client.sandbox.add("Leads", PEOPLE[:2])
        await client.write("POST", f"Leads/{lead}/actions/convert", [{}])

        queries = ("id is not null", "Converted__s = false", "Converted__s = true", "id is not null and Converted__s = true")
        found = [await client.coql(f"select Last_Name from Leads where {where}") for where in queries]
        listed = await client.get("Leads", {"fields": "Last_Name", "ids": f"{lead},123", "converted": "both"})

        assert [names(each) for each in found] == [["Burns, B"], ["Burns, B"], ["Adler"], ["Adler"]]
        assert names(listed) == ["Adler"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("select Last_Name from Leads where City = 'a' and City = 'b' and City = 'c'", "SYNTAX_ERROR"),
        ('select Last_Name from Leads where City = "a"', "SYNTAX_ERROR"),
        ("select * from Leads where id is not null", "SYNTAX_ERROR"),
        ("select Last_Name from Leads", "INVALID_QUERY"),
        ("select Nonsense from Leads where id is not null", "INVALID_QUERY"),
        ("select Last_Name from Leads where Email_Opt_Out > true", "INVALID_QUERY"),
        ("select Last_Name from Leads where No_of_Employees = 'x'", "INVALID_QUERY"),
        ("select Last_Name from Nope where id is not null", "INVALID_MODULE"),
        ("select Last_Name from Leads where id is not null limit 2001", "LIMIT_EXCEEDED"),
        ("select Last_Name from Leads where id is not null limit 2000 offset 98001", "LIMIT_EXCEEDED"),
        (f"select id from Leads where City in ({','.join(['1'] * 101)})", "LIMIT_EXCEEDED"),
        ("select id, id from Leads where id is not null", "DUPLICATE_DATA"),
    ],
)  # fmt: skip
async def test_coql_rejects(query: str, code: str) -> None:
    async with sandbox_client() as client:
        answer = await client.coql(query)

        assert (answer.status, answer.body["code"]) == (400, code)


async def test_coql_orders_limits_joins_and_groups() -> None:
    async with sandbox_client() as client:
        [account] = client.sandbox.add("Accounts", [{"Account_Name": "Acme"}])
        client.sandbox.add("Leads", PEOPLE)
        client.sandbox.add("Contacts", [{"Last_Name": "Boyle", "Account_Name": {"id": account}}, {"Last_Name": "Free"}])

        ordered = await client.coql("select Last_Name from Leads where id is not null order by Last_Name desc limit 1, 2")
        joined = await client.coql(
            "select Last_Name, Account_Name, Account_Name.Account_Name from Contacts where Account_Name.Account_Name = 'acme'"
        )
        grouped = await client.coql("select City, COUNT(id) as n from Leads where City is not null group by City order by n desc")

        assert names(ordered) == ["Cole", "Burns, B"]
        assert ordered.body["info"] == {"count": 2, "more_records": True}
        assert joined.body["data"][0]["Account_Name"] == {"id": account}
        assert joined.body["data"][0]["Account_Name.Account_Name"] == "Acme"
        assert grouped.body["data"] == [{"City": "Oslo", "n": 2}, {"City": "Bergen", "n": 1}]


@pytest.mark.parametrize(("limit", "price"), [(200, 1), (201, 2), (1000, 2), (1001, 3)])
async def test_a_coql_call_is_priced_by_its_limit_and_is_heavy(limit: int, price: int) -> None:
    async with sandbox_client() as client:
        await client.coql(f"select id from Leads where id is not null limit {limit}")

        call = client.sandbox.calls[-1]
        assert (call.credits, call.heavy) == (price, True)


async def _searched(client: SandboxClient, **parameters: str) -> list[str]:
    answer = await client.get("Leads/search", parameters)
    return sorted(names(answer)) if answer.status == 200 else []


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"criteria": "(Last_Name:equals:le)"}, ["Adler", "Cole"]),
        ({"criteria": "Last_Name:starts_with:co"}, ["Cole"]),
        ({"criteria": "((City:equals:Oslo)and(No_of_Employees:less_than:6))"}, ["Adler"]),
        ({"criteria": "((City:equals:Bergen)or(City:equals:Oslo))"}, ["Adler", "Burns, B", "Cole"]),
        ({"criteria": "(Last_Name:equals:Burns\\, B)"}, ["Burns, B"]),
        ({"criteria": "(No_of_Employees:between:5,7)"}, ["Adler", "O'Hara"]),
        ({"email": "adler@example.com"}, ["Adler"]),
        ({"word": "berg"}, ["Burns, B"]),
    ],
)
async def test_search_selects_by_criteria(parameters: dict[str, str], found: list[str]) -> None:
    async with sandbox_client(SandboxSettings(search_lag_s=0)) as client:
        client.sandbox.add("Leads", PEOPLE)

        assert await _searched(client, **parameters) == found


async def test_search_lags_behind_writes_unlike_coql_and_searching_after_a_write_is_a_violation() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        await client.insert("Leads", *PEOPLE)

        at_once = await _searched(client, email="adler@example.com")
        by_coql = await client.coql("select Last_Name from Leads where Email = 'adler@example.com'")
        clock.seconds += 6
        later = await _searched(client, email="adler@example.com")

        assert (at_once, names(by_coql), later) == ([], ["Adler"], ["Adler"])
        assert {each.kind for each in client.sandbox.violations} == {"search_after_write"}


async def test_records_are_counted_with_and_without_criteria() -> None:
    async with sandbox_client(SandboxSettings(search_lag_s=0)) as client:
        client.sandbox.add("Leads", PEOPLE)

        everything = await client.get("Leads/actions/count")
        some = await client.get("Leads/actions/count", {"criteria": "(City:equals:Oslo)"})

        assert (everything.body, some.body) == ({"count": 4}, {"count": 2})
