"""Decode the results of a write call, record by record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Action, Operation, Stage
from bulkzoho.zoho.api.error_details import strip_personal_data
from bulkzoho.zoho.api.write_results_fast import FIXED_ACTIONS, collapse_actions, upsert_action

__all__ = ["UnreadableResultError", "results_from"]

_JSON_PATH: Final = re.compile(r"\$\.data\[([0-9]+)\](?:\.([A-Za-z_$][A-Za-z0-9_$]*))?")


class UnreadableResultError(Exception):
    """A result is malformed, so the outcome of the call is unknown."""


def results_from(data: list[Any], operation: Operation, sent_ids: list[str] | None) -> WriteResults:
    """Decode *data*, one result per record in input order.

    Raises:
        UnreadableResultError: A result is malformed, a successful one has no id, or the order differs from that of the records.
    """
    ids: list[str] = []
    actions: list[Action] = []
    rejected: dict[int, Rejection] = {}
    fixed = FIXED_ACTIONS.get(operation)
    for index, result in enumerate(data):
        if _is_accepted(result, index):
            ids.append(_id_of(result) or (sent_ids[index] if sent_ids else ""))
            if not ids[-1]:
                raise UnreadableResultError(f"result {index} has no id")
        else:
            ids.append("")
            rejected[index] = _rejection(result, index)
        actions.append(fixed or upsert_action(result.get("action"), result.get("message")))
    return WriteResults(ids=ids, actions=collapse_actions(actions), rejected=rejected, created=() if fixed else _created(data))


def _created(data: list[Any]) -> list[str | None]:
    """Return when each record was created (docs "Upsert Records" v7: in the details of a success)."""
    return [details.get("Created_Time") if isinstance(details := result.get("details"), dict) else None for result in data]


def _is_accepted(result: Any, index: int) -> bool:
    """Return whether the record was accepted; code and status must agree if both exist."""
    if not isinstance(result, dict) or not isinstance(result.get("code"), str):
        raise UnreadableResultError(f"result {index} has no code")
    accepted: bool = result["code"] == "SUCCESS"
    if result.get("status", "success" if accepted else "error") != ("success" if accepted else "error"):
        raise UnreadableResultError(f"code and status of result {index} disagree")
    return accepted


def _id_of(result: Mapping[str, Any]) -> str:
    details = result.get("details")
    record_id = details.get("id") if isinstance(details, dict) else None
    return str(record_id) if isinstance(record_id, str | int) and not isinstance(record_id, bool) else ""


def _rejection(result: Mapping[str, Any], index: int) -> Rejection:
    raw = result.get("details")
    details = strip_personal_data(raw) if isinstance(raw, dict) else {}
    path = _JSON_PATH.match(str(details.get("json_path", "")))
    if path is not None and int(path[1]) != index:  # an error of another record: no result can be trusted
        raise UnreadableResultError(f"result {index} refers to record {path[1]}")
    return Rejection(
        code=result["code"],
        message=str(result.get("message") or ""),
        stage=Stage.CRM,
        field=_field(details) or (path[2] if path else None),
        details=details,
    )


def _field(details: Mapping[str, Any]) -> str | None:
    """Return the field of the error, or of the first of several errors."""
    name = details.get("api_name")
    if isinstance(name, str):
        return name
    for key in ("errors", "expected_fields"):
        errors = details.get(key)
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            inner = errors[0].get("details", errors[0])
            return _field(inner) if isinstance(inner, dict) else None
    return None
