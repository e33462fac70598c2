"""Tell what an upsert did whose first reply was lost: its second sending finds the record that the first one made.

A record created since the first call left, that no row here is known to have made, was made by that call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from bulkzoho.domain.compare.lookup_plan import parse_timestamp_s
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Batch

__all__ = ["UpsertResendInterpreter"]


class UpsertResendInterpreter:
    """A :class:`bulkzoho.engine.importer.sender.ResendInterpreter` for upserts.

    Args:
        known_ids: Gives those of some record ids that rows of runs here are known to have.
    """

    def __init__(self, *, known_ids: Callable[[Sequence[str]], set[str]]) -> None:
        self._known_ids = known_ids

    async def read(self, batch: Batch, shipment: InFlightShipment, results: WriteResults) -> WriteResults:
        """See :class:`bulkzoho.engine.importer.sender.ResendInterpreter`."""
        since_s = math.floor(shipment.first_s)  # Created_Time has whole seconds
        updated = [at for at in range(len(batch)) if at not in results.refused and results.action(at) is Action.UPDATE]
        fresh = [at for at in updated if (parse_timestamp_s(results.created[at] if results.created else None) or 0.0) >= since_s]
        if not fresh:
            return results
        known = self._known_ids([results.ids[at] for at in fresh])
        made = {at for at in fresh if results.ids[at] not in known}
        actions = [Action.INSERT if at in made else results.action(at) for at in range(len(batch))]
        return replace(results, actions=actions)
