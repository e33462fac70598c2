"""A verifier that cannot go on raises the error itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest

from bulkzoho.domain.compare.differences import ChangedAfterRun, ExpectedRecord
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.lost_replies.record_fetcher import RecordFetcher
from bulkzoho.engine.verifier.expected_records import AcceptedRows, ExpectedRecords, RunInputs
from bulkzoho.engine.verifier.verifier import CrmRecords, Verifier, VerifierParts
from bulkzoho.errors import RunFailedError

LEADS = CrmModule(name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"))


class FullDisk:
    """Expected records whose first duplicate cannot be saved."""

    async def read(self) -> AsyncIterator[ExpectedRecord]:
        for record in [_cannot_save()]:
            yield record


def _cannot_save() -> ExpectedRecord:
    raise RunFailedError("differences.jsonl: no space left on device.")


async def test_an_error_while_duplicates_are_saved_is_raised_as_it_is() -> None:
    crm = CrmRecords(
        crm_module=LEADS,
        fetcher=cast(RecordFetcher, None),
        unexpected=None,
        changed_after=ChangedAfterRun(ended_s=0.0, user_id=None),
    )
    verifier = Verifier(
        VerifierParts(
            inputs=cast(RunInputs, None),
            accepted=cast(AcceptedRows, None),
            crm=crm,
            sample=None,
            workers=2,
            save=lambda _: None,
            tell=lambda _: None,
            stop=StopSignal(),
        )
    )
    verifier.expected = cast(ExpectedRecords, FullDisk())

    with pytest.raises(RunFailedError, match="no space left"):
        await verifier.run()
