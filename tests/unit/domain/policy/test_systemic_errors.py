"""Bad rows versus a CRM that rejects everything."""

from __future__ import annotations

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Batch, Stage
from bulkzoho.domain.policy.systemic_errors import SuspectRow, SystemicErrorDetector


def suspect(row: int, code: str = "INVALID_DATA") -> SuspectRow:
    batch = Batch(source=0, header=("Last_Name",), numbers=[row], records=[{}], cells=[[]])
    return SuspectRow(row=batch, rejection=Rejection(code=code, message="", stage=Stage.CRM), attempts=1)


def test_a_bad_row_among_accepted_rows_is_confirmed_immediately() -> None:
    """Its rejection need not wait."""
    detector = SystemicErrorDetector()

    detector.add_suspect(suspect(7))

    assert [held.row.numbers[0] for held in detector.take_confirmed()] == [7]


def test_three_batches_rejected_for_one_reason_are_a_systemic_error() -> None:
    """Their rows stay unsent."""
    detector = SystemicErrorDetector()
    for row in (1, 2, 3):
        detector.add_suspect(suspect(row))
        detector.batch_rejected({"INVALID_DATA"})

    assert detector.systemic == "INVALID_DATA"
    assert detector.take_confirmed() == []
    assert detector.take_remaining() == []


def test_an_accepted_row_confirms_the_suspects() -> None:
    """The CRM works, so the rows held back are bad."""
    detector = SystemicErrorDetector()
    for row in (1, 2):
        detector.add_suspect(suspect(row))
        detector.batch_rejected({"INVALID_DATA"})
    detector.row_accepted()
    detector.add_suspect(suspect(3))

    assert len(detector.take_confirmed()) == 3
    assert detector.systemic is None


def test_different_reasons_are_not_systemic() -> None:
    """A systemic error has one code."""
    detector = SystemicErrorDetector()
    for row, code in enumerate(["A", "B", "A", "B"]):
        detector.add_suspect(suspect(row, code))
        detector.batch_rejected({code})

    assert detector.systemic is None
    assert len(detector.take_remaining()) == 4
