"""Custom views: each module has two, all records and those of the user (zoho-api, section 5.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.schema import ID_PREFIX

__all__ = ["View", "describe_views", "view_of", "views_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One view."""

    id: str
    name: str
    system_name: str
    shows: Callable[[int], bool]  #: whether the record of that id is in it


def views_of(crm: Crm, store: ModuleStore) -> tuple[View, View]:
    """Give the views of a module: all, and mine."""
    first, name = ID_PREFIX + 87_000 + 100 * store.crm_module.number, store.crm_module.api_name
    founder, me = crm.founder.id, crm.me.id

    def mine(record_id: int) -> bool:
        return bool(store.values(record_id).get("Owner", founder) == me) and record_id not in store.converted

    return (
        View(id=str(first + 1), name=f"All {name}", system_name="ALLVIEWS", shows=lambda each: each not in store.converted),
        View(id=str(first + 2), name=f"My {name}", system_name=f"MY{name.upper()}", shows=mine),
    )


def view_of(crm: Crm, store: ModuleStore, view_id: str) -> View | None:
    """Give the view of that id."""
    return next((each for each in views_of(crm, store) if each.id == view_id), None)


def describe_views(crm: Crm, store: ModuleStore) -> list[dict[str, Any]]:
    """Give the elements of ``custom_views``."""
    return [
        {
            "id": each.id,
            "name": each.name,
            "display_value": each.name,
            "system_name": each.system_name,
            "system_defined": True,
            "default": number == 0,
            "category": "public_views",
            "favorite": None,
            "criteria": None,
            "offline": True,
        }
        for number, each in enumerate(views_of(crm, store))
    ]
