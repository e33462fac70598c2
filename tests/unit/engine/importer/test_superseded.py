"""Which rows of a replay would overwrite new values with old ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, cast

from bulkzoho.domain.model.batch import AcceptedRowRef
from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.domain.model.rows import Operation, Record, RowOrigin
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.importer.superseded import SupersededCheck, SupersededParts

EMAIL = FieldMetadata(api_name="Email", label="Email", data_type="email", json_type="string", unique=True)


class Answers:
    """A caller and a CRM that answer each query with the same reply."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.queries: list[str] = []

    async def call(self, call: Callable[[], Awaitable[Reply]], _price: CallCost) -> Reply:
        return await call()

    async def query(self, coql: str) -> Reply:
        self.queries.append(coql)
        return self.reply


class Rows:
    """Accepted rows of one run, by record id."""

    def __init__(self, **rows: int) -> None:
        self._rows = {record_id.removeprefix("r"): [AcceptedRowRef("r1", "a.csv", row)] for record_id, row in rows.items()}

    def rows_of(self, ids: Collection[str]) -> Mapping[str, Sequence[AcceptedRowRef]]:
        return {record_id: rows for record_id, rows in self._rows.items() if record_id in ids}

    def is_later(self, row: AcceptedRowRef, than: RowOrigin) -> bool:
        return row.row > than.row


def rows_to_replay(*records: Record) -> TransformedBlock:
    numbers = range(1, len(records) + 1)
    origins = [RowOrigin(run="r1", source="a.csv", row=10 * number, attempts=1) for number in numbers]
    return TransformedBlock(header=(), numbers=numbers, records=records, cells=[()] * len(records), origins=origins)


def check_with(answers: Answers, rows: Rows, shown: list[str], *, operation: Operation = Operation.UPSERT) -> SupersededCheck:
    return SupersededCheck(
        SupersededParts(
            coql=CoqlReader(answers, cast(RetryingCaller, answers), crm_module="Leads"),
            operation=operation,
            key_fields=[EMAIL],
            accepted=rows,
            tell=shown.append,
        )
    )


def found(*records: dict[str, Any]) -> Reply:
    return Succeeded(payload=ApiPage(records=records))


def record(record_id: str, email: str) -> dict[str, Any]:
    return {"id": record_id, "Email": email}


async def test_a_row_is_rejected_when_a_later_row_was_accepted_for_its_record() -> None:
    answers = Answers(found(record("7", "a@x.co"), record("8", "b@x.co"), record("9", "c@x.co")))
    check = check_with(answers, Rows(r7=15, r8=15), [])

    rejections = await check.find(
        rows_to_replay({"Email": "A@x.co"}, {"Email": "b@x.co"}, {"Email": "c@x.co"}, {"Email": "d@x.co"}, {})
    )

    assert {index: (why.code, why.details["row"]) for index, why in rejections.items()} == {0: ("SUPERSEDED", 15)}


async def test_rows_with_one_key_are_all_looked_up() -> None:
    check = check_with(Answers(found(record("7", "a@x.co"))), Rows(r7=15), [])

    assert list(await check.find(rows_to_replay({"Email": "a@x.co"}, {"Email": "a@x.co"}))) == [0]
    assert list(await check.find(rows_to_replay({"Email": "a@x.co"}))) == [0]


async def test_updates_and_deletes_need_no_lookup_of_their_record() -> None:
    answers = Answers(found())
    check = check_with(answers, Rows(r7=15), [], operation=Operation.UPDATE)

    assert list(await check.find(rows_to_replay({"id": "7"}, {"id": "8"}))) == [0]
    assert answers.queries == []


async def test_rows_are_sent_with_one_warning_when_the_lookup_is_not_permitted() -> None:
    shown: list[str] = []
    check = check_with(Answers(Rejected(status=403, code="NO_PERMISSION", message="denied")), Rows(r7=15), shown)

    assert await check.find(rows_to_replay({"Email": "a@x.co"})) == {}
    assert await check.find(rows_to_replay({"Email": "a@x.co"})) == {}
    assert len(shown) == 1
    assert "a@x.co" not in shown[0]
