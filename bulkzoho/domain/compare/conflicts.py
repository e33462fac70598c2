"""Whether somebody changed a record since an update of it was lost.  Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from bulkzoho.domain.compare.lookup_plan import MARGIN_S, parse_timestamp_s
from bulkzoho.domain.compare.values import comparable_form, differing_fields
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Record, Stage

__all__ = ["CONFLICT", "comparable_fields", "conflict_rejection", "is_overwritten_change"]

CONFLICT: Final = "CONFLICT"


def comparable_fields(record: Record, crm_module: CrmModule) -> list[str]:
    """Give the fields of *record* that can be compared with what the CRM holds."""
    fields = crm_module.by_api_name
    return [name for name in record if name != "id" and name in fields and comparable_form(fields[name]) is not None]


def is_overwritten_change(
    sent: Record, held: Mapping[str, Any], crm_module: CrmModule, *, since_s: float, user_id: str | None
) -> bool:
    """Whether sending *sent* again would undo what somebody did to the record since.

    It would when the record was changed after the call left and is not what was sent.  A change by another user counts from the
    second in which the call left.  One by this user counts from a margin later: until then it may be an earlier row's.

    Args:
        sent: The record of the lost update.
        held: What the CRM holds now, as far as it could be read.
        crm_module: Its fields.
        since_s: When the first call that may have been done left, by the service's clock.
        user_id: Who this user is; None when that is not known.
    """
    modified_s = parse_timestamp_s(held.get("Modified_Time"))
    if modified_s is None:
        return False
    by = held.get("Modified_By")
    by_id = by.get("id") if isinstance(by, dict) else by
    by_another = user_id is not None and by_id is not None and str(by_id) != user_id
    changed = modified_s >= math.floor(since_s) if by_another else modified_s > since_s + MARGIN_S
    readable = {name: value for name, value in sent.items() if name != "id" and name in held}
    return changed and bool(differing_fields(readable, held, crm_module))


def conflict_rejection(sent: Record, held: Mapping[str, Any], crm_module: CrmModule) -> Rejection:
    """Give the refusal of a row that is not sent again for that reason; it names fields, no values."""
    readable = {name: value for name, value in sent.items() if name != "id" and name in held}
    names = differing_fields(readable, held, crm_module)
    return Rejection(
        code=CONFLICT,
        message="the record was changed by somebody else after the reply to this row was lost; it was not overwritten",
        stage=Stage.CHECK,
        field=names[0] if len(names) == 1 else None,
        details={"fields": names, "modified_time": held.get("Modified_Time")},
    )
