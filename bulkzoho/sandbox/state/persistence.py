"""Save and load the state file: records, recycle bin, ids, secrets.  Not jobs, files or quota windows.

The first line describes the file.  Each module follows: a line with name and count, then one line per record in id order,
``ID RECORD``; records in the recycle bin are ``-ID LENGTH ABOUT RECORD``.  The last line marks the end of the file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import Deleted, ModuleStore

__all__ = ["StateFileError", "load", "save"]

FORMAT = 2  # format 1 had no end line, so a file truncated between two modules looked complete


class StateFileError(ValueError):
    """The state file cannot be used; the message is one line."""


def save(crm: Crm, path: Path) -> None:
    """Write the state file atomically.

    Raises:
        StateFileError: the file cannot be written.
    """
    temporary = path.with_name(path.name + ".unfinished")
    try:
        _write(crm, temporary)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StateFileError(f"{path} cannot be written: {error.strerror or error}") from error


def _write(crm: Crm, temporary: Path) -> None:
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - sets the mode
        header = {"format": FORMAT, "org_id": crm.settings.org_id, "last_id": crm.last_id, "wall_s": crm.clock.wall()}
        file.write(orjson.dumps({**header, "secrets": crm.tokens.secrets()}) + b"\n")
        for name, store in crm.stores.items():
            count = len(store) + len(store.deleted)
            file.write(orjson.dumps({"module": name, "count": count}) + b"\n")
            file.writelines(_lines(store))
        file.write(orjson.dumps({"end": True}) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(store: ModuleStore) -> Iterator[bytes]:
    for record_id in store.all_ids():
        deleted = store.deleted.get(record_id)
        if deleted is None:
            yield b"%d %s\n" % (record_id, store.raw(record_id))
        else:
            header = orjson.dumps([deleted.at_s, deleted.by, deleted.display_name])
            yield b"-%d %d %s%s\n" % (record_id, len(header), header, deleted.record or b"")


def load(crm: Crm, path: Path) -> None:
    """Load the state file into an empty sandbox; a missing file is an empty state.

    Raises:
        StateFileError: the file cannot be read, is invalid or of another organization or format, or its folder is not writable.
    """
    if not path.exists():
        _require_writable(path.parent)
        return
    if not path.is_file():
        raise StateFileError(f"{path} is not a file")
    try:
        with path.open("rb") as file:
            _read(crm, file, path)
    except OSError as error:
        raise StateFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        if isinstance(error, StateFileError):
            raise
        raise StateFileError(f"{path} is not a sandbox state file, or is incomplete") from error


def _require_writable(folder: Path) -> None:
    """Check at start that the state can be saved later."""
    if not folder.is_dir():
        raise StateFileError(f"the folder of the state file does not exist: {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StateFileError(f"the folder of the state file is not writable: {folder}")


def _read(crm: Crm, file: BinaryIO, path: Path) -> None:
    header = orjson.loads(file.readline())
    if header["format"] != FORMAT:
        raise StateFileError(f"{path} has format {header['format']}; this sandbox reads format {FORMAT}")
    if header["org_id"] != crm.settings.org_id:
        raise StateFileError(f"{path} belongs to organization {header['org_id']}, not {crm.settings.org_id}")
    crm.last_id = header["last_id"]
    crm.tokens.load_secrets(header["secrets"])
    crm.clock.advance(
        max(0.0, header["wall_s"] - crm.clock.wall())
    )  # a scaled clock may have been ahead; the clock must not go back
    while "end" not in (module := _read_header(file)):
        store = crm.stores[module["module"]]
        if module["count"] < 0:
            raise ValueError(module["count"])
        for _ in range(module["count"]):
            _load_line(store, file.readline())


def _read_header(file: BinaryIO) -> dict[str, Any]:
    header: dict[str, Any] = orjson.loads(file.readline())
    return header


def _load_line(store: ModuleStore, line: bytes) -> None:
    head, _, rest = line.rstrip(b"\n").partition(b" ")
    if not head.startswith(b"-"):
        store.load(int(head), rest)
        return
    size, _, rest = rest.partition(b" ")
    at_s, by, name = orjson.loads(rest[: int(size)])
    record = rest[int(size) :] or None
    store.load_deleted(-int(head), Deleted(at_s=at_s, by=by, display_name=name, record=record))
