"""Keyset pages by COQL over a CRM that answers from a list."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from bulkzoho.domain.model.export import MORE, ApiPage
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.errors import AccessError


class ListCrm:
    """A CRM with records of these ids that returns at most *most* rows an answer; also the caller."""

    def __init__(self, ids: Sequence[int], *, most: int = 2_000, tells_more: bool = True) -> None:
        self._ids = ids
        self._most = most
        self._tells_more = tells_more
        self.reply: Reply | None = None
        self.costs: list[CallCost] = []

    async def query(self, coql: str) -> Reply:
        if self.reply is not None:
            return self.reply
        limit = int(coql.rsplit(" ", 1)[1])
        after = re.search(r"id > '(\d+)'", coql)
        rest = [number for number in self._ids if after is None or number > int(after[1])]
        records = [{"id": str(number)} for number in rest[: min(limit, self._most)]]
        return Succeeded(payload=ApiPage(records=records, next_token=MORE if self._tells_more and rest[len(records) :] else None))

    async def call(self, call: Callable[[], Awaitable[Reply]], price: CallCost) -> Reply:
        self.costs.append(price)
        return await call()


def _reader(crm: ListCrm) -> CoqlReader:
    return CoqlReader(crm, cast(RetryingCaller, crm), crm_module="Leads")


async def _ids(crm: ListCrm, **options: Any) -> list[int]:
    pages = [page async for page in _reader(crm).pages(["id"], [], **options)]
    assert [page.next_token for page in pages] == [MORE] * (len(pages) - 1) + [None]
    return [int(record["id"]) for page in pages for record in page.records]


async def test_pages_follow_one_another_while_the_crm_says_that_there_are_more() -> None:
    crm = ListCrm(range(1, 451))

    assert await _ids(crm, rows=200) == [*range(1, 451)]
    assert crm.costs == [CallCost(credits=1, heavy=True)] * 3


async def test_a_last_page_that_is_full_is_the_last_when_the_crm_says_so() -> None:
    crm = ListCrm(range(1, 401))

    assert len(await _ids(crm, rows=200)) == 400
    assert len(crm.costs) == 2


async def test_a_full_page_is_followed_by_another_query_where_the_crm_is_not_trusted() -> None:
    crm = ListCrm(range(1, 701), most=200, tells_more=False)

    assert len(await _ids(crm, rows=2_000, full_page=200)) == 700
    assert crm.costs == [CallCost(credits=3, heavy=True)] * 4


async def test_ids_out_of_order_are_an_error() -> None:
    with pytest.raises(QueryRejectedError):
        await _ids(ListCrm([3, 2, 1]), rows=200)


@pytest.mark.parametrize("records", [[7], [{"Last_Name": "no id"}], [{"id": "x"}]])
async def test_an_answer_without_ids_is_an_error(records: list[Any]) -> None:
    crm = ListCrm([])
    crm.reply = Succeeded(payload=ApiPage(records=records))

    with pytest.raises(QueryRejectedError, match="its answer cannot be read"):
        await _ids(crm, rows=200)


async def test_a_rejected_column_is_named() -> None:
    crm = ListCrm([])
    crm.reply = Rejected(status=400, code="INVALID_QUERY", message="column", details={"column_name": "Secret"})

    with pytest.raises(QueryRejectedError) as rejected:
        await _reader(crm).page(["id", "Secret"], [], rows=1)

    assert (rejected.value.column, rejected.value.code, rejected.value.reason) == (
        "Secret",
        "INVALID_QUERY",
        "INVALID_QUERY: column",
    )


async def test_a_query_that_is_not_permitted_is_an_access_error() -> None:
    crm = ListCrm([])
    crm.reply = Rejected(status=403, code="NO_PERMISSION", message="")

    with pytest.raises(AccessError, match="querying Leads by COQL"):
        await _reader(crm).page(["id"], [], rows=1)


async def test_counts_of_several_queries_are_added() -> None:
    crm = ListCrm([])
    crm.reply = Succeeded(payload=ApiPage(records=[{"COUNT(id)": 5, "id": "1"}]))

    assert await _reader(crm).count(["a", "b"]) == 10
