"""Change records without API calls, as some user: no token, no quota, no fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Result, Writer
from bulkzoho.sandbox.state.crm import Crm, User

__all__ = ["delete_records", "edit_records", "insert_records", "restore_records"]


def insert_records(crm: Crm, crm_module: str, records: Iterable[Mapping[str, Any]], by: User) -> Iterator[Result]:
    """Insert records lazily with the checks of an insert call.

    Raises:
        KeyError: the module does not exist.
    """
    writer = Writer(crm, crm.stores[crm_module], by=by)
    return (writer.insert(record if type(record) is dict else dict(record), position) for position, record in enumerate(records))


def edit_records(crm: Crm, crm_module: str, records: Iterable[Mapping[str, Any]], by: User) -> Iterator[Result]:
    """Update records by id, lazily, with the checks of an update call.

    Raises:
        KeyError: the module does not exist.
    """
    writer = Writer(crm, crm.stores[crm_module], by=by)
    return (writer.update(dict(record), position) for position, record in enumerate(records))


def delete_records(crm: Crm, crm_module: str, ids: Sequence[str], by: User) -> None:
    """Move records to the recycle bin.

    Raises:
        KeyError: the module does not exist.
        ValueError: some records do not exist; the others are deleted.
    """
    store, missing = crm.stores[crm_module], []
    for each in ids:
        record_id = record_id_of(each)
        if record_id is None or record_id not in store:
            missing.append(each)
        else:
            store.delete(record_id, crm.now_s(), by.id)
    if missing:
        raise ValueError(f"{crm_module} has no record {', '.join(missing)}")


def restore_records(crm: Crm, crm_module: str, ids: Sequence[str]) -> None:
    """Restore records from the recycle bin.

    Raises:
        KeyError: the module does not exist.
        ValueError: a record is not in the bin, or another record now has its unique value.
    """
    store = crm.stores[crm_module]
    for each in ids:
        record_id = record_id_of(each)
        deleted = None if record_id is None else store.deleted.get(record_id)
        if record_id is None or deleted is None or deleted.record is None:
            raise ValueError(f"the recycle bin has no record {each} of {crm_module}")
        if field := store.conflicting_field(record_id):
            raise ValueError(f"{each} cannot be restored: another record now has its {field}")
        store.restore(record_id)
