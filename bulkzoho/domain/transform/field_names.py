"""Find the field that a column's name means, and the nearest one when none fits.  Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Final

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata

__all__ = ["ID", "FieldResolver", "normalize_name"]

ID: Final = FieldMetadata(api_name="id", label="Record Id", data_type="id", json_type="string", unique=True)
"""The record's own id.  The metadata list it in some versions and not in others; it is never written, it names the record."""

_BETWEEN_WORDS: Final = re.compile(r"[\s_]+")


def normalize_name(name: str) -> str:
    """Give *name* without case, spaces and underscores: ``First name``, ``first_name`` and ``FirstName`` are one."""
    return _BETWEEN_WORDS.sub("", name.casefold())


class FieldResolver:
    """The names of a module's fields, closest reading first: API name, label, then both without case and spaces."""

    def __init__(self, crm_module: CrmModule) -> None:
        fields = (ID, *(one for one in crm_module.fields if one.api_name != ID.api_name))
        self._by_api_name = {one.api_name: one for one in fields}
        readings: tuple[Callable[[FieldMetadata], str], ...] = (
            lambda one: one.api_name,
            lambda one: one.label,
            lambda one: normalize_name(one.api_name),
            lambda one: normalize_name(one.label),
        )
        self._tiers: list[dict[str, list[FieldMetadata]]] = [{} for _ in readings]
        for tier, reading in zip(self._tiers, readings, strict=True):
            for one in fields:
                tier.setdefault(reading(one), []).append(one)

    def exactly(self, api_name: str) -> FieldMetadata | None:
        """Give the field of this API name."""
        return self._by_api_name.get(api_name)

    def find(self, name: str) -> list[FieldMetadata]:
        """Give the field that *name* means: none, one, or several between which the user must choose."""
        stripped, plain = name.strip(), normalize_name(name)
        for tier, wanted in zip(self._tiers, (stripped, stripped, plain, plain), strict=True):
            if wanted and wanted in tier:
                return tier[wanted]
        return []

    def nearest(self, name: str) -> str | None:
        """Give the API name that *name* most looks like, None when nothing does."""
        known = {plain: found[0].api_name for tier in self._tiers[:1:-1] for plain, found in tier.items()}
        near = difflib.get_close_matches(normalize_name(name), known, n=1, cutoff=0.6)
        return known[near[0]] if near else None
