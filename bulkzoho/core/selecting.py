"""Which records an export takes: made up to its bound, changed since, fitting a condition.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bulkzoho.core.coql import quoted
from bulkzoho.core.exporting import CREATED, MODIFIED
from bulkzoho.model.export import Page

__all__ = ["Selection", "within_bound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a record must be to be exported; times are ISO 8601 with their offset."""

    bound: str  #: made up to then
    since: str | None = None  #: changed since then
    where: str | None = None  #: the user's condition, in COQL

    def coql(self) -> list[str]:
        """Give the conditions, all of which must hold."""
        conditions = [f"{CREATED} <= {quoted(self.bound)}"]
        if self.since:
            conditions.append(f"{MODIFIED} >= {quoted(self.since)}")
        if self.where:
            conditions.append(f"({self.where})")
        return conditions


def within_bound(page: Page, bound: str) -> Page:
    """Give *page* without what was made after *bound*: while the export runs, others make records."""
    last = datetime.fromisoformat(bound)
    kept = [one for one in page.records if (made := one.get(CREATED)) is None or datetime.fromisoformat(made) <= last]
    return page if len(kept) == len(page.records) else replace(page, records=kept)
