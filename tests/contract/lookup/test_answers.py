"""Lookups with responses that the sandbox never sends, and with calls still in flight."""

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


def record(number: int, name: str, *, after_s: int = 1, **more: Any) -> dict[str, Any]:
    """Return a record that user 7 created some seconds after the request was sent."""
    return {
        "id": str(1_000 + number),
        "Created_Time": f"2026-09-21T14:{13 + (20 + after_s) // 60:02}:{(20 + after_s) % 60:02}+00:00",
        "Created_By": {"id": "7"},
        "Last_Name": name,
        **more,
    }


class ScriptedCrm:
    """Responds to queries from a list of records, or by a script."""

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
        rest = [record for record in self.records if after is None or int(record["id"]) > int(after.group(1))]
        return Succeeded(payload=ApiPage(records=rest[: self._rows_a_page]))


class Clock:
    """Our time, which passes only during pauses."""

    def __init__(self, *, after_s: float = 180.0) -> None:
        self.now = SENT_AT + after_s
        self.waits: list[float] = []
        self.stopped = False  # a run that is being stopped does not wait
        self.then: Callable[[], None] = lambda: None

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        if not self.stopped:
            self.now += seconds
        self.then()


class Bench:
    """A lookup with a scripted CRM, 180 s after the request was sent."""

    def __init__(self, crm: ScriptedCrm, *known: str, clock: Clock | None = None) -> None:
        self.crm = crm
        self.known = set(known)
        self.shown: list[str] = []
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
                settle_wait_s=180.0,
                wall=lambda: self.clock.now,
                pause=self.clock.pause,
                tell=self.shown.append,
            )
        )
        shipment = InFlightShipment(id=1, source=0, rows=[(1, len(records))], attempt=1, sent_at=SENT_AT)
        return await lookup.find(batch_of(records), shipment)

    def _known_of(self, ids: Sequence[str]) -> set[str]:
        return self.known.intersection(ids)


async def test_a_service_with_smaller_pages_is_read_to_the_end() -> None:
    records = [record(number, f"Ek {number}") for number in range(700)]
    bench = Bench(ScriptedCrm(*records, rows_a_page=200), *(record["id"] for record in records[:-1]))

    result = await bench.find({"Last_Name": "Ek 699"}, {"Last_Name": "By"})

    assert (list(result.found), list(result.absent)) == ([0], [1])
    assert len(bench.crm.queries) == 4


async def test_pages_out_of_order_prove_no_row_absent() -> None:
    records = [record(number, "Ek") for number in range(300, 0, -1)]
    bench = Bench(ScriptedCrm(*records), *(record["id"] for record in records))

    result = await bench.find({"Last_Name": "By"})

    assert result == LookupResult()
    assert "the CRM rejects the query" in bench.shown[0]


@pytest.mark.parametrize("payload", [ApiPage(records=[cast("Any", 7)]), ApiPage(records=[{"Last_Name": "no id"}]), "text"])
async def test_an_unreadable_response_proves_nothing(payload: Any) -> None:
    bench = Bench(ScriptedCrm())
    bench.crm.answer = lambda _text: Succeeded(payload=payload)

    result = await bench.find({"Last_Name": "Ek"}, {"Email": "a@x.co"})

    assert result == LookupResult()
    assert "its answer cannot be read" in bench.shown[0]


async def test_a_field_that_queries_reject_is_not_compared() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek"), record(2, "known")), "1002")
    bench.crm.answer = lambda text: (
        Rejected(status=400, code="INVALID_QUERY", message="", details={"column_name": "Secret"}) if "Secret" in text else None
    )

    result = await bench.find({"Last_Name": "Ek", "Secret": "s"}, {"Last_Name": "By", "Secret": "t"})

    assert (list(result.found), list(result.absent)) == ([0], [1])


async def test_rows_that_differ_only_in_a_rejected_field_stay_in_doubt() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek"), record(2, "known")), "1002")
    bench.crm.answer = lambda text: (
        Rejected(status=400, code="INVALID_QUERY", message="", details={"column_name": "Secret"}) if "Secret" in text else None
    )

    result = await bench.find({"Last_Name": "Ek", "Secret": "s"}, {"Last_Name": "Ek", "Secret": "t"})

    assert result == LookupResult()


async def test_a_key_that_queries_reject_is_looked_up_in_the_window() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", Email="a@x.co")))
    bench.crm.answer = lambda text: Rejected(status=400, code="INVALID_QUERY", message="") if " in (" in text else None

    result = await bench.find({"Email": "a@x.co"}, {"Email": "b@x.co"})

    assert (list(result.found), list(result.absent)) == ([0], [1])


@pytest.mark.parametrize(("status", "code"), [(401, "OAUTH_SCOPE_MISMATCH"), (403, "NO_PERMISSION")])
async def test_a_query_that_is_not_permitted_ends_the_run(status: int, code: str) -> None:
    bench = Bench(ScriptedCrm())
    bench.crm.answer = lambda _text: Rejected(status=status, code=code, message="")

    with pytest.raises(AccessError, match="querying Leads by COQL"):
        await bench.find({"Email": "a@x.co"})


async def test_a_record_without_its_creator_keeps_rows_in_doubt() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", Created_By=None), record(2, "known")), "1002")

    result = await bench.find({"Last_Name": "Ek"}, {"Last_Name": "By"})

    assert result == LookupResult()


async def test_records_of_other_users_do_not_keep_rows_in_doubt() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", Created_By={"id": "8"}), record(2, "known")), "1002")

    result = await bench.find({"Last_Name": "Ek"})

    assert (list(result.found), list(result.absent)) == ([], [0])


async def test_a_known_record_from_before_the_window_proves_nothing() -> None:
    bench = Bench(ScriptedCrm(record(1, "known", after_s=-3)), "1001")

    assert await bench.find({"Last_Name": "Ek"}) == LookupResult()


async def test_a_new_record_belongs_to_a_call_whose_response_arrives_meanwhile() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", after_s=179)))
    bench.clock.then = lambda: bench.known.add("1001")

    result = await bench.find({"Last_Name": "Ek"})

    assert (list(result.found), list(result.absent)) == ([], [0])
    assert sum(bench.clock.waits) == 1.0


async def test_a_new_record_belongs_to_the_row_once_no_call_in_flight_can_have_it() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", after_s=100)))

    result = await bench.find({"Last_Name": "Ek"})

    assert list(result.found) == [0]
    assert 40.0 < sum(bench.clock.waits) < 45.0


async def test_an_older_record_needs_no_wait() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", after_s=1)))

    result = await bench.find({"Last_Name": "Ek"})

    assert (list(result.found), bench.clock.waits) == ([0], [])


async def test_a_stop_ends_the_wait_and_new_records_belong_to_no_row() -> None:
    bench = Bench(ScriptedCrm(record(1, "Ek", after_s=179)))

    bench.clock.stopped = True

    result = await bench.find({"Last_Name": "Ek"})

    assert result == LookupResult()
    assert len(bench.clock.waits) == 1


async def test_the_message_names_rows_by_number_and_not_by_content() -> None:
    bench = Bench(ScriptedCrm())

    await bench.find(*({"Last_Name": f"Secret Name {number}"} for number in range(12)))

    assert bench.shown == [
        (
            "Rows in doubt after a request without a response: 12 (row 1-12);"
            " no record known to be accepted was found, so the query may not return new records yet."
        )
    ]
