"""Select the records of an export: created before its bound, changed since, matching a condition.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bulkzoho.domain.coql.builder import changed_since, count_query, quoted
from bulkzoho.domain.coql.filter_parser import Condition
from bulkzoho.domain.coql.filter_translator import to_bulk_read, to_coql
from bulkzoho.domain.model.export import CREATED, MODIFIED, ConvertedLeads, ExportPage, ExportRoute
from bulkzoho.errors import RefusedError

__all__ = ["ExportFilter", "within_bound"]

_IS_CONVERTED: Final = "Converted__s = true"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """The conditions on records of an export; times are ISO 8601 with their offset."""

    bound: str  #: created up to then
    since: str | None = None  #: changed since then
    where: Condition | None = None  #: the user's condition, bound to its fields
    converted: ConvertedLeads = ConvertedLeads.LEFT_OUT

    def coql(self) -> list[str]:
        """Return the COQL conditions, which must all hold.

        A query that does not mention converted leads does not return them (seen with v8, September 2026); one that asks for
        them returns no others.
        """
        conditions = [f"{CREATED} <= {quoted(self.bound)}"]
        if self.converted is ConvertedLeads.ALONE:
            conditions.append(_IS_CONVERTED)
        if self.since:
            conditions.append(changed_since(self.since))
        if self.where:
            conditions.append(f"({to_coql(self.where)})")
        return conditions

    def count_queries(self, crm_module: str) -> list[str]:
        """Return the COQL queries whose counts add up to the number of records."""
        if self.converted is not ConvertedLeads.TOO:
            return [count_query(crm_module, self.coql())]
        parts = (ConvertedLeads.LEFT_OUT, ConvertedLeads.ALONE)
        return [count_query(crm_module, replace(self, converted=part).coql()) for part in parts]

    def bulk_read(self) -> dict[str, Any]:
        """Return the criteria of a bulk read.

        Raises:
            RefusedError: A bulk read cannot express the condition.
        """
        group = [{"field": {"api_name": CREATED}, "comparator": "less_equal", "value": self.bound}]
        if self.since:
            group.append({"field": {"api_name": MODIFIED}, "comparator": "greater_equal", "value": self.since})
        if self.where:
            group.append(to_bulk_read(self.where))
        return group[0] if len(group) == 1 else {"group_operator": "and", "group": group}

    def unsupported_routes(self) -> dict[ExportRoute, RefusedError]:
        """Return the routes that take conditions but cannot express this one, each with the error that says why."""
        found: dict[ExportRoute, RefusedError] = {}
        for route, translate in ((ExportRoute.COQL, self.coql), (ExportRoute.BULK, self.bulk_read)):
            try:
                translate()
            except RefusedError as error:
                found[route] = error
        return found


def within_bound(page: ExportPage, bound: str) -> ExportPage:
    """Return *page* without records created after *bound*: others may create records while the export runs."""
    last = datetime.fromisoformat(bound)
    created = page.column(CREATED)
    if max(map(datetime.fromisoformat, filter(None, created)), default=last) <= last:
        return page
    return page.filter(not time or datetime.fromisoformat(time) <= last for time in created)
