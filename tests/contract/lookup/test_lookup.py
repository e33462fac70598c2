"""The rows of a lost insert are looked up in the sandbox: found, absent or in doubt, and each in the CRM once in the end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import pytest

from bulkzoho.domain.model.rows import Batch, Record
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.errors import AccessError
from bulkzoho.sandbox import Fault, FaultKind, SandboxSettings

from .lookup_harness import BO, Desk, desk_of


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with desk_of("Leads", SandboxSettings(unique_fields={"Leads": ["Email"]})) as made:
        yield made


def keyed(numbers: Iterable[int]) -> list[Record]:
    return [{"Last_Name": f"Ek {i}", "External_Id": f"Key-{i}", "City": "Oslo"} for i in numbers]


def plain(numbers: Iterable[int]) -> list[Record]:
    return [{"Last_Name": f"Ek {i}", "City": "Oslo"} for i in numbers]


# -- rows with a unique field ------------------------------------------------------------------------------------------------


async def test_rows_with_a_unique_field_are_all_found_when_the_call_was_done(desk: Desk) -> None:
    lost = await desk.lose(keyed(range(100)), FaultKind.RESET_AFTER_COMMIT)

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == (list(range(100)), [])
    assert len(set(findings.results.ids if findings.results else ())) == 100
    assert desk.told == []


async def test_rows_with_a_unique_field_are_all_absent_when_the_call_was_not_done(desk: Desk) -> None:
    lost = await desk.lose(keyed(range(100)), FaultKind.RESET_BEFORE_COMMIT)

    findings = await lost.find_and_resend()

    assert (list(findings.found), list(findings.absent)) == ([], list(range(100)))
    assert desk.sandbox.count("Leads") == 100


async def test_a_batch_that_was_done_in_part_comes_out_with_each_row_once(desk: Desk) -> None:
    lost = await desk.lose(keyed(range(100)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=37)

    findings = await lost.find_and_resend()

    assert (len(findings.found), len(findings.absent)) == (37, 63)
    assert set(desk.count("External_Id").values()) == {1}
    assert desk.sandbox.count("Leads") == 100


async def test_a_key_in_another_case_and_padded_is_the_same_key(desk: Desk) -> None:
    lost = await desk.lose([{"Last_Name": "A", "External_Id": "  KEY-1 "}], FaultKind.RESET_AFTER_COMMIT)

    assert list((await lost.find()).found) == [0]


async def test_a_key_with_a_quote_or_a_backslash_is_found_in_the_window(desk: Desk) -> None:
    records = [{"Last_Name": "A", "External_Id": "o'brien"}, {"Last_Name": "B", "External_Id": "a\\b"}, *keyed(range(2))]
    lost = await desk.lose(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=1)

    findings = await lost.find_and_resend()

    assert (list(findings.found), list(findings.absent)) == ([0], [1, 2, 3])
    assert desk.sandbox.count("Leads") == 4


async def test_a_record_that_was_there_before_is_not_the_row(desk: Desk) -> None:
    desk.clock.ahead_s = -60.0
    await desk.insert(keyed([1]))
    desk.clock.ahead_s = 0.0
    await desk.accept(keyed([3]))
    lost = await desk.lose(keyed([1, 2]), FaultKind.RESET_BEFORE_COMMIT)

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == ([], [0, 1])


async def test_a_record_that_a_row_has_already_is_not_the_row(desk: Desk) -> None:
    await desk.accept(keyed([1]))
    lost = await desk.lose(keyed([1]), FaultKind.RESET_BEFORE_COMMIT)

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == ([], [0])


async def test_a_record_that_somebody_else_created_meanwhile_is_not_the_row(desk: Desk) -> None:
    lost = await desk.lose(keyed([1]), FaultKind.RESET_BEFORE_COMMIT)
    await desk.insert(keyed([1]))
    desk.user = BO  # so that it is Ana who is somebody else

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == ([], [0])


async def test_the_window_is_in_the_service_s_time(desk: Desk) -> None:
    desk.clock.ahead_s = 3_600.0
    await desk.accept(keyed([2]))  # an answer, from which the service's time is known
    lost = await desk.lose(keyed([1]), FaultKind.RESET_AFTER_COMMIT)

    assert list((await lost.find()).found) == [0]


async def test_fifty_keys_at_a_time_are_asked_for(desk: Desk) -> None:
    lost = await desk.lose([{**one, "External_Id": f"key-{i}"} for i, one in enumerate(keyed(range(100)))], FaultKind.EMPTY_200)

    await lost.find()

    assert desk.queries() == 2


# -- rows with an import key -------------------------------------------------------------------------------------------------


async def test_rows_with_an_import_key_are_found_or_absent_without_any_other_record(desk: Desk) -> None:
    desk.import_key = "County"
    records = [{**record, "County": f"20261124-101500-leads-7f3a:{i}"} for i, record in enumerate(plain([1, 1, 1, 1]))]
    lost = await desk.lose(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=2)

    findings = await lost.find_and_resend()

    assert (list(findings.found), list(findings.absent)) == ([0, 1], [2, 3])
    assert set(desk.count("County").values()) == {1}


# -- whole records -----------------------------------------------------------------------------------------------------------


async def test_rows_without_a_key_are_found_as_whole_records(desk: Desk) -> None:
    await desk.accept(plain(range(100, 120)))
    lost = await desk.lose(plain(range(100)), FaultKind.RESET_AFTER_COMMIT)

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == (list(range(100)), [])


async def test_they_are_absent_when_every_record_has_its_row_and_a_known_one_turned_up(desk: Desk) -> None:
    lost = await desk.lose(plain(range(100)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=41)
    await desk.accept(plain(range(100, 120)))

    findings = await lost.find_and_resend()

    assert (len(findings.found), len(findings.absent)) == (41, 59)
    assert set(desk.count("Last_Name").values()) == {1}
    assert desk.sandbox.count("Leads") == 120


async def test_they_stay_in_doubt_when_no_record_turned_up_that_is_known_to_be_accepted(desk: Desk) -> None:
    lost = await desk.lose(plain(range(3)), FaultKind.RESET_BEFORE_COMMIT)

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == ([], [])
    assert len(desk.told) == 1
    assert (
        "Rows in doubt after a request without a response: 3 (row 1-3); no record known to be accepted was found" in desk.told[0]
    )


async def test_they_stay_in_doubt_when_a_record_belongs_to_no_row(desk: Desk) -> None:
    await desk.accept(plain([50]))
    lost = await desk.lose(plain(range(3)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=1)
    await desk.insert(plain([99]))

    findings = await lost.find()

    assert (list(findings.found), list(findings.absent)) == ([0], [])
    assert "row 2-3" in desk.told[0]
    assert "records created since then that match no known row: 1" in desk.told[0]


async def test_identical_rows_are_matched_by_count(desk: Desk) -> None:
    await desk.accept(plain([7, 7]))
    lost = await desk.lose(plain([7, 7, 7, 8, 8]), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=2)

    findings = await lost.find_and_resend()

    assert (list(findings.found), list(findings.absent)) == ([0, 1], [2, 3, 4])
    assert desk.count("Last_Name") == {"Ek 7": 5, "Ek 8": 2}


async def test_an_equal_record_that_was_there_before_is_not_the_row(desk: Desk) -> None:
    desk.clock.ahead_s = -60.0
    await desk.insert(plain([1]))
    desk.clock.ahead_s = 0.0
    await desk.accept(plain([2]))
    lost = await desk.lose(plain([1]), FaultKind.RESET_BEFORE_COMMIT)

    findings = await lost.find_and_resend()

    assert (list(findings.found), list(findings.absent)) == ([], [0])
    assert desk.count("Last_Name")["Ek 1"] == 2


async def test_equal_records_of_somebody_else_are_not_the_rows(desk: Desk) -> None:
    lost = await desk.lose(plain([1]), FaultKind.RESET_BEFORE_COMMIT)
    await desk.insert(plain([1]))
    desk.user = BO

    findings = await lost.find()

    assert list(findings.found) == []


async def test_rows_with_and_without_a_key_in_one_call_are_told_apart(desk: Desk) -> None:
    await desk.accept(plain([50]))
    records = [record for pair in zip(keyed(range(10)), plain(range(100, 110)), strict=True) for record in pair]
    lost = await desk.lose(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=11)

    findings = await lost.find_and_resend()

    assert (list(findings.found), list(findings.absent)) == (list(range(11)), list(range(11, 20)))
    assert set(desk.count("Last_Name").values()) == {1}


async def test_a_record_of_a_call_that_is_lost_while_another_s_rows_are_looked_up_is_left_to_it(desk: Desk) -> None:
    await desk.accept(plain([50]))
    lost = await desk.lose([{"Last_Name": "Ek 1"}], FaultKind.RESET_BEFORE_COMMIT)
    later = await desk.lose(plain([1]), FaultKind.RESET_AFTER_COMMIT)
    in_doubt: list[list[Batch]] = [[], [later.batch]]  # as of the beginning, and since the wait for replies

    findings = await lost.find(other_in_doubt_batches=lambda: in_doubt.pop(0) if len(in_doubt) > 1 else in_doubt[0])

    assert (list(findings.found), list(findings.absent)) == ([], [])
    assert "records created since then that match no known row: 1" in desk.told[0]
    assert list((await later.find(other_in_doubt_batches=lambda: [lost.batch])).found) == [0]


async def test_rows_are_found_whatever_form_the_service_gives_their_values() -> None:
    async with desk_of("Shipments") as desk:
        records: list[Record] = [
            {"Name": "  padded ", "Weight": ExactNumber("10.50"), "Fragile": True, "Big": ExactNumber("123456789012345678")},
            {"Name": "later", "Delivered_At": "2026-02-01T10:00:00-05:00", "Shipped_On": "2026-01-31"},
            {"Name": "many", "Tags_MS": ["Heavy", "Cold"], "Value": ExactNumber("12.349"), "Share": ExactNumber("5")},
            {"Name": "text", "Notes_Long": "one\ntwo 'three' \\ four", "Site": "https://x.example", "Carrier": "DHL"},
            {"Name": "sparse", "Quantity": ExactNumber("3"), "Fragile": False, "Phone": None},
        ]
        await desk.accept([{"Name": "control"}])
        lost = await desk.lose(records, FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=4)

        findings = await lost.find_and_resend()

        assert (list(findings.found), list(findings.absent)) == ([0, 1, 2, 3], [4])
        assert set(desk.count("Name").values()) == {1}


async def test_a_window_of_thousands_of_records_is_read_page_by_page(desk: Desk) -> None:
    for start in range(0, 4_300, 100):
        await desk.accept(plain(range(start, start + 100)))
    lost = await desk.lose(plain(range(9_000, 9_100)), FaultKind.PARTIAL_COMMIT_THEN_RESET, committed=50)
    await desk.accept(plain(range(5_000, 5_100)))

    findings = await lost.find_and_resend()

    assert (len(findings.found), len(findings.absent)) == (50, 50)
    assert desk.sandbox.count("Leads") == 4_500
    assert desk.queries() == 3


async def test_a_token_that_may_not_query_ends_the_run_with_the_reason(desk: Desk) -> None:
    lost = await desk.lose(keyed([1]), FaultKind.RESET_AFTER_COMMIT)
    desk.sandbox.faults.script([Fault(kind=FaultKind.SCOPE_MISMATCH, path_contains="/coql")])

    with pytest.raises(AccessError) as caught:
        await lost.find()

    assert caught.value.code == "OAUTH_SCOPE_MISMATCH"
