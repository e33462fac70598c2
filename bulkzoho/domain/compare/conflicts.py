"""Detect changes that were made to a record since an update of it got no response.  Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from bulkzoho.domain.compare.record_ownership import CLOCK_MARGIN_S, parse_timestamp_s, user_id_of
from bulkzoho.domain.compare.values import comparable_form, differing_fields
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Record, Stage

__all__ = ["CONFLICT", "comparable_fields", "conflict_rejection", "is_overwritten_change"]

CONFLICT: Final = "CONFLICT"


def comparable_fields(record: Record, crm_module: CrmModule) -> list[str]:
    """Return the fields of *record* that can be compared with the CRM's."""
    fields = crm_module.by_api_name
    return [name for name in record if name != "id" and name in fields and comparable_form(fields[name]) is not None]


def is_overwritten_change(
    sent: Record, held: Mapping[str, Any], crm_module: CrmModule, *, since_s: float, user_id: str | None
) -> bool:
    """Return whether sending *sent* again would undo a change that was made since.

    It would when the record was changed after the request was sent, and differs from *sent*.  A change by another user counts
    from the second in which the request was sent.  A change by this user counts a margin later: until then it may come from an
    earlier row.

    Args:
        sent: The record of the update without a response.
        held: The CRM's record, with the fields that could be read.
        crm_module: Its fields.
        since_s: When the first request that may have succeeded was sent, by the service's clock.
        user_id: Who the token acts as; None if unknown.
    """
    modified_s, modified_by = parse_timestamp_s(held.get("Modified_Time")), user_id_of(held.get("Modified_By"))
    if modified_s is None:
        return False
    is_other_user = user_id is not None and modified_by is not None and modified_by != user_id
    is_changed = modified_s >= math.floor(since_s) if is_other_user else modified_s > since_s + CLOCK_MARGIN_S
    return is_changed and bool(differing_fields(_readable(sent, held), held, crm_module))


def conflict_rejection(sent: Record, held: Mapping[str, Any], crm_module: CrmModule) -> Rejection:
    """Return the rejection of a row that is not sent again for that reason; it names fields, no values."""
    names = differing_fields(_readable(sent, held), held, crm_module)
    return Rejection(
        code=CONFLICT,
        message="another change was made to the record after the request for this row got no response; it was not overwritten",
        stage=Stage.CHECK,
        field=names[0] if len(names) == 1 else None,
        details={"fields": names, "modified_time": held.get("Modified_Time")},
    )


def _readable(sent: Record, held: Mapping[str, Any]) -> Record:
    return {name: value for name, value in sent.items() if name != "id" and name in held}
