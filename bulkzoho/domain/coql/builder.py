"""Build COQL text: conditions, keyset pages by id, counts.  Pure.

Zoho takes WHERE clauses whose conditions are bracketed in pairs (docs "COQL" v7: ``(A and B) and C``), and always needs one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

__all__ = [
    "OWNERSHIP_FIELDS",
    "boundary_id_query",
    "changed_since",
    "count_query",
    "created_between",
    "id_above",
    "id_at_most",
    "ids_in",
    "nth_newest_id_query",
    "page_query",
    "quoted",
    "value_in",
]

OWNERSHIP_FIELDS: Final = ("id", "Created_Time", "Created_By")  #: columns that show who created a record, and when
_ANY: Final = "id is not null"


def quoted(text: str) -> str:
    """Return *text* as a COQL string (a backslash before quotes and backslashes: UNVERIFIED)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def id_above(record_id: str) -> str:
    """Return the condition of ids greater than *record_id*, or "" for no limit."""
    return f"id > {quoted(record_id)}" if record_id else ""


def id_at_most(record_id: str) -> str:
    """Return the condition of ids up to *record_id*, or "" for no limit."""
    return f"id <= {quoted(record_id)}" if record_id else ""


def ids_in(ids: Sequence[str]) -> str:
    """Return the condition of exactly these ids (at most :data:`~bulkzoho.domain.model.limits_and_costs.COQL_IN_VALUES`)."""
    return value_in("id", [quoted(record_id) for record_id in ids])


def value_in(field: str, values: Sequence[str]) -> str:
    """Return the condition that *field* has one of *values*, each written as COQL."""
    return f"{field} in ({', '.join(values)})"


def created_between(start_s: float, end_s: float) -> list[str]:
    """Return the conditions that a record was created between two moments, in seconds since the epoch, both included."""
    return [f"Created_Time >= '{_iso(start_s)}'", f"Created_Time <= '{_iso(end_s)}'"]


def changed_since(moment: str) -> str:
    """Return the condition that a record was changed at *moment* (ISO 8601) or later."""
    return f"Modified_Time >= {quoted(moment)}"


def page_query(crm_module: str, fields: Sequence[str], conditions: Sequence[str], *, limit: int) -> str:
    """Return the query of one page in the order of ids."""
    return f"select {', '.join(fields)} from {crm_module} where {_all(conditions)} order by id asc limit {limit}"  # noqa: S608  COQL, sent to the CRM


def count_query(crm_module: str, conditions: Sequence[str]) -> str:
    """Return the query that counts."""
    return f"select COUNT(id) from {crm_module} where {_all(conditions)}"  # noqa: S608  COQL, sent to the CRM


def boundary_id_query(crm_module: str, conditions: Sequence[str], *, highest: bool) -> str:
    """Return the query of the lowest id, or of the highest."""
    order = "desc" if highest else "asc"
    return f"select id from {crm_module} where {_all(conditions)} order by id {order} limit 1"  # noqa: S608  COQL, sent to the CRM


def nth_newest_id_query(crm_module: str, conditions: Sequence[str], *, number: int) -> str:
    """Return the query of the highest id below the newest *number*; offsets reach 100,000 (docs "COQL limitations" v7)."""
    return f"select id from {crm_module} where {_all(conditions)} order by id desc limit {number}, 1"  # noqa: S608  COQL, sent to the CRM


def _all(conditions: Sequence[str]) -> str:
    """Join conditions that must all hold, bracketed in pairs."""
    first, *others = [condition for condition in conditions if condition] or [_ANY]
    joined = first
    for number, condition in enumerate(others):
        joined = f"({joined}) and {condition}" if number else f"{joined} and {condition}"
    return joined


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
