"""Pages of records: complete, each record once, resumable; over a CRM in memory that changes between calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from bulkzoho.domain.model.export import CREATED, MODIFIED, ApiPage, ExportPage, Partition
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.domain.policy.export_route import field_groups
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.exporter.list_pager import ListPager
from bulkzoho.engine.exporter.record_api import LIST_ENDS, RecordReadCalls
from bulkzoho.errors import RunFailedError

FIELDS = [f"F{n}" for n in range(120)]
GROUPS = field_groups(FIELDS)
PER_PAGE = 3


class MemoryCrm:
    """A module whose list has page tokens; *between* is called before each call."""

    def __init__(self, count: int) -> None:
        self.store = {n: self._record(n, "t0") for n in range(1, count + 1)}
        self.between: Callable[[int], None] = lambda _: None
        self.calls = 0
        self.dead_tokens: set[str] = set()
        self.reach = 10**6  # records by tokens
        self.at_once = self.most_at_once = 0

    def _record(self, number: int, time: str) -> dict[str, Any]:
        return {"id": str(number), CREATED: "t0", MODIFIED: time, **dict.fromkeys(FIELDS, f"{time}-{number}")}

    def touch(self, number: int, time: str) -> None:
        self.store[number] = self._record(number, time)

    def _called(self) -> None:
        self.calls += 1
        self.between(self.calls)

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> Reply:
        assert since is None
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        self._called()
        if token in self.dead_tokens:
            return Rejected(status=400, code="EXPIRED_VALUE", message="page_token is expired")
        read, last = map(int, token.split("-")) if token else (0, 0)
        if read >= self.reach:
            return Rejected(status=400, code=LIST_ENDS, message="maximum response iteration limit reached")
        ids = sorted((one for one in self.store if not token or one < last), reverse=True)
        found = ids[:PER_PAGE]
        more = f"{read + len(found)}-{found[-1]}" if len(ids) > len(found) else None
        return Succeeded(payload=ApiPage(records=self._shown(found, fields), next_token=more))

    async def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> Reply:
        self._called()
        return Succeeded(payload=ApiPage(records=self._shown([int(one) for one in ids if int(one) in self.store], fields)))

    async def query(self, coql: str) -> Reply:
        raise AssertionError(coql)

    async def deleted(self, *, since: str | None, page: int) -> Reply:
        raise AssertionError(since, page)

    def _shown(self, numbers: Sequence[int], fields: Sequence[str]) -> list[dict[str, Any]]:
        return [{"id": str(one), **{name: self.store[one][name] for name in fields}} for one in numbers]


class DirectCaller:
    """Makes each call at once."""

    async def call(self, call: Callable[[], Any], price: CallCost) -> Reply:
        assert price.credits >= 1
        return cast("Reply", await call())


class AllIds:
    """The ids of a CRM in memory."""

    def __init__(self, crm: MemoryCrm) -> None:
        self._crm = crm

    async def next_ids(self, above: str, up_to: str) -> tuple[Sequence[str], bool]:
        ids = sorted(one for one in self._crm.store if int(above or 0) < one <= int(up_to or 10**6))
        return [str(one) for one in ids[: PER_PAGE - 1]], len(ids) < PER_PAGE


def _pages(crm: MemoryCrm) -> ListPager:
    return ListPager(
        RecordReadCalls(crm, cast("RetryingCaller", DirectCaller()), crm_module="Leads"),
        groups=GROUPS,
        since=None,
        older=AllIds(crm),
    )


async def _all(crm: MemoryCrm, partition: Partition | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async for page in _pages(crm).pages(partition or Partition(number=0)):
        found += _records(page)
    return found


async def test_more_than_fifty_fields_are_read_in_groups_and_joined_by_id() -> None:
    crm = MemoryCrm(8)

    found = await _all(crm)

    assert [record["id"] for record in found] == [str(n) for n in range(8, 0, -1)]
    assert found == [crm.store[int(record["id"])] for record in found]
    assert max(map(len, GROUPS)) <= 50
    assert crm.calls == 3 * len(GROUPS)


async def test_groups_of_fields_are_read_at_once() -> None:
    crm = MemoryCrm(8)

    await _all(crm)

    assert crm.most_at_once == len(GROUPS)


async def test_a_record_that_changes_between_its_groups_is_read_again_as_one_state() -> None:
    crm = MemoryCrm(8)
    crm.between = lambda call: crm.touch(7, "t1") if call == 2 else None

    found = {record["id"]: record for record in await _all(crm)}

    assert len(found) == 8
    assert found["7"] == crm.store[7]


async def test_a_record_deleted_between_its_groups_is_left_out() -> None:
    crm = MemoryCrm(8)

    def delete(call: int) -> None:
        if call == 2:
            del crm.store[7]

    crm.between = delete

    assert sorted(record["id"] for record in await _all(crm)) == ["1", "2", "3", "4", "5", "6", "8"]


async def test_deletions_and_additions_between_pages_shift_nothing() -> None:
    crm = MemoryCrm(12)

    def others(call: int) -> None:
        crm.store.pop(call + 3, None)
        crm.touch(100 + call, "t1")

    crm.between = others
    found = [int(record["id"]) for record in await _all(crm)]

    assert len(found) == len(set(found))
    assert {1, 2, 3} <= set(found) <= set(range(1, 13)) | {101}


@pytest.mark.parametrize("settled_pages", [1, 2, 3])
async def test_another_process_resumes_at_any_page(settled_pages: int) -> None:
    crm = MemoryCrm(11)
    whole = await _all(crm)
    partition, before = Partition(number=0), []
    async for page in _pages(crm).pages(partition):
        before += _records(page)
        partition = Partition(number=0, position=page.position, done=page.done)
        if len(before) >= settled_pages * PER_PAGE:
            break

    assert [*before, *await _all(crm, partition)] == whole


async def test_an_expired_token_restarts_the_listing_without_repeating_records() -> None:
    crm = MemoryCrm(11)
    whole = await _all(crm)
    partition, before = Partition(number=0), []
    async for page in _pages(crm).pages(partition):
        before += _records(page)
        partition = Partition(number=0, position=page.position, done=page.done)
        break
    crm.dead_tokens = {str(token) for token in partition.position["tokens"]}
    crm.between = lambda call: crm.dead_tokens.clear() if call > len(GROUPS) else None
    crm.calls = 0

    assert [*before, *await _all(crm, partition)] == whole


async def test_a_token_that_is_always_rejected_ends_the_run_resumable() -> None:
    crm = MemoryCrm(11)
    crm.dead_tokens = {f"{PER_PAGE}-{n}" for n in range(20)}

    with pytest.raises(RunFailedError, match="token of the next page"):
        await _all(crm)


def _records(page: ExportPage) -> list[dict[str, Any]]:
    return [dict(zip(page.names, row, strict=True)) for row in page.rows]


@pytest.mark.parametrize("settled_pages", [0, 1, 3, 5])
async def test_records_beyond_page_tokens_are_read_by_ids(settled_pages: int) -> None:
    crm = MemoryCrm(11)
    crm.reach = 2 * PER_PAGE
    partition, before = Partition(number=0), []
    async for page in _pages(crm).pages(partition):
        if settled_pages:
            before += _records(page)
            partition = Partition(number=0, position=page.position, done=page.done)
        if len(before) >= settled_pages * PER_PAGE:
            break

    found = [int(record["id"]) for record in [*before, *await _all(crm, partition)]]

    assert found == [11, 10, 9, 8, 7, 6, 1, 2, 3, 4, 5]


async def test_records_that_no_route_reaches_are_an_error() -> None:
    crm = MemoryCrm(13)
    crm.reach = 2 * PER_PAGE
    pages = ListPager(RecordReadCalls(crm, cast("RetryingCaller", DirectCaller()), crm_module="Leads"), groups=GROUPS, since=None)

    with pytest.raises(RunFailedError, match="ends after 100,000"):
        [page async for page in pages.pages(Partition(number=0))]


async def test_partitions_share_the_ids_between_them() -> None:
    crm = MemoryCrm(11)

    upper = await _all(crm, Partition(number=0, above="6"))
    lower = await _all(crm, Partition(number=1, up_to="6"))

    assert [int(record["id"]) for record in upper] == [11, 10, 9, 8, 7]
    assert [int(record["id"]) for record in lower] == [1, 2, 3, 4, 5, 6]


class NoCoql(MemoryCrm):
    """A CRM that rejects every query."""

    async def query(self, coql: str) -> Reply:
        return Rejected(status=400, code="SYNTAX_ERROR", message=coql)


async def test_where_coql_is_rejected_another_route_is_named() -> None:
    with pytest.raises(RunFailedError) as refused:
        await RecordReadCalls(NoCoql(0), cast("RetryingCaller", DirectCaller()), crm_module="Leads").query(["id"], [], rows=200)

    assert "--route list or bulk" in refused.value.hint
