"""Rows to blame against a CRM that refuses everything."""

from __future__ import annotations

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Batch, Stage
from bulkzoho.domain.policy.systemic_errors import SuspectRow, SystemicErrorDetector


def accused(row: int, code: str = "INVALID_DATA") -> SuspectRow:
    batch = Batch(source=0, header=("Last_Name",), numbers=[row], records=[{}], cells=[[]])
    return SuspectRow(row=batch, refusal=Rejection(code=code, message="", stage=Stage.CRM), attempts=1)


def test_a_row_among_accepted_ones_is_to_blame_at_once() -> None:
    """Its letter need not wait."""
    suspicion = SystemicErrorDetector()

    suspicion.accuse(accused(7))

    assert [one.row.numbers[0] for one in suspicion.take_guilty()] == [7]


def test_three_batches_refused_for_one_reason_are_not_the_rows_fault() -> None:
    """Their rows stay unsent."""
    suspicion = SystemicErrorDetector()
    for row in (1, 2, 3):
        suspicion.accuse(accused(row))
        suspicion.batch_refused({"INVALID_DATA"})

    assert suspicion.systemic == "INVALID_DATA"
    assert suspicion.take_guilty() == []
    assert suspicion.take_all() == []


def test_an_accepted_row_between_clears_the_crm() -> None:
    """Whoever was held back is to blame then."""
    suspicion = SystemicErrorDetector()
    for row in (1, 2):
        suspicion.accuse(accused(row))
        suspicion.batch_refused({"INVALID_DATA"})
    suspicion.row_accepted()
    suspicion.accuse(accused(3))

    assert len(suspicion.take_guilty()) == 3
    assert suspicion.systemic is None


def test_different_reasons_are_no_system() -> None:
    """One code is what makes it one."""
    suspicion = SystemicErrorDetector()
    for row, code in enumerate(["A", "B", "A", "B"]):
        suspicion.accuse(accused(row, code))
        suspicion.batch_refused({code})

    assert suspicion.systemic is None
    assert len(suspicion.take_all()) == 4
