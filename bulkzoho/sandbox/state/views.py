"""Custom views: each module has two, all records and the user's own (zoho-api, section 5.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.schema import ID_PREFIX

__all__ = ["View", "describe_views", "find_view", "views_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One custom view."""

    id: str
    name: str
    system_name: str
    contains: Callable[[int], bool]  #: whether the view contains a record id


def views_of(crm: Crm, store: ModuleStore) -> tuple[View, View]:
    """Return the views of a module: all records and own records."""
    first, name = ID_PREFIX + 87_000 + 100 * store.crm_module.number, store.crm_module.api_name
    administrator, me = crm.administrator.id, crm.current_user.id

    def is_own(record_id: int) -> bool:
        return bool(store.values(record_id).get("Owner", administrator) == me) and record_id not in store.converted

    return (
        View(id=str(first + 1), name=f"All {name}", system_name="ALLVIEWS", contains=lambda each: each not in store.converted),
        View(id=str(first + 2), name=f"My {name}", system_name=f"MY{name.upper()}", contains=is_own),
    )


def find_view(crm: Crm, store: ModuleStore, view_id: str) -> View | None:
    """Return the view with this id."""
    return next((each for each in views_of(crm, store) if each.id == view_id), None)


def describe_views(crm: Crm, store: ModuleStore) -> list[dict[str, Any]]:
    """Return the elements of ``custom_views``."""
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
