"""Metadata of the CRM: organization, user, modules and fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

__all__ = ["REFERENCE_TYPES", "CrmModule", "FieldMetadata", "ModuleInfo", "Organization", "User"]

#: data types whose value is the id of another record or of a user
REFERENCE_TYPES: Final = frozenset({"lookup", "ownerlookup", "userlookup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMetadata:
    """One field of a module, from ``/settings/fields`` (zoho-api: field metadata, v8)."""

    api_name: str
    label: str
    data_type: str  #: Zoho's word: text, textarea, email, phone, picklist, integer, currency, lookup, ownerlookup, ...
    json_type: str  #: string, integer, long, double, boolean, jsonobject, jsonarray
    length: int | None = None  #: characters or digits
    decimal_place: int | None = None
    mandatory: bool = False  #: ``system_mandatory``: the API requires it
    unique: bool = False
    api_create: bool = True  #: ``operation_type``: writable on insert
    api_update: bool = True  #: ``operation_type``: writable on update
    read_only: bool = False  #: ``field_read_only``
    pick_list: tuple[str, ...] = ()  #: values that the API accepts
    lookup_module: str | None = None  #: API name of the module that a lookup refers to
    custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """Entry of the list of modules."""

    api_name: str
    singular_label: str
    plural_label: str
    api_supported: bool = True
    creatable: bool = True
    editable: bool = True
    deletable: bool = True


@dataclass(frozen=True, kw_only=True)
class CrmModule:
    """Module with its fields."""

    name: ModuleInfo
    fields: tuple[FieldMetadata, ...] = field(default=())

    @property
    def api_name(self) -> str:
        """Name in URLs."""
        return self.name.api_name

    @cached_property
    def by_api_name(self) -> dict[str, FieldMetadata]:
        """Fields by API name."""
        return {crm_field.api_name: crm_field for crm_field in self.fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """CRM organization of a token (``/org``); values are None if the scope does not allow to read them."""

    id: str
    name: str
    type: str | None = None  #: production, sandbox, developer, bigin
    edition: str | None = None  #: ``license_details.paid_type``; "free" if not paid
    licences: int | None = None  #: ``users_license_purchased``
    time_zone: str | None = None  #: IANA name


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """User of a token."""

    id: str
    name: str
