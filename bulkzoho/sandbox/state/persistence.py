"""What an organization holds, in one file between two starts: records, recycle bin, ids, secrets.  Not jobs, files or windows.

The first line is about the whole.  Each module follows: a line with its name and count, then one line a record in the order of
ids, ``ID RECORD`` as it is stored; one in the recycle bin as ``-ID ABOUT RECORD``.  The last line tells that it is the last.
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

FORMAT = 2  # 1 had no last line, so that a file cut between two modules looked whole


class StateFileError(ValueError):
    """The file is not one that this sandbox can take; the message says why, in one line."""


def save(crm: Crm, path: Path) -> None:
    """Write the state, whole or not at all.

    Raises:
        StateFileError: it cannot be written.
    """
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        _write(crm, unfinished)
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise StateFileError(f"{path} cannot be written: {error.strerror or error}") from error


def _write(crm: Crm, unfinished: Path) -> None:
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123 - for its mode
        about = {"format": FORMAT, "org_id": crm.settings.org_id, "last_id": crm.last_id, "wall_s": crm.clock.wall()}
        file.write(orjson.dumps({**about, "secrets": crm.tokens.secrets()}) + b"\n")
        for name, store in crm.stores.items():
            count = len(store) + len(store.deleted)
            file.write(orjson.dumps({"module": name, "count": count}) + b"\n")
            file.writelines(_lines(store))
        file.write(orjson.dumps({"end": True}) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _lines(store: ModuleStore) -> Iterator[bytes]:
    for record_id in store.every_id():
        kept = store.deleted.get(record_id)
        if kept is None:
            yield b"%d %s\n" % (record_id, store.raw(record_id))
        else:
            about = orjson.dumps([kept.at_s, kept.by, kept.display_name])
            yield b"-%d %d %s%s\n" % (record_id, len(about), about, kept.record or b"")


def load(crm: Crm, path: Path) -> None:
    """Read the state into a sandbox that is still empty; there is nothing to do where there is no file yet.

    Raises:
        StateFileError: it cannot be read or will not be written, or is no file of a state, or of another organization or format.
    """
    if not path.exists():
        _refuse_unwritable(path.parent)
        return
    if not path.is_file():
        raise StateFileError(f"{path} is no file")
    try:
        with path.open("rb") as file:
            _read(crm, file, path)
    except OSError as error:
        raise StateFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, IndexError) as error:
        if isinstance(error, StateFileError):
            raise
        raise StateFileError(f"{path} holds no state of a sandbox, or only a part of one") from error


def _refuse_unwritable(folder: Path) -> None:
    """Refuse a folder that takes no file, before hours of work are to be saved into it."""
    if not folder.is_dir():
        raise StateFileError(f"there is no folder {folder} to write the state into")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StateFileError(f"no file can be written into {folder}")


def _read(crm: Crm, file: BinaryIO, path: Path) -> None:
    about = orjson.loads(file.readline())
    if about["format"] != FORMAT:
        raise StateFileError(f"{path} is of format {about['format']}; this sandbox reads format {FORMAT}")
    if about["org_id"] != crm.settings.org_id:
        raise StateFileError(f"{path} is of organization {about['org_id']}, not {crm.settings.org_id}")
    crm.last_id = about["last_id"]
    crm.tokens.take_secrets(about["secrets"])
    crm.clock.advance(max(0.0, about["wall_s"] - crm.clock.wall()))  # a scaled clock was ahead: time never goes back
    while "end" not in (module := _told(file)):
        store = crm.stores[module["module"]]
        if module["count"] < 0:
            raise ValueError(module["count"])
        for _ in range(module["count"]):
            _take(store, file.readline())


def _told(file: BinaryIO) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(file.readline())
    return told


def _take(store: ModuleStore, line: bytes) -> None:
    head, _, rest = line.rstrip(b"\n").partition(b" ")
    if not head.startswith(b"-"):
        store.put_back(int(head), rest)
        return
    size, _, rest = rest.partition(b" ")
    at_s, by, name = orjson.loads(rest[: int(size)])
    record = rest[int(size) :] or None
    store.note_deleted(-int(head), Deleted(at_s=at_s, by=by, display_name=name, record=record))
