"""Lookups of inserts without a response, in the sandbox: rows found, absent or in doubt; each row in the CRM once in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest

from bulkzoho.domain.model.rows import Batch, Record
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.errors import AccessError
from bulkzoho.sandbox import Fault, FaultKind, SandboxSettings

from .lookup_harness import BO, Bench, bench_of


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with bench_of("Leads", SandboxSettings(unique_fields={"Leads": ["Email"]})) as bench:
        yield bench


def keyed(numbers: Iterable[int]) -> list[Record]:
    return [{"Last_Name": f"Ek {i}", "External_Id": f"Key-{i}", "City": "Oslo"} for i in numbers]


def plain(numbers: Iterable[int]) -> list[Record]:
    return [{"Last_Name": f"Ek {i}", "City": "Oslo"} for i in numbers]


# -- rows with a unique field ------------------------------------------------------------------------------------------------


async def test_rows_with_a_unique_field_are_found_when_the_call_was_executed(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(keyed(range(100)), FaultKind.RESET_AFTER_COMMIT)

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == (list(range(100)), [])
    assert len(set(result.results.ids if result.results else ())) == 100
    assert bench.shown == []


async def test_rows_with_a_unique_field_are_absent_when_the_call_was_not_executed(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(keyed(range(100)), FaultKind.RESET_BEFORE_COMMIT)

    result = await unanswered.find_and_resend()

    assert (list(result.found), list(result.absent)) == ([], list(range(100)))
    assert bench.sandbox.count("Leads") == 100


async def test_a_batch_executed_in_part_ends_with_each_row_once(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(keyed(range(100)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=37)

    result = await unanswered.find_and_resend()

    assert (len(result.found), len(result.absent)) == (37, 63)
    assert set(bench.count("External_Id").values()) == {1}
    assert bench.sandbox.count("Leads") == 100


async def test_a_key_in_another_case_and_padded_is_the_same_key(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(
        [{"Last_Name": "A", "External_Id": "  KEY-1 "}], FaultKind.RESET_AFTER_COMMIT
    )

    assert list((await unanswered.find()).found) == [0]


async def test_a_key_with_a_quote_or_a_backslash_is_found_in_the_window(bench: Bench) -> None:
    records = [{"Last_Name": "A", "External_Id": "o'brien"}, {"Last_Name": "B", "External_Id": "a\\b"}, *keyed(range(2))]
    unanswered = await bench.insert_without_response(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=1)

    result = await unanswered.find_and_resend()

    assert (list(result.found), list(result.absent)) == ([0], [1, 2, 3])
    assert bench.sandbox.count("Leads") == 4


async def test_an_older_record_is_not_the_row(bench: Bench) -> None:
    bench.clock.ahead_s = -60.0
    await bench.insert(keyed([1]))
    bench.clock.ahead_s = 0.0
    await bench.accept(keyed([3]))
    unanswered = await bench.insert_without_response(keyed([1, 2]), FaultKind.RESET_BEFORE_COMMIT)

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == ([], [0, 1])


async def test_a_record_of_another_row_is_not_the_row(bench: Bench) -> None:
    await bench.accept(keyed([1]))
    unanswered = await bench.insert_without_response(keyed([1]), FaultKind.RESET_BEFORE_COMMIT)

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == ([], [0])


async def test_a_record_created_by_another_user_is_not_the_row(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(keyed([1]), FaultKind.RESET_BEFORE_COMMIT)
    await bench.insert(keyed([1]))
    bench.user = BO  # so Ana is another user

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == ([], [0])


async def test_the_window_is_in_the_service_s_time(bench: Bench) -> None:
    bench.clock.ahead_s = 3_600.0
    await bench.accept(keyed([2]))  # its response shows the service's time
    unanswered = await bench.insert_without_response(keyed([1]), FaultKind.RESET_AFTER_COMMIT)

    assert list((await unanswered.find()).found) == [0]


async def test_fifty_keys_are_looked_up_per_query(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(
        [{**record, "External_Id": f"key-{i}"} for i, record in enumerate(keyed(range(100)))], FaultKind.EMPTY_200
    )

    await unanswered.find()

    assert bench.queries() == 2


# -- rows with an import key -------------------------------------------------------------------------------------------------


async def test_rows_with_an_import_key_are_found_or_absent_without_any_other_record(bench: Bench) -> None:
    bench.import_key = "County"
    records = [{**record, "County": f"20261124-101500-leads-7f3a:{i}"} for i, record in enumerate(plain([1, 1, 1, 1]))]
    unanswered = await bench.insert_without_response(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=2)

    result = await unanswered.find_and_resend()

    assert (list(result.found), list(result.absent)) == ([0, 1], [2, 3])
    assert set(bench.count("County").values()) == {1}


# -- whole records -----------------------------------------------------------------------------------------------------------


async def test_rows_without_a_key_are_found_as_whole_records(bench: Bench) -> None:
    await bench.accept(plain(range(100, 120)))
    unanswered = await bench.insert_without_response(plain(range(100)), FaultKind.RESET_AFTER_COMMIT)

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == (list(range(100)), [])


async def test_rows_are_absent_when_every_record_has_a_row_and_a_known_record_is_found(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(plain(range(100)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=41)
    await bench.accept(plain(range(100, 120)))

    result = await unanswered.find_and_resend()

    assert (len(result.found), len(result.absent)) == (41, 59)
    assert set(bench.count("Last_Name").values()) == {1}
    assert bench.sandbox.count("Leads") == 120


async def test_rows_stay_in_doubt_when_no_known_record_is_found(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(plain(range(3)), FaultKind.RESET_BEFORE_COMMIT)

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == ([], [])
    assert len(bench.shown) == 1
    assert (
        "Rows in doubt after a request without a response: 3 (row 1-3); no record known to be accepted was found"
        in bench.shown[0]
    )


async def test_rows_stay_in_doubt_when_a_record_matches_no_row(bench: Bench) -> None:
    await bench.accept(plain([50]))
    unanswered = await bench.insert_without_response(plain(range(3)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=1)
    await bench.insert(plain([99]))

    result = await unanswered.find()

    assert (list(result.found), list(result.absent)) == ([0], [])
    assert "row 2-3" in bench.shown[0]
    assert "records created since then that match no known row: 1" in bench.shown[0]


async def test_identical_rows_are_matched_by_count(bench: Bench) -> None:
    await bench.accept(plain([7, 7]))
    unanswered = await bench.insert_without_response(plain([7, 7, 7, 8, 8]), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=2)

    result = await unanswered.find_and_resend()

    assert (list(result.found), list(result.absent)) == ([0, 1], [2, 3, 4])
    assert bench.count("Last_Name") == {"Ek 7": 5, "Ek 8": 2}


async def test_an_older_equal_record_is_not_the_row(bench: Bench) -> None:
    bench.clock.ahead_s = -60.0
    await bench.insert(plain([1]))
    bench.clock.ahead_s = 0.0
    await bench.accept(plain([2]))
    unanswered = await bench.insert_without_response(plain([1]), FaultKind.RESET_BEFORE_COMMIT)

    result = await unanswered.find_and_resend()

    assert (list(result.found), list(result.absent)) == ([], [0])
    assert bench.count("Last_Name")["Ek 1"] == 2


async def test_equal_records_of_another_user_are_not_the_rows(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(plain([1]), FaultKind.RESET_BEFORE_COMMIT)
    await bench.insert(plain([1]))
    bench.user = BO

    result = await unanswered.find()

    assert list(result.found) == []


async def test_rows_with_and_without_a_key_share_a_call(bench: Bench) -> None:
    await bench.accept(plain([50]))
    records = [record for pair in zip(keyed(range(10)), plain(range(100, 110)), strict=True) for record in pair]
    unanswered = await bench.insert_without_response(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=11)

    result = await unanswered.find_and_resend()

    assert (list(result.found), list(result.absent)) == (list(range(11)), list(range(11, 20)))
    assert set(bench.count("Last_Name").values()) == {1}


async def test_a_record_may_belong_to_a_batch_that_became_in_doubt_during_the_lookup(bench: Bench) -> None:
    await bench.accept(plain([50]))
    unanswered = await bench.insert_without_response([{"Last_Name": "Ek 1"}], FaultKind.RESET_BEFORE_COMMIT)
    later = await bench.insert_without_response(plain([1]), FaultKind.RESET_AFTER_COMMIT)
    in_doubt: list[list[Batch]] = [[], [later.batch]]  # at the start, and after the wait for responses

    result = await unanswered.find(other_in_doubt_batches=lambda: in_doubt.pop(0) if len(in_doubt) > 1 else in_doubt[0])

    assert (list(result.found), list(result.absent)) == ([], [])
    assert "records created since then that match no known row: 1" in bench.shown[0]
    assert list((await later.find(other_in_doubt_batches=lambda: [unanswered.batch])).found) == [0]


async def test_rows_are_found_in_every_format_of_the_service() -> None:
    async with bench_of("Shipments") as bench:
        records: list[Record] = [
            {"Name": "  padded ", "Weight": ExactNumber("10.50"), "Fragile": True, "Big": ExactNumber("123456789012345678")},
            {"Name": "later", "Delivered_At": "2026-02-01T10:00:00-05:00", "Shipped_On": "2026-01-31"},
            {"Name": "many", "Tags_MS": ["Heavy", "Cold"], "Value": ExactNumber("12.349"), "Share": ExactNumber("5")},
            {"Name": "text", "Notes_Long": "one\ntwo 'three' \\ four", "Site": "https://x.example", "Carrier": "DHL"},
            {"Name": "sparse", "Quantity": ExactNumber("3"), "Fragile": False, "Phone": None},
        ]
        await bench.accept([{"Name": "control"}])
        unanswered = await bench.insert_without_response(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=4)

        result = await unanswered.find_and_resend()

        assert (list(result.found), list(result.absent)) == ([0, 1, 2, 3], [4])
        assert set(bench.count("Name").values()) == {1}


async def test_a_window_of_thousands_of_records_is_read_page_by_page(bench: Bench) -> None:
    for start in range(0, 4_300, 100):
        await bench.accept(plain(range(start, start + 100)))
    unanswered = await bench.insert_without_response(
        plain(range(9_000, 9_100)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=50
    )
    await bench.accept(plain(range(5_000, 5_100)))

    result = await unanswered.find_and_resend()

    assert (len(result.found), len(result.absent)) == (50, 50)
    assert bench.sandbox.count("Leads") == 4_500
    assert bench.queries() == 3


async def test_a_token_that_may_not_query_ends_the_run_with_the_reason(bench: Bench) -> None:
    unanswered = await bench.insert_without_response(keyed([1]), FaultKind.RESET_AFTER_COMMIT)
    bench.sandbox.faults.script([Fault(kind=FaultKind.SCOPE_MISMATCH, path_contains="/coql")])

    with pytest.raises(AccessError) as caught:
        await unanswered.find()

    assert caught.value.code == "OAUTH_SCOPE_MISMATCH"
