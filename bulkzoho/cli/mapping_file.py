"""Read a mapping file: fields of columns, fixed values, and formats of columns."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bulkzoho.errors import RefusedError

__all__ = ["MappingFile", "read_mapping_file"]

_TABLES: Final = ("columns", "set", "formats")
MAX_MAPPING_BYTES: Final = 1 << 20  # a larger file is not a mapping file


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingFile:
    """The content of a mapping file; see :class:`bulkzoho.domain.model.settings.MappingSettings`."""

    columns: tuple[tuple[str, str], ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    formats: tuple[tuple[str, str], ...] = ()


def read_mapping_file(path: str) -> MappingFile:
    """Read the TOML file at *path*: tables ``[columns]``, ``[set]`` and ``[formats]``, each optional.

    Raises:
        RefusedError: It cannot be read, is not TOML, or has an unknown table or an invalid value.
    """
    tables = _parsed(path)
    for name in tables:
        if name not in _TABLES:
            raise RefusedError(
                f"{path}: unknown table {name!r}.",
                hint="A mapping file has the tables [columns], [set] and [formats].",
            )
    return MappingFile(**{name: _pairs(path, name, tables[name]) for name in _TABLES if name in tables})


def _parsed(path: str) -> Mapping[str, Any]:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_MAPPING_BYTES + 1)
        if len(data) > MAX_MAPPING_BYTES:
            raise RefusedError(f"{path}: too large for a mapping file.", hint="Check the path of --mapping.")
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except OSError as error:
        raise RefusedError(f"{path}: cannot be read ({error.strerror}).", hint="Check the path of --mapping.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise RefusedError(
            f"{path}: invalid TOML: {reason}.", hint='A line looks like this: "First name" = "First_Name"'
        ) from error


def _pairs(path: str, table: str, entries: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(entries, dict):
        raise RefusedError(f"{path}: {table!r} is not a table.", hint=f"Write [{table}] on a line of its own.")
    return tuple((key, _text_of(path, table, key, value)) for key, value in entries.items())


def _text_of(path: str, table: str, key: str, value: Any) -> str:
    if table == "set" and isinstance(value, bool | int):  # a float would lose digits and must be quoted
        return str(value).lower()
    if not isinstance(value, str):
        raise RefusedError(
            f"{path}: {table}.{key} is not a string.", hint="Put the value in quotes, and a name that contains a dot too."
        )
    if table != "set" and not value.strip() and (table, value) != ("columns", ""):  # "" leaves the column out
        raise RefusedError(
            f"{path}: {table}.{key} is blank.", hint='Name a field, use "" to leave the column out, or delete the line.'
        )
    return value
