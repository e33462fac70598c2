"""Columns that name records and users: to the references that the API takes."""

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
NAMES_KEPT: Final = 10_000  # spellings of users whose meaning is remembered, a column

_ID: Final = re.compile(r"[0-9]{1,19}").fullmatch
_DRESSED_ID: Final = re.compile(
    r"""["']?(?:zcrm_)?([0-9]{1,19})["']?""", re.IGNORECASE
).fullmatch  # as Zoho's own exports have it
_ROUNDED_ID: Final = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+").fullmatch
_ROUNDED: Final = "a spreadsheet has rounded this id; have its column formatted as text and take the ids from the CRM again"


def id_converter(field: FieldMetadata) -> Converter:
    """Make the converter of the record's own id, a text of digits."""
    return _reference(field, lambda text: text, "it is not the id of a record: digits only")


def parse_record_id(cell: Cell) -> str | None:
    """Give the digits of the record id in *cell*, None where it holds none."""
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        return None
    match = _DRESSED_ID(str(cell).strip())
    return match[1] if match else None


def lookup_converter(field: FieldMetadata) -> Converter:
    """Make the converter of a field that points to another record."""
    return _reference(
        field,
        lambda text: {"id": text},
        "it is not the id of a record; lookups by another value (a name, an e-mail) are not built yet",
    )


def user_converter(field: FieldMetadata, users: UserDirectory) -> Converter:
    """Make the converter of a field that holds a user: by id, e-mail address or full name.

    A column of ids costs what one of a lookup does; of another, each spelling is looked for once.
    """
    one = _meant_user(field, users)
    known: dict[Cell, Any] = {}

    def remembered(cell: Any) -> Any:
        value = one(cell)
        if isinstance(cell, str) and isinstance(value, dict):
            if len(known) >= NAMES_KEPT:
                known.clear()
            known[cell] = value
        return value

    walk = convert_each_cell(remembered)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        if [*map(type, cells)].count(str) != len(cells):
            return walk(cells)
        if users.fallback is None and all(map(_ID, cells)):
            return ConvertedColumn([{"id": text} for text in cells])
        values = [*map(known.get, cells)]
        return walk(cells) if None in values else ConvertedColumn(values)

    return convert


def needs_user_lookup(cells: Sequence[Cell], *, null_text: str | None) -> bool:
    """Whether a cell of a column of users means one otherwise than by id, so that the users must be known."""
    return any(not (type(cell) is str and _ID(cell)) and cell != null_text and _is_name(cell) for cell in cells)


def _is_name(cell: Any) -> bool:
    text = _user_text(cell) or ""
    return bool(text) and not _DRESSED_ID(text) and not _ROUNDED_ID(text)


def _meant_user(field: FieldMetadata, users: UserDirectory) -> Callable[[Any], Any]:
    wrong = conversion_error(
        field, "it is not a user; give an id, an e-mail address or a full name", expected_data_type=field.json_type
    )
    rounded = conversion_error(field, _ROUNDED, expected_data_type=field.json_type)
    strangers = {
        why: conversion_error(field, f"{why.value}; correct it, or say who stands in with --owner-fallback")
        for why in UnknownUserReason
    }

    def one(cell: Any) -> Any:
        text = _user_text(cell)
        if not text:
            return wrong
        if _ROUNDED_ID(text):
            return rounded
        match = _DRESSED_ID(text)
        found = users.id_for(match[1] if match else text)
        return strangers[found] if isinstance(found, UnknownUserReason) else {"id": found}

    return one


def _user_text(cell: Any) -> str | None:
    """Give what names the user: the cell, or the part of an object (as the API answers with) that says most."""
    if isinstance(cell, dict):
        cell = cell.get("id") or cell.get("email") or cell.get("name")
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    return str(cell).strip()


def _reference(field: FieldMetadata, made: Callable[[str], Any], message: str) -> Converter:
    no_id = conversion_error(field, message, expected_data_type=field.json_type)
    rounded = conversion_error(field, _ROUNDED, expected_data_type=field.json_type)

    def one(cell: Any) -> Any:
        if isinstance(cell, dict):
            cell = cell.get("id")
        if isinstance(cell, bool) or not isinstance(cell, str | int | float):
            return no_id
        text = str(cell).strip()
        match = _DRESSED_ID(text)
        if match is None:
            return rounded if _ROUNDED_ID(text) else no_id
        return made(match[1])

    walk = convert_each_cell(one)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        if [*map(type, cells)].count(str) != len(cells) or not all(map(_ID, cells)):
            return walk(cells)
        return ConvertedColumn([made(text) for text in cells])

    return convert
