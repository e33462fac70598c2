"""Which letters would put old values over new ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, cast

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.export import ApiPage
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.domain.model.rows import Operation, Record, RowOrigin
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.importer.superseded import AcceptedRowRef, SupersededCheck

EMAIL = FieldMetadata(api_name="Email", label="Email", data_type="email", json_type="string", unique=True)


class Answers:
    """A courier and a CRM that answer each query alike."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.queries: list[str] = []

    async def deliver(self, call: Callable[[], Awaitable[Reply]], _price: CallCost) -> Reply:
        return await call()

    async def query(self, coql: str) -> Reply:
        self.queries.append(coql)
        return self.reply


class Rows:
    """Accepted rows of one run, by record id."""

    def __init__(self, **rows: int) -> None:
        self._rows = {record_id.removeprefix("r"): [AcceptedRowRef("r1", "a.csv", row)] for record_id, row in rows.items()}

    def rows_of(self, ids: Collection[str]) -> Mapping[str, Sequence[AcceptedRowRef]]:
        return {one: rows for one, rows in self._rows.items() if one in ids}

    def is_later(self, one: AcceptedRowRef, than: RowOrigin) -> bool:
        return one.row > than.row


def letters(*records: Record) -> TransformedBlock:
    numbers = range(1, len(records) + 1)
    origins = [RowOrigin(run="r1", source="a.csv", row=10 * number, attempts=1) for number in numbers]
    return TransformedBlock(header=(), numbers=numbers, records=records, cells=[()] * len(records), origins=origins)


def looking(answers: Answers, rows: Rows, told: list[str], *, operation: Operation = Operation.UPSERT) -> SupersededCheck:
    return SupersededCheck(
        coql=CoqlReader(answers, cast(RetryingCaller, answers), crm_module="Leads"),
        operation=operation,
        key_fields=[EMAIL],
        accepted=rows,
        tell=told.append,
    )


def found(*records: dict[str, Any]) -> Reply:
    return Succeeded(payload=ApiPage(records=records))


def held(record_id: str, email: str) -> dict[str, Any]:
    return {"id": record_id, "Email": email}


async def test_a_letter_is_held_back_when_a_later_row_was_accepted_for_the_record_of_its_key() -> None:
    answers = Answers(found(held("7", "a@x.co"), held("8", "b@x.co"), held("9", "c@x.co")))
    look = looking(answers, Rows(r7=15, r8=15), [])

    refusals = await look.find(letters({"Email": "A@x.co"}, {"Email": "b@x.co"}, {"Email": "c@x.co"}, {"Email": "d@x.co"}, {}))

    assert {index: (one.code, one.details["row"]) for index, one in refusals.items()} == {0: ("SUPERSEDED", 15)}


async def test_letters_of_one_key_are_all_asked_for() -> None:
    look = looking(Answers(found(held("7", "a@x.co"))), Rows(r7=15), [])

    assert list(await look.find(letters({"Email": "a@x.co"}, {"Email": "a@x.co"}))) == [0]
    assert list(await look.find(letters({"Email": "a@x.co"}))) == [0]


async def test_updates_and_deletes_name_their_record_themselves() -> None:
    answers = Answers(found())
    look = looking(answers, Rows(r7=15), [], operation=Operation.UPDATE)

    assert list(await look.find(letters({"id": "7"}, {"id": "8"}))) == [0]
    assert answers.queries == []


async def test_where_nobody_can_look_that_is_said_once_and_the_letters_go() -> None:
    told: list[str] = []
    look = looking(Answers(Rejected(status=403, code="NO_PERMISSION", message="denied")), Rows(r7=15), told)

    assert await look.find(letters({"Email": "a@x.co"})) == {}
    assert await look.find(letters({"Email": "a@x.co"})) == {}
    assert len(told) == 1
    assert "a@x.co" not in told[0]
