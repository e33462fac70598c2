"""The combined effect of a call that was sent twice, inferred from the second response."""

from __future__ import annotations

from collections.abc import Sequence

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Action, Batch, Stage
from bulkzoho.engine.lost_replies.resent_calls import UpsertResendInterpreter

AGAIN = InFlightShipment(id=1, source=0, rows=[(1, 4)], attempt=2, sent_at=1_000.0, skew_s=0.0, since_s=800.6)
BATCH = Batch(source=0, header=(), numbers=[1, 2, 3, 4], records=[{}] * 4, cells=[()] * 4)
REJECTION = Rejection(code="INVALID_DATA", message="", stage=Stage.CRM)


def at(seconds: int) -> str:
    return f"1970-01-01T01:{seconds // 60:02}:{seconds % 60:02}+01:00"


def upserts(*known: str) -> UpsertResendInterpreter:
    def known_ids(ids: Sequence[str]) -> set[str]:
        return set(known).intersection(ids)

    return UpsertResendInterpreter(known_ids=known_ids)


async def test_a_record_created_since_the_first_call_counts_as_inserted_and_an_older_one_as_updated() -> None:
    results = WriteResults(
        ids=["a", "b", "", "d"],
        actions=[Action.UPDATE, Action.UPDATE, Action.UPDATE, Action.INSERT],
        rejected={2: REJECTION},
        created=[at(800), at(799), None, at(1_000)],
    )

    read = await upserts().read(BATCH, AGAIN, results)

    assert [read.action(index) for index in (0, 1, 3)] == [Action.INSERT, Action.UPDATE, Action.INSERT]
    assert (read.ids, read.rejected) == (results.ids, results.rejected)


async def test_a_record_created_by_an_earlier_row_was_updated() -> None:
    results = WriteResults(ids=["a", "b", "c", "d"], actions=Action.UPDATE, created=[at(801)] * 4)

    read = await upserts("b").read(BATCH, AGAIN, results)

    assert [read.action(index) for index in range(4)] == [Action.INSERT, Action.UPDATE, Action.INSERT, Action.INSERT]


async def test_without_creation_times_the_actions_of_the_response_count() -> None:
    results = WriteResults(
        ids=["a", "b", "c", "d"], actions=Action.UPDATE, created=[None, "", "yesterday", "1970-01-01T00:20:00"]
    )

    assert await upserts().read(BATCH, AGAIN, results) == results
