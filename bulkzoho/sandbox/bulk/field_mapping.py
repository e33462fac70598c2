"""Which column of a bulk write's file goes into which field, and how (zoho-api, section 9.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.bulk.cell_parser import CellError, cell_reader
from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.key_index import key_of
from bulkzoho.sandbox.state.module_store import ModuleStore, display_name, is_reference
from bulkzoho.sandbox.state.schema import DataType
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["ColumnMap", "Parents", "UnresolvedError", "automatic", "told"]


_WORDS = {"true": True, "false": False}
_DIGITS = {"1": True, "0": False}


class UnresolvedError(Exception):
    """A cell names a record or user that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """One field, and where its values come from."""

    api_name: str
    index: int | None  #: column of the file; None where there is only a default
    default: str  #: for empty cells
    read: Callable[[str], Any]  #: gives the JSON value; raises CellError or UnresolvedError
    parent_index: int | None = None  #: column of the parent's file that holds the same


Parents = dict[str, str]  # what links a row to its parent, to the parent's id; filled once the parents are written


def automatic(crm: Crm, store: ModuleStore, header: Sequence[str]) -> list[ColumnMap]:
    """Map headers that are API names; lookups as ``Account_Name.id`` or ``Account_Name.Account_Name``."""
    made = []
    for index, title in enumerate(header):
        name, _, find_by = title.partition(".")
        if name in store.fields or name.lower() == "id":
            known = "id" if name.lower() == "id" else name
            made.append(_column(crm, store, {"api_name": known, "index": index, "find_by": find_by or "id"}, len(header)))
    return made


def told(crm: Crm, store: ModuleStore, mappings: Any, columns: int, parents: Parents | None = None) -> list[ColumnMap]:
    """Read ``field_mappings``; *columns* is how many the file has, *parents* where a child's file finds its parents.

    Raises:
        Refusal: one of them is wrong.
    """
    if type(mappings) is not list or any(type(each) is not dict for each in mappings):
        raise ApiError(400, "INVALID_DATA", "invalid data", api_name="field_mappings", expected_data_type="jsonarray")
    made = [_column(crm, store, each, columns, parents) for each in mappings if each.get("api_name") != "Layout"]
    if parents is not None and all(each.parent_index is None for each in made):
        message = "Required key parent_column_index is not available"
        raise ApiError(400, "MANDATORY_NOT_FOUND", message, api_name=store.crm_module.parent_field)
    return made


def _column(crm: Crm, store: ModuleStore, mapping: Mapping[str, Any], columns: int, parents: Parents | None = None) -> ColumnMap:
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
        return ColumnMap(api_name=name, index=index, default="", read=_parent_finder(parents), parent_index=parent_index)
    return ColumnMap(api_name=name, index=index, default=default, read=_reader(crm, store, name, mapping))


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


def _reader(crm: Crm, store: ModuleStore, name: str, mapping: Mapping[str, Any]) -> Callable[[str], Any]:
    if name.lower() == "id":
        return lambda text: text
    field, find_by = store.fields[name], mapping.get("find_by")
    if is_reference(field):
        if not find_by:
            raise ApiError(400, "MANDATORY_NOT_FOUND", "Required key find_by is not available", api_name=name)
        if field.data_type is DataType.LOOKUP:
            return _finder(crm.stores[field.target], name, str(find_by))
        return _user_finder(crm, name, str(find_by))
    try:
        digits = crm.settings.strict.digits_as_booleans is HandlingBehavior.IGNORE
        return cell_reader(field, crm.zone, mapping.get("format"), _WORDS | (_DIGITS if digits else {}))
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


def _finder(target: ModuleStore, name: str, find_by: str) -> Callable[[str], Any]:
    """Make what finds a lookup's record by its id, a key of its module, or what it is shown as."""
    if find_by == "id":
        return _by_id
    find: Callable[[str], Sequence[int]]
    if find_by in target.keys:
        find = target.keys[find_by].find
    elif find_by == target.crm_module.display_field:
        find = _by_display(target)
    else:
        raise ApiError(400, "INVALID_FIELD", "invalid mapping. find_by is not supported.", api_name=name, find_by=find_by)

    def read(text: str) -> Any:
        found = find(text)
        if not found:
            raise UnresolvedError(text)
        return {"id": str(found[0])}

    return read


def _by_id(text: str) -> Any:
    if record_id_of(text) is None:
        raise CellError(text)
    return {"id": text}


def _by_display(target: ModuleStore) -> Callable[[str], Sequence[int]]:
    shown: dict[str, list[int]] = {}
    for record_id in target.rising():
        shown.setdefault(key_of(display_name(target.crm_module, target.values(record_id))), []).append(record_id)
    return lambda text: shown.get(key_of(text), ())
