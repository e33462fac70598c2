"""Check OAuth scopes (zoho-api, section 2.8)."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["scope_covers"]


def scope_covers(granted: Iterable[str], needed: str, crm_module: str, *, custom: bool = False) -> bool:
    """Return whether the granted scopes allow *needed*, such as ``modules.{}.CREATE`` or ``org.READ``.

    ``ALL`` covers every operation, ``WRITE`` covers CREATE and UPDATE; a scope without a module covers all modules.  Custom
    modules have no scope of their own: ``modules.custom`` covers them.
    """
    if not needed:
        return True
    area, _, operation = needed.rpartition(".")
    areas = {area.format("custom" if custom else crm_module), area.replace(".{}", "").split(".")[0]}
    operations = {operation, "ALL"} | ({"WRITE"} if operation in ("CREATE", "UPDATE") else set())
    wanted = {f"ZohoCRM.{each}.{word}".casefold() for each in areas for word in operations}
    return not wanted.isdisjoint(each.casefold() for each in granted)
