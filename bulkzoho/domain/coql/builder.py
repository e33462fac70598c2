"""COQL for exports: text from names and conditions, keyset pages by id.  Pure.

Zoho takes WHERE clauses whose conditions are bracketed in pairs (docs v7 "COQL": ``(A and B) and C``), and asks for one at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

__all__ = [
    "OWNERSHIP_FIELDS",
    "boundary_id_query",
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
    """Give *text* as a COQL string (a backslash before quotes and backslashes: UNVERIFIED)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def id_above(record_id: str) -> str:
    """Give the condition of ids after *record_id*, none for ""."""
    return f"id > {quoted(record_id)}" if record_id else ""


def id_at_most(record_id: str) -> str:
    """Give the condition of ids up to *record_id*, none for ""."""
    return f"id <= {quoted(record_id)}" if record_id else ""


def ids_in(ids: Sequence[str]) -> str:
    """Give the condition of exactly these ids (at most :data:`COQL_IN_VALUES`)."""
    return value_in("id", [quoted(one) for one in ids])


def value_in(field: str, values: Sequence[str]) -> str:
    """Return the condition that *field* has one of *values*, each written as COQL."""
    return f"{field} in ({', '.join(values)})"


def created_between(start_s: float, end_s: float) -> list[str]:
    """Return the conditions that a record was created between two moments, in seconds since the epoch, both included."""
    return [f"Created_Time >= '{_iso(start_s)}'", f"Created_Time <= '{_iso(end_s)}'"]


def page_query(crm_module: str, fields: Sequence[str], conditions: Sequence[str], *, limit: int) -> str:
    """Give the query of one page, in the order of ids."""
    return f"select {', '.join(fields)} from {crm_module} where {_all(conditions)} order by id asc limit {limit}"  # noqa: S608


def count_query(crm_module: str, conditions: Sequence[str]) -> str:
    """Give the query that counts."""
    return f"select COUNT(id) from {crm_module} where {_all(conditions)}"  # noqa: S608  no SQL: sent to the CRM


def boundary_id_query(crm_module: str, conditions: Sequence[str], *, last: bool) -> str:
    """Give the query of the lowest id, or of the highest."""
    order = "desc" if last else "asc"
    return f"select id from {crm_module} where {_all(conditions)} order by id {order} limit 1"  # noqa: S608


def nth_newest_id_query(crm_module: str, conditions: Sequence[str], *, number: int) -> str:
    """Give the query of the highest id below the newest *number*; offsets reach 100,000 (docs v7 "COQL limitations")."""
    return f"select id from {crm_module} where {_all(conditions)} order by id desc limit {number}, 1"  # noqa: S608


def _all(conditions: Sequence[str]) -> str:
    """Give conditions that must all hold, bracketed in pairs."""
    told = [one for one in conditions if one] or [_ANY]
    whole = told[0]
    for number, one in enumerate(told[1:], start=1):
        whole = f"({whole}) and {one}" if number > 1 else f"{whole} and {one}"
    return whole


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
