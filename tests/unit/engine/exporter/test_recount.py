"""The number of exported records compared with the CRM's count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.coql.filter_parser import Comparison, Operator
from bulkzoho.domain.model.export import ApiPage, ConvertedLeads
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.exporter.record_api import RecordReadCalls
from bulkzoho.engine.exporter.recount import recount

BOUND = "2026-11-24T10:00:00+00:00"
CITY = FieldMetadata(api_name="City", label="City", data_type="text", json_type="string")
WHERE = Comparison(name="City", operator=Operator.EQUAL, values=("Oslo",), field=CITY)


class Counts:
    """A CRM that only counts: *count* in all, *fresh* of the last seconds, *deleted* since the bound."""

    def __init__(self, count: int | None, *, fresh: int = 0, deleted: int = 0) -> None:
        self._count = count
        self._fresh = fresh
        self._deleted = deleted
        self.asked: list[str] = []

    async def query(self, coql: str) -> Reply:
        self.asked.append(coql)
        if self._count is None:
            return Rejected(status=400, code="INVALID_QUERY", message="")
        number = self._fresh if "Created_Time >=" in coql else self._count
        return Succeeded(payload=ApiPage(records=[{"COUNT(id)": number, "id": "1"}]))

    async def deleted(self, *, since: str | None, page: int) -> Reply:
        assert since == BOUND
        assert page == 1
        return Succeeded(payload=ApiPage(records=[{"id": str(one)} for one in range(self._deleted)]))

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> Reply:
        raise AssertionError(fields, token, since)

    async def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> Reply:
        raise AssertionError(fields, ids)


class DirectCaller:
    """Makes each call at once."""

    async def call(self, call: Callable[[], Any], price: CallCost) -> Reply:
        assert price.credits in (1, 2)
        return cast("Reply", await call())


def _reader(crm: Counts) -> RecordReadCalls:
    return RecordReadCalls(crm, cast("RetryingCaller", DirectCaller()), crm_module="Leads")


@pytest.mark.parametrize(
    ("crm", "where", "difference", "why"),
    [
        (Counts(10), False, 0, ""),
        (Counts(None), False, 0, ""),
        (Counts(7, deleted=3), False, 3, "3 deleted since the export began"),
        (Counts(12, fresh=2), False, -2, "2 created in the seconds in which the export began"),
        (Counts(15), False, -5, "no permission, converted, or not approved"),
        (Counts(4), False, 6, "the list returns and COQL does not count"),
        (Counts(13), True, -3, "changed during the export now match"),
        (Counts(9, deleted=2, fresh=1), False, 1, "2 deleted since the export began; 1 created in the seconds"),
    ],
)
async def test_a_difference_is_explained(crm: Counts, where: bool, difference: int, why: str) -> None:
    selection = ExportFilter(bound=BOUND, where=WHERE if where else None)

    counted = await recount(_reader(crm), "Leads", selection, records=10)

    assert counted.difference == difference
    assert why in counted.why if why else counted.why == ""


async def test_converted_leads_and_other_leads_are_counted_by_one_query_each() -> None:
    crm = Counts(5)

    counted = await recount(_reader(crm), "Leads", ExportFilter(bound=BOUND, converted=ConvertedLeads.TOO), records=10)

    assert (counted.count, counted.difference) == (10, 0)
    assert ["Converted__s = true" in query for query in crm.asked] == [False, True]
