"""What the CRM says of itself: organization, user, modules and fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

__all__ = ["REFERENCE_TYPES", "CrmModule", "FieldMetadata", "ModuleInfo", "Organization", "User"]

#: data types whose value is the id of another record or of a user
REFERENCE_TYPES: Final = frozenset({"lookup", "ownerlookup", "userlookup"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMetadata:
    """One field of a module, as ``/settings/fields`` describes it (zoho-api: field metadata, v8)."""

    api_name: str
    label: str
    data_type: str  #: Zoho's word: text, textarea, email, phone, picklist, integer, currency, lookup, ownerlookup, ...
    json_type: str  #: string, integer, long, double, boolean, jsonobject, jsonarray
    length: int | None = None  #: characters or digits
    decimal_place: int | None = None
    mandatory: bool = False  #: ``system_mandatory``: the API requires it
    unique: bool = False
    api_create: bool = True  #: ``operation_type``: may be written on insert
    api_update: bool = True  #: ``operation_type``: may be written on update
    read_only: bool = False  #: ``field_read_only``
    pick_list: tuple[str, ...] = ()  #: values that the API takes
    lookup_module: str | None = None  #: API name of the module a lookup points to
    custom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """One module in the list of modules."""

    api_name: str
    singular_label: str
    plural_label: str
    api_supported: bool = True
    creatable: bool = True
    editable: bool = True
    deletable: bool = True


@dataclass(frozen=True, kw_only=True)
class CrmModule:
    """A module with its fields."""

    name: ModuleInfo
    fields: tuple[FieldMetadata, ...] = field(default=())

    @property
    def api_name(self) -> str:
        """The name in URLs."""
        return self.name.api_name

    @cached_property
    def by_api_name(self) -> dict[str, FieldMetadata]:
        """Fields by API name."""
        return {one.api_name: one for one in self.fields}


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The CRM organization that a token belongs to (``/org``); fields are None where the scope did not allow to read them."""

    id: str
    name: str
    type: str | None = None  #: production, sandbox, developer, bigin
    edition: str | None = None  #: ``license_details.paid_type``; "free" when not paid
    licences: int | None = None  #: ``users_license_purchased``
    time_zone: str | None = None  #: IANA name


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """The user a token acts as."""

    id: str
    name: str
