"""Converters of columns that refer to records and users, to the references that the API accepts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.rows import Cell
from bulkzoho.domain.transform.converted_column import ConvertedColumn, Converter, conversion_error, convert_each_cell
from bulkzoho.domain.transform.user_directory import UnknownUserReason, UserDirectory

__all__ = ["USER_TYPES", "id_converter", "lookup_converter", "needs_user_lookup", "parse_record_id", "user_converter"]

USER_TYPES: Final = frozenset({"ownerlookup", "userlookup"})  #: data types of fields that hold a user
MAX_CACHED_NAMES: Final = 10_000  # spellings of users per column

_ID: Final = re.compile(r"[0-9]{1,19}").fullmatch
_QUOTED_ID: Final = re.compile(r"""["']?(?:zcrm_)?([0-9]{1,19})["']?""", re.IGNORECASE).fullmatch  # as in Zoho's own exports
_ROUNDED_ID: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+").fullmatch
_ROUNDED: Final = "a spreadsheet rounded this id; format its column as text and take the ids from the CRM again"


def id_converter(field: FieldMetadata) -> Converter:
    """Return the converter of the record's own id, a text of digits."""
    return _reference(field, lambda text: text, "the value is not a record id; use digits only")


def parse_record_id(cell: Cell) -> str | None:
    """Return the digits of the record id in *cell*, None if it holds no id."""
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        return None
    match = _QUOTED_ID(str(cell).strip())
    return match[1] if match else None


def lookup_converter(field: FieldMetadata) -> Converter:
    """Return the converter of a field that refers to another record."""
    return _reference(
        field,
        lambda text: {"id": text},
        "the value is not a record id; lookups by another value (name, e-mail) are not built yet",
    )


def user_converter(field: FieldMetadata, users: UserDirectory) -> Converter:
    """Return the converter of a field that holds a user: by id, e-mail address or full name.

    A column of ids costs no more than a lookup.  In other columns each spelling is looked up once.
    """
    convert_cell = _user_cell_converter(field, users)
    cache: dict[Cell, Any] = {}

    def convert_and_cache(cell: Any) -> Any:
        value = convert_cell(cell)
        if isinstance(cell, str) and isinstance(value, dict):
            if len(cache) >= MAX_CACHED_NAMES:
                cache.clear()
            cache[cell] = value
        return value

    convert_cells = convert_each_cell(convert_and_cache)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        if [*map(type, cells)].count(str) != len(cells):
            return convert_cells(cells)
        if users.fallback is None and all(map(_ID, cells)):
            return ConvertedColumn([{"id": text} for text in cells])
        values = [*map(cache.get, cells)]
        return convert_cells(cells) if None in values else ConvertedColumn(values)

    return convert


def needs_user_lookup(cells: Sequence[Cell], *, null_text: str | None) -> bool:
    """Return whether a cell of a user column holds an e-mail address or name, so that the users must be loaded."""
    return any(not (type(cell) is str and _ID(cell)) and cell != null_text and _is_name(cell) for cell in cells)


def _is_name(cell: Any) -> bool:
    text = _user_text(cell) or ""
    return bool(text) and not _QUOTED_ID(text) and not _ROUNDED_ID(text)


def _user_cell_converter(field: FieldMetadata, users: UserDirectory) -> Callable[[Any], Any]:
    not_user = conversion_error(
        field, "the value is not a user; use an id, an e-mail address or a full name", expected_data_type=field.json_type
    )
    rounded = conversion_error(field, _ROUNDED, expected_data_type=field.json_type)
    unknown = {
        reason: conversion_error(field, f"{reason.value}; correct it, or name another user with --owner-fallback")
        for reason in UnknownUserReason
    }

    def convert_cell(cell: Any) -> Any:
        text = _user_text(cell)
        if not text:
            return not_user
        if _ROUNDED_ID(text):
            return rounded
        match = _QUOTED_ID(text)
        found = users.id_for(match[1] if match else text)
        return unknown[found] if isinstance(found, UnknownUserReason) else {"id": found}

    return convert_cell


def _user_text(cell: Any) -> str | None:
    """Return the text that identifies the user: the cell, or the most specific part of an object from an API response."""
    if isinstance(cell, dict):
        cell = cell.get("id") or cell.get("email") or cell.get("name")
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    return str(cell).strip()


def _reference(field: FieldMetadata, make: Callable[[str], Any], message: str) -> Converter:
    not_id = conversion_error(field, message, expected_data_type=field.json_type)
    rounded = conversion_error(field, _ROUNDED, expected_data_type=field.json_type)

    def convert_cell(cell: Any) -> Any:
        if isinstance(cell, dict):
            cell = cell.get("id")
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            return not_id
        text = str(cell).strip()
        match = _QUOTED_ID(text)
        if match is None:
            return rounded if _ROUNDED_ID(text) else not_id
        return make(match[1])

    convert_cells = convert_each_cell(convert_cell)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        if [*map(type, cells)].count(str) != len(cells) or not all(map(_ID, cells)):
            return convert_cells(cells)
        return ConvertedColumn([make(text) for text in cells])

    return convert
