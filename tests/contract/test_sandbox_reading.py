"""Lists, single records, counts, search and COQL of the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.sandbox import SandboxSettings
from bulkzoho.sandbox.testing import ManualClock, TestClient, calling

PEOPLE = [
    {"Last_Name": "Adler", "City": "Oslo", "No_of_Employees": 5, "Email": "adler@example.com", "External_Id": "a1"},
    {"Last_Name": "Burns, B", "City": "Bergen", "No_of_Employees": 50, "Birthday": "1990-05-01"},
    {"Last_Name": "Cole", "City": "oslo", "Languages": ["English", "German"], "Email_Opt_Out": True},
    {"Last_Name": "O'Hara", "No_of_Employees": 7, "Last_Contacted": "2026-02-01T10:00:00+01:00"},
]


def names(answer: Any) -> list[str]:
    """The last names of an answer."""
    return [each["Last_Name"] for each in answer.body["data"]]


async def test_a_list_needs_fields_and_gives_nulls_and_the_newest_first() -> None:
    async with calling() as caller:
        empty = await caller.get("Leads", {"fields": "Last_Name"})
        caller.sandbox.add("Leads", PEOPLE)

        listed = await caller.get("Leads", {"fields": "Last_Name,Birthday"})
        bare = await caller.get("Leads")

        assert (empty.status, empty.body) == (204, b"")
        assert names(listed) == ["O'Hara", "Cole", "Burns, B", "Adler"]
        assert listed.body["data"][0]["Birthday"] is None
        assert (bare.status, bare.body["details"]) == (400, {"param_name": "fields"})


async def test_pages_are_followed_by_token_until_no_more() -> None:
    async with calling() as caller:
        caller.sandbox.add("Leads", ({"Last_Name": f"L{number}"} for number in range(25)))
        parameters = {"fields": "Last_Name", "per_page": "10"}

        found: list[str] = []
        page = await caller.get("Leads", parameters)
        while True:
            found += [each["id"] for each in page.body["data"]]
            if not page.body["info"]["more_records"]:
                break
            page = await caller.get("Leads", {**parameters, "page_token": page.body["info"]["next_page_token"]})

        assert len(set(found)) == 25
        assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("sort_by", ["id", "Created_Time", "Modified_Time"])
@pytest.mark.parametrize("sort_order", ["asc", "desc"])
async def test_lists_are_sorted_as_asked(sort_by: str, sort_order: str) -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        for person in PEOPLE:
            caller.sandbox.add("Leads", [person])
            clock.seconds += 1

        listed = await caller.get("Leads", {"fields": "Last_Name", "sort_by": sort_by, "sort_order": sort_order})

        rising = ["Adler", "Burns, B", "Cole", "O'Hara"]
        assert names(listed) == (rising if sort_order == "asc" else rising[::-1])
        assert caller.sandbox.calls[-1].heavy


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
async def test_lists_beyond_a_limit_are_refused(parameters: dict[str, str], code: str) -> None:
    async with calling() as caller:
        answer = await caller.get("Leads", {"fields": "Last_Name", **parameters})

        assert (answer.status, answer.body["code"]) == (400, code)


async def test_a_page_token_is_bound_to_its_parameters_and_dies_after_a_day() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(token_life_s=10**6), clock) as caller:
        caller.sandbox.add("Leads", PEOPLE)
        first = await caller.get("Leads", {"fields": "Last_Name", "per_page": "2"})
        token = first.body["info"]["next_page_token"]

        other = await caller.get("Leads", {"fields": "City", "per_page": "2", "page_token": token})
        clock.seconds += 86_400
        late = await caller.get("Leads", {"fields": "Last_Name", "per_page": "2", "page_token": token})

        assert other.body["code"] == "TOKEN_BOUND_DATA_MISMATCH"
        assert late.body["code"] == "EXPIRED_VALUE"


async def test_only_what_changed_since_is_listed_and_304_says_nothing_did() -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        caller.sandbox.add("Leads", PEOPLE[:1])
        clock.seconds += 100
        caller.sandbox.add("Leads", PEOPLE[1:2])
        since = next(iter(reversed(list(caller.sandbox.records("Leads")))))["Modified_Time"]

        changed = await caller.get("Leads", {"fields": "Last_Name"}, headers={"If-Modified-Since": since})
        nothing = await caller.get("Leads", {"fields": "id"}, headers={"If-Modified-Since": "2040-01-01T00:00:00Z"})

        assert names(changed) == ["Burns, B"]
        assert nothing.status == 304


async def test_one_record_is_given_whole_and_a_missing_one_is_204() -> None:
    async with calling() as caller:
        [lead] = caller.sandbox.add("Leads", PEOPLE[:1])

        found = await caller.get(f"Leads/{lead}")
        missing = await caller.get("Leads/123")

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
async def test_coql_finds_by(where: str, found: list[str]) -> None:
    async with calling() as caller:
        caller.sandbox.add("Leads", PEOPLE)

        answer = await caller.coql(f"select Last_Name from Leads where {where}")

        assert answer.status == (200 if found else 204)
        assert (names(answer) if found else []) == found


async def test_converted_leads_are_found_by_a_query_that_asks_for_them_and_by_no_other() -> None:
    async with calling() as caller:
        [lead, _] = caller.sandbox.add("Leads", PEOPLE[:2])
        await caller.write("POST", f"Leads/{lead}/actions/convert", [{}])

        queries = ("id is not null", "Converted__s = false", "Converted__s = true", "id is not null and Converted__s = true")
        found = [await caller.coql(f"select Last_Name from Leads where {where}") for where in queries]
        listed = await caller.get("Leads", {"fields": "Last_Name", "ids": f"{lead},123", "converted": "both"})

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
async def test_coql_refuses(query: str, code: str) -> None:
    async with calling() as caller:
        answer = await caller.coql(query)

        assert (answer.status, answer.body["code"]) == (400, code)


async def test_coql_orders_limits_joins_and_groups() -> None:
    async with calling() as caller:
        [account] = caller.sandbox.add("Accounts", [{"Account_Name": "Acme"}])
        caller.sandbox.add("Leads", PEOPLE)
        caller.sandbox.add("Contacts", [{"Last_Name": "Boyle", "Account_Name": {"id": account}}, {"Last_Name": "Free"}])

        ordered = await caller.coql("select Last_Name from Leads where id is not null order by Last_Name desc limit 1, 2")
        joined = await caller.coql(
            "select Last_Name, Account_Name, Account_Name.Account_Name from Contacts where Account_Name.Account_Name = 'acme'"
        )
        grouped = await caller.coql("select City, COUNT(id) as n from Leads where City is not null group by City order by n desc")

        assert names(ordered) == ["Cole", "Burns, B"]
        assert ordered.body["info"] == {"count": 2, "more_records": True}
        assert joined.body["data"][0]["Account_Name"] == {"id": account}
        assert joined.body["data"][0]["Account_Name.Account_Name"] == "Acme"
        assert grouped.body["data"] == [{"City": "Oslo", "n": 2}, {"City": "Bergen", "n": 1}]


@pytest.mark.parametrize(("limit", "price"), [(200, 1), (201, 2), (1000, 2), (1001, 3)])
async def test_coql_costs_by_its_limit_and_is_heavy(limit: int, price: int) -> None:
    async with calling() as caller:
        await caller.coql(f"select id from Leads where id is not null limit {limit}")

        call = caller.sandbox.calls[-1]
        assert (call.credits, call.heavy) == (price, True)


async def _searched(caller: TestClient, **parameters: str) -> list[str]:
    answer = await caller.get("Leads/search", parameters)
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
async def test_search_finds_by(parameters: dict[str, str], found: list[str]) -> None:
    async with calling(SandboxSettings(search_lag_s=0)) as caller:
        caller.sandbox.add("Leads", PEOPLE)

        assert await _searched(caller, **parameters) == found


async def test_search_lags_behind_writes_coql_does_not_and_a_check_by_search_is_a_violation() -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        await caller.insert("Leads", *PEOPLE)

        at_once = await _searched(caller, email="adler@example.com")
        by_coql = await caller.coql("select Last_Name from Leads where Email = 'adler@example.com'")
        clock.seconds += 6
        later = await _searched(caller, email="adler@example.com")

        assert (at_once, names(by_coql), later) == ([], ["Adler"], ["Adler"])
        assert {each.kind for each in caller.sandbox.violations} == {"search_after_write"}


async def test_records_are_counted_with_and_without_criteria() -> None:
    async with calling(SandboxSettings(search_lag_s=0)) as caller:
        caller.sandbox.add("Leads", PEOPLE)

        everything = await caller.get("Leads/actions/count")
        some = await caller.get("Leads/actions/count", {"criteria": "(City:equals:Oslo)"})

        assert (everything.body, some.body) == ({"count": 4}, {"count": 2})
