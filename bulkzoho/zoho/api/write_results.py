"""The results of one write call, record by record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Action, Operation, Stage
from bulkzoho.zoho.api.error_details import strip_personal_data
from bulkzoho.zoho.api.write_results_fast import FIXED_ACTIONS, collapse_actions, upsert_action

__all__ = ["UnreadableResultError", "results_from"]

_PLACE: Final = re.compile(r"\$\.data\[([0-9]+)\](?:\.([A-Za-z_$][A-Za-z0-9_$]*))?")


class UnreadableResultError(Exception):
    """The results make no sense; what they would have said is not known."""


def results_from(data: list[Any], operation: Operation, sent_ids: list[str] | None) -> WriteResults:
    """Read *data*, one result a record in input order.

    Raises:
        Unreadable: A result is no result, an accepted one has no id, or the order is not that of the records.
    """
    ids: list[str] = []
    actions: list[Action] = []
    refused: dict[int, Rejection] = {}
    fixed = FIXED_ACTIONS.get(operation)
    for index, one in enumerate(data):
        if _is_accepted(one, index):
            ids.append(_id_of(one) or (sent_ids[index] if sent_ids else ""))
            if not ids[-1]:
                raise UnreadableResultError(f"accepted without an id, at {index}")
        else:
            ids.append("")
            refused[index] = _refusal(one, index)
        actions.append(fixed or upsert_action(one.get("action"), one.get("message")))
    return WriteResults(ids=ids, actions=collapse_actions(actions), refused=refused, created=() if fixed else _created(data))


def _created(data: list[Any]) -> list[str | None]:
    """Give when each record was created (docs "Upsert Records" v7: in the details of what was accepted)."""
    return [details.get("Created_Time") if isinstance(details := one.get("details"), dict) else None for one in data]


def _is_accepted(one: Any, index: int) -> bool:
    """Tell accepted from refused; code and status must agree where both are there."""
    if not isinstance(one, dict) or not isinstance(one.get("code"), str):
        raise UnreadableResultError(f"no result at {index}")
    accepted: bool = one["code"] == "SUCCESS"
    if one.get("status", "success" if accepted else "error") != ("success" if accepted else "error"):
        raise UnreadableResultError(f"code and status disagree at {index}")
    return accepted


def _id_of(one: Mapping[str, Any]) -> str:
    details = one.get("details")
    found = details.get("id") if isinstance(details, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""


def _refusal(one: Mapping[str, Any], index: int) -> Rejection:
    given = one.get("details")
    details = strip_personal_data(given) if isinstance(given, dict) else {}
    place = _PLACE.match(str(details.get("json_path", "")))
    if place is not None and int(place[1]) != index:  # a refusal that belongs to another record: none can be trusted
        raise UnreadableResultError(f"the result at {index} speaks of record {place[1]}")
    return Rejection(
        code=one["code"],
        message=str(one.get("message") or ""),
        stage=Stage.CRM,
        field=_field(details) or (place[2] if place else None),
        details=details,
    )


def _field(details: Mapping[str, Any]) -> str | None:
    """Give the field to blame, looking into the first of several errors too."""
    name = details.get("api_name")
    if isinstance(name, str):
        return name
    for key in ("errors", "expected_fields"):
        several = details.get(key)
        if isinstance(several, list) and several and isinstance(several[0], dict):
            inner = several[0].get("details", several[0])
            return _field(inner) if isinstance(inner, dict) else None
    return None
