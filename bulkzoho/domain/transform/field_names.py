"""Resolve column names to fields, and find the nearest field for a name without one.  Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Final

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata

__all__ = ["ID", "FieldResolver", "normalize_name"]

ID: Final = FieldMetadata(api_name="id", label="Record Id", data_type="id", json_type="string", unique=True)
"""The record's own id.  Only some versions of the metadata list it.  It is never written: it identifies the record."""

_BETWEEN_WORDS: Final = re.compile(r"[\s_]+")


def normalize_name(name: str) -> str:
    """Return *name* without case, spaces and underscores: ``First name``, ``first_name`` and ``FirstName`` are equal."""
    return _BETWEEN_WORDS.sub("", name.casefold())


class FieldResolver:
    """The fields of a module by name, the strictest comparison first: API name, label, then both normalized."""

    def __init__(self, crm_module: CrmModule) -> None:
        fields = (ID, *(field for field in crm_module.fields if field.api_name != ID.api_name))
        self._by_api_name = {field.api_name: field for field in fields}
        names: tuple[Callable[[FieldMetadata], str], ...] = (
            lambda field: field.api_name,
            lambda field: field.label,
            lambda field: normalize_name(field.api_name),
            lambda field: normalize_name(field.label),
        )
        self._tiers: list[dict[str, list[FieldMetadata]]] = [{} for _ in names]
        for tier, name_of in zip(self._tiers, names, strict=True):
            for field in fields:
                tier.setdefault(name_of(field), []).append(field)

    def exactly(self, api_name: str) -> FieldMetadata | None:
        """Return the field with this API name."""
        return self._by_api_name.get(api_name)

    def find(self, name: str) -> list[FieldMetadata]:
        """Return the field with this name: none, one, or several for the user to choose from."""
        stripped, normalized = name.strip(), normalize_name(name)
        for tier, key in zip(self._tiers, (stripped, stripped, normalized, normalized), strict=True):
            if key and key in tier:
                return tier[key]
        return []

    def nearest(self, name: str) -> str | None:
        """Return the API name most similar to *name*, None if none is similar."""
        known = {key: fields[0].api_name for tier in self._tiers[:1:-1] for key, fields in tier.items()}
        near = difflib.get_close_matches(normalize_name(name), known, n=1, cutoff=0.6)
        return known[near[0]] if near else None
