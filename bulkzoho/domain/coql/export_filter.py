"""Which records an export takes: made up to its bound, changed since, fitting a condition.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from bulkzoho.domain.coql.builder import count_query, quoted
from bulkzoho.domain.coql.filter_parser import Condition
from bulkzoho.domain.coql.filter_translator import to_bulk_read, to_coql
from bulkzoho.domain.model.export import ConvertedLeads, ExportPage, ExportRoute
from bulkzoho.domain.policy.export_route import CREATED, MODIFIED
from bulkzoho.errors import RefusedError

__all__ = ["ExportFilter", "within_bound"]

_IS_CONVERTED: Final = "Converted__s = true"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFilter:
    """What a record must be to be exported; times are ISO 8601 with their offset."""

    bound: str  #: made up to then
    since: str | None = None  #: changed since then
    where: Condition | None = None  #: the user's, bound to its fields
    converted: ConvertedLeads = ConvertedLeads.LEFT_OUT

    def coql(self) -> list[str]:
        """Give the conditions, all of which must hold.

        A query that says nothing of converted leads does not give them (seen with v8, September 2026); one that asks for them
        gives no others.
        """
        conditions = [f"{CREATED} <= {quoted(self.bound)}"]
        if self.converted is ConvertedLeads.ALONE:
            conditions.append(_IS_CONVERTED)
        if self.since:
            conditions.append(f"{MODIFIED} >= {quoted(self.since)}")
        if self.where:
            conditions.append(f"({to_coql(self.where)})")
        return conditions

    def countings(self, crm_module: str) -> list[str]:
        """Give the COQL queries whose counts together are the number of records."""
        if self.converted is not ConvertedLeads.TOO:
            return [count_query(crm_module, self.coql())]
        parts = (ConvertedLeads.LEFT_OUT, ConvertedLeads.ALONE)
        return [count_query(crm_module, replace(self, converted=part).coql()) for part in parts]

    def bulk_read(self) -> dict[str, Any]:
        """Give the criteria of a bulk read.

        Raises:
            RefusedError: It cannot say them.
        """
        group = [{"field": {"api_name": CREATED}, "comparator": "less_equal", "value": self.bound}]
        if self.since:
            group.append({"field": {"api_name": MODIFIED}, "comparator": "greater_equal", "value": self.since})
        if self.where:
            group.append(to_bulk_read(self.where))
        return group[0] if len(group) == 1 else {"group_operator": "and", "group": group}

    def unsaid(self) -> dict[ExportRoute, RefusedError]:
        """Give the routes that send conditions and cannot say this one, each with the error that tells why."""
        found: dict[ExportRoute, RefusedError] = {}
        for route, say in ((ExportRoute.COQL, self.coql), (ExportRoute.BULK, self.bulk_read)):
            try:
                say()
            except RefusedError as error:
                found[route] = error
        return found


def within_bound(page: ExportPage, bound: str) -> ExportPage:
    """Give *page* without what was made after *bound*: while the export runs, others make records."""
    last = datetime.fromisoformat(bound)
    made = page.column(CREATED)
    if max(map(datetime.fromisoformat, filter(None, made)), default=last) <= last:
        return page
    return page.picked(not one or datetime.fromisoformat(one) <= last for one in made)
