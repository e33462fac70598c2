"""Map columns of a bulk write file to fields (zoho-api, section 9.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.bulk.cell_parser import CellError, cell_parser
from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.key_index import key_of
from bulkzoho.sandbox.state.module_store import ModuleStore, display_name, is_reference
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["ColumnMap", "Parents", "UnresolvedError", "map_headers", "parse_field_mappings"]


_BOOLEAN_WORDS = {"true": True, "false": False}
_BOOLEAN_DIGITS = {"1": True, "0": False}


class UnresolvedError(Exception):
    """A cell names a record or user that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """One field and the source of its values."""

    api_name: str
    index: int | None  #: column of the file; None if there is only a default
    default: str  #: value for empty cells
    parse: Callable[[str], Any]  #: returns the JSON value; raises CellError or UnresolvedError
    parent_index: int | None = None  #: column of the parent file that links the rows


Parents = dict[str, str]  # link value -> parent id; filled once the parents are written


def map_headers(crm: Crm, store: ModuleStore, header: Sequence[str]) -> list[ColumnMap]:
    """Map headers that are API names; lookups are written as ``Account_Name.id`` or ``Account_Name.Account_Name``."""
    column_maps = []
    for index, title in enumerate(header):
        name, _, find_by = title.partition(".")
        if name in store.fields or name.lower() == "id":
            mapping = {"api_name": "id" if name.lower() == "id" else name, "index": index, "find_by": find_by or "id"}
            column_maps.append(_parse_mapping(crm, store, mapping, len(header)))
    return column_maps


def parse_field_mappings(
    crm: Crm, store: ModuleStore, mappings: Any, columns: int, parents: Parents | None = None
) -> list[ColumnMap]:
    """Parse ``field_mappings``; *columns* is the number of columns, *parents* resolves the parents of a child file.

    Raises:
        ApiError: a mapping is invalid.
    """
    if type(mappings) is not list or any(type(each) is not dict for each in mappings):
        raise ApiError(400, "INVALID_DATA", "invalid data", api_name="field_mappings", expected_data_type="jsonarray")
    column_maps = [_parse_mapping(crm, store, each, columns, parents) for each in mappings if each.get("api_name") != "Layout"]
    if parents is not None and all(each.parent_index is None for each in column_maps):
        message = "Required key parent_column_index is not available"
        raise ApiError(400, "MANDATORY_NOT_FOUND", message, api_name=store.crm_module.parent_field)
    return column_maps


def _parse_mapping(
    crm: Crm, store: ModuleStore, mapping: Mapping[str, Any], columns: int, parents: Parents | None = None
) -> ColumnMap:
    name = mapping.get("api_name")
    if type(name) is not str or (name not in store.fields and name.lower() != "id"):
        raise ApiError(400, "INVALID_FIELD", f"invalid mapping. invalid api_name {name}.", api_name=name)
    default, index = _default(mapping), mapping.get("index")
    if index is None and not default:
        message = f"required key index for field {name} is not found in request body."
        raise ApiError(400, "MANDATORY_NOT_FOUND", message, api_name="index")
    if index is not None and (type(index) is not int or not 0 <= index < columns):
        raise ApiError(400, "COLUMN_INDEX_NOT_FOUND", "column index is not found", api_name=name, index=index)
    parent_index = mapping.get("parent_column_index")
    if parents is not None and parent_index is not None and name == store.crm_module.parent_field:
        if type(parent_index) is not int or parent_index < 0:
            raise ApiError(400, "COLUMN_INDEX_NOT_FOUND", "column index is not found", api_name=name, index=parent_index)
        return ColumnMap(api_name=name, index=index, default="", parse=_parent_finder(parents), parent_index=parent_index)
    return ColumnMap(api_name=name, index=index, default=default, parse=_value_parser(crm, store, name, mapping))


def _parent_finder(parents: Parents) -> Callable[[str], Any]:
    def find(text: str) -> Any:
        if text not in parents:
            raise UnresolvedError(text)
        return {"id": parents[text]}

    return find


def _default(mapping: Mapping[str, Any]) -> str:
    default = mapping.get("default_value")
    if type(default) is not dict or default.get("value") is None:
        return ""
    return str(default["value"])


def _value_parser(crm: Crm, store: ModuleStore, name: str, mapping: Mapping[str, Any]) -> Callable[[str], Any]:
    if name.lower() == "id":
        return lambda text: text
    field, find_by = store.fields[name], mapping.get("find_by")
    if is_reference(field):
        if not find_by:
            raise ApiError(400, "MANDATORY_NOT_FOUND", "Required key find_by is not available", api_name=name)
        if field.data_type is DataType.LOOKUP:
            return _record_finder(crm.stores[field.target], name, str(find_by))
        return _user_finder(crm, name, str(find_by))
    try:
        digits = crm.settings.strict.digits_as_booleans is HandlingBehavior.IGNORE
        return cell_parser(field, crm.zone, mapping.get("format"), _BOOLEAN_WORDS | (_BOOLEAN_DIGITS if digits else {}))
    except ValueError:
        raise ApiError(400, "INVALID_FORMAT", "invalid format", api_name=name, format=mapping.get("format")) from None


def _user_finder(crm: Crm, name: str, find_by: str) -> Callable[[str], Any]:
    if find_by not in ("id", "email"):
        raise ApiError(400, "INVALID_FIELD", "invalid mapping. find_by is not supported.", api_name=name, find_by=find_by)

    def find(text: str) -> Any:
        found = next((each for each in crm.users if text.lower() in (str(each.id), each.email)), None)
        if found is None:
            raise UnresolvedError(text)
        return {"id": str(found.id)}

    return find


def _record_finder(target: ModuleStore, name: str, find_by: str) -> Callable[[str], Any]:
    """Build the function that finds the target of a lookup by id, key field or display name."""
    if find_by == "id":
        return _by_id
    find: Callable[[str], Sequence[int]]
    if find_by in target.keys:
        find = target.keys[find_by].find
    elif find_by == target.crm_module.display_field:
        find = _display_name_index(target)
    else:
        raise ApiError(400, "INVALID_FIELD", "invalid mapping. find_by is not supported.", api_name=name, find_by=find_by)

    def parse(text: str) -> Any:
        found = find(text)
        if not found:
            raise UnresolvedError(text)
        return {"id": str(found[0])}

    return parse


def _by_id(text: str) -> Any:
    if record_id_of(text) is None:
        raise CellError(text)
    return {"id": text}


def _display_name_index(target: ModuleStore) -> Callable[[str], Sequence[int]]:
    ids_by_name: dict[str, list[int]] = {}
    for record_id in target.ascending_ids():
        ids_by_name.setdefault(key_of(display_name(target.crm_module, target.values(record_id))), []).append(record_id)
    return lambda text: ids_by_name.get(key_of(text), ())
