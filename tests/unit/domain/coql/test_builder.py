"""COQL text."""

from __future__ import annotations

from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS, created_between, id_above, page_query, value_in


def test_a_page_of_records_with_one_of_several_values() -> None:
    text = page_query("Leads", [*OWNERSHIP_FIELDS, "Email"], [value_in("Email", ["'a@x.co'", "'b@x.co'"])], limit=200)

    assert text == (
        "select id, Created_Time, Created_By, Email from Leads where Email in ('a@x.co', 'b@x.co') order by id asc limit 200"
    )


def test_conditions_are_bracketed_in_pairs() -> None:
    text = page_query("Leads", ["id", "City"], [*created_between(1_000.0, 1_182.0), id_above("77")], limit=2_000)

    assert text == (
        "select id, City from Leads where (Created_Time >= '1970-01-01T00:16:40+00:00'"
        " and Created_Time <= '1970-01-01T00:19:42+00:00') and id > '77' order by id asc limit 2000"
    )
