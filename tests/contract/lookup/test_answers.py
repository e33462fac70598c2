"""What a lookup makes of answers that the sandbox never gives, and of replies that are still on their way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo, User
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.domain.model.rows import Record
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.lost_replies.insert_lookup import CoqlInsertLookup, InsertLookupParts
from bulkzoho.engine.lost_replies.protocols import LookupResult
from bulkzoho.errors import AccessError
from bulkzoho.interfaces import MetadataApi

from .lookup_harness import batch_of, caller_of

SENT_AT = 1_790_000_000.0  # 2026-09-21T14:13:20Z
MODULE = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        FieldMetadata(api_name="Last_Name", label="", data_type="text", json_type="string"),
        FieldMetadata(api_name="Secret", label="", data_type="text", json_type="string"),
        FieldMetadata(api_name="Email", label="", data_type="email", json_type="string", unique=True),
    ),
)


def held(number: int, name: str, *, after_s: int = 1, **more: Any) -> dict[str, Any]:
    """Make a record, created by user 7 some seconds after the call left."""
    return {
        "id": str(1_000 + number),
        "Created_Time": f"2026-09-21T14:{13 + (20 + after_s) // 60:02}:{(20 + after_s) % 60:02}+00:00",
        "Created_By": {"id": "7"},
        "Last_Name": name,
        **more,
    }


class ScriptedCrm:
    """Answers queries from a list of records, as a small CRM would, or by a script."""

    def __init__(self, *records: dict[str, Any], rows_a_page: int = 2_000) -> None:
        self.records = list(records)
        self.queries: list[str] = []
        self.answer: Callable[[str], Reply | None] = lambda _text: None
        self._rows_a_page = rows_a_page

    async def query(self, coql: str) -> Reply:
        self.queries.append(coql)
        if (scripted := self.answer(coql)) is not None:
            return scripted
        after = re.search(r"id > '(\d+)'", coql)
        rest = [one for one in self.records if after is None or int(one["id"]) > int(after.group(1))]
        return Succeeded(payload=ApiPage(records=rest[: self._rows_a_page]))


class Clock:
    """Our time, which passes only while somebody waits."""

    def __init__(self, *, after_s: float = 180.0) -> None:
        self.now = SENT_AT + after_s
        self.waits: list[float] = []
        self.stopped = False  # a run that is being stopped waits for nothing
        self.then: Callable[[], None] = lambda: None

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        if not self.stopped:
            self.now += seconds
        self.then()


class Desk:
    """A lookup at a scripted CRM, 180 s after the call was lost."""

    def __init__(self, crm: ScriptedCrm, *known: str, clock: Clock | None = None) -> None:
        self.crm = crm
        self.known = set(known)
        self.told: list[str] = []
        self.clock = clock or Clock()

    async def find(self, *records: Record) -> LookupResult:
        caller = caller_of(cast("MetadataApi", self.crm))
        lookup = CoqlInsertLookup(
            InsertLookupParts(
                coql=CoqlReader(self.crm, caller, crm_module="Leads"),
                crm_module=MODULE,
                user=User(id="7", name="Ana"),
                unique_fields=["Email"],
                import_key=None,
                known_ids=self._known_of,
                clock_skew=lambda: 0.0,
                wall=lambda: self.clock.now,
                pause=self.clock.pause,
                tell=self.told.append,
            )
        )
        shipment = InFlightShipment(id=1, source=0, rows=[(1, len(records))], attempt=1, sent_at=SENT_AT)
        return await lookup.find(batch_of(records), shipment)

    def _known_of(self, ids: Sequence[str]) -> set[str]:
        return self.known.intersection(ids)


async def test_a_service_that_gives_fewer_rows_a_page_is_read_to_its_end() -> None:
    records = [held(number, f"Ek {number}") for number in range(700)]
    desk = Desk(ScriptedCrm(*records, rows_a_page=200), *(one["id"] for one in records[:-1]))

    findings = await desk.find({"Last_Name": "Ek 699"}, {"Last_Name": "Nobody"})

    assert (list(findings.found), list(findings.absent)) == ([0], [1])
    assert len(desk.crm.queries) == 4


async def test_pages_that_are_not_in_the_order_of_ids_show_nothing_to_be_absent() -> None:
    records = [held(number, "Ek") for number in range(300, 0, -1)]
    desk = Desk(ScriptedCrm(*records), *(one["id"] for one in records))

    findings = await desk.find({"Last_Name": "By"})

    assert findings == LookupResult()
    assert "the CRM rejects the query" in desk.told[0]


@pytest.mark.parametrize("payload", [ApiPage(records=[cast("Any", 7)]), ApiPage(records=[{"Last_Name": "no id"}]), "text"])
async def test_an_answer_that_cannot_be_read_shows_nothing(payload: Any) -> None:
    desk = Desk(ScriptedCrm())
    desk.crm.answer = lambda _text: Succeeded(payload=payload)

    findings = await desk.find({"Last_Name": "Ek"}, {"Email": "a@x.co"})

    assert findings == LookupResult()
    assert "its answer cannot be read" in desk.told[0]


async def test_a_field_that_a_query_does_not_take_is_left_out_of_the_comparison() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek"), held(2, "known")), "1002")
    desk.crm.answer = lambda text: (
        Rejected(status=400, code="INVALID_QUERY", message="", details={"column_name": "Secret"}) if "Secret" in text else None
    )

    findings = await desk.find({"Last_Name": "Ek", "Secret": "s"}, {"Last_Name": "By", "Secret": "t"})

    assert (list(findings.found), list(findings.absent)) == ([0], [1])


async def test_rows_that_differ_only_in_such_a_field_are_not_told_apart_by_guessing() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek"), held(2, "known")), "1002")
    desk.crm.answer = lambda text: (
        Rejected(status=400, code="INVALID_QUERY", message="", details={"column_name": "Secret"}) if "Secret" in text else None
    )

    findings = await desk.find({"Last_Name": "Ek", "Secret": "s"}, {"Last_Name": "Ek", "Secret": "t"})

    assert findings == LookupResult()


async def test_a_key_that_cannot_be_asked_for_is_looked_for_in_the_window() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", Email="a@x.co")))
    desk.crm.answer = lambda text: Rejected(status=400, code="INVALID_QUERY", message="") if " in (" in text else None

    findings = await desk.find({"Email": "a@x.co"}, {"Email": "b@x.co"})

    assert (list(findings.found), list(findings.absent)) == ([0], [1])


@pytest.mark.parametrize(("status", "code"), [(401, "OAUTH_SCOPE_MISMATCH"), (403, "NO_PERMISSION")])
async def test_a_query_that_is_not_permitted_ends_the_run(status: int, code: str) -> None:
    desk = Desk(ScriptedCrm())
    desk.crm.answer = lambda _text: Rejected(status=status, code=code, message="")

    with pytest.raises(AccessError, match="querying Leads by COQL"):
        await desk.find({"Email": "a@x.co"})


async def test_a_record_that_does_not_say_who_created_it_keeps_rows_in_doubt() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", Created_By=None), held(2, "known")), "1002")

    findings = await desk.find({"Last_Name": "Ek"}, {"Last_Name": "By"})

    assert findings == LookupResult()


async def test_others_records_of_the_window_need_not_be_accounted_for() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", Created_By={"id": "8"}), held(2, "known")), "1002")

    findings = await desk.find({"Last_Name": "Ek"})

    assert (list(findings.found), list(findings.absent)) == ([], [0])


async def test_a_known_record_from_before_the_window_proves_nothing() -> None:
    desk = Desk(ScriptedCrm(held(1, "known", after_s=-3)), "1001")

    assert await desk.find({"Last_Name": "Ek"}) == LookupResult()


async def test_a_young_record_whose_call_is_answered_meanwhile_is_that_call_s() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", after_s=179)))
    desk.clock.then = lambda: desk.known.add("1001")

    findings = await desk.find({"Last_Name": "Ek"})

    assert (list(findings.found), list(findings.absent)) == ([], [0])
    assert sum(desk.clock.waits) == 1.0


async def test_a_young_record_is_a_row_s_once_no_call_can_have_it_any_more() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", after_s=100)))

    findings = await desk.find({"Last_Name": "Ek"})

    assert list(findings.found) == [0]
    assert 40.0 < sum(desk.clock.waits) < 45.0


async def test_an_old_record_is_not_waited_for() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", after_s=1)))

    findings = await desk.find({"Last_Name": "Ek"})

    assert (list(findings.found), desk.clock.waits) == ([0], [])


async def test_a_stop_ends_the_wait_and_leaves_young_records_to_nobody() -> None:
    desk = Desk(ScriptedCrm(held(1, "Ek", after_s=179)))

    desk.clock.stopped = True

    findings = await desk.find({"Last_Name": "Ek"})

    assert findings == LookupResult()
    assert len(desk.clock.waits) == 1


async def test_what_is_told_names_rows_by_number_and_never_by_content() -> None:
    desk = Desk(ScriptedCrm())

    await desk.find(*({"Last_Name": f"Secret Name {number}"} for number in range(12)))

    assert desk.told == [
        (
            "Rows in doubt after a request without a response: 12 (row 1-12);"
            " no record known to be accepted was found, so the query may not return new records yet."
        )
    ]
