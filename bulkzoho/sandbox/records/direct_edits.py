"""Records changed by the hand of some user, beside all calls: no token, no quota, no fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Result, Writer
from bulkzoho.sandbox.state.crm import Crm, User

__all__ = ["deleted_by", "edited_by", "inserted_by", "restored"]


def inserted_by(crm: Crm, crm_module: str, records: Iterable[Mapping[str, Any]], by: User) -> Iterator[Result]:
    """Insert records, checked like an insert, as they are asked for.

    Raises:
        KeyError: there is no such module.
    """
    writer = Writer(crm, crm.stores[crm_module], by=by)
    return (writer.insert(record if type(record) is dict else dict(record), position) for position, record in enumerate(records))


def edited_by(crm: Crm, crm_module: str, records: Iterable[Mapping[str, Any]], by: User) -> Iterator[Result]:
    """Change records by their ids, checked like an update, as they are asked for.

    Raises:
        KeyError: there is no such module.
    """
    writer = Writer(crm, crm.stores[crm_module], by=by)
    return (writer.update(dict(record), position) for position, record in enumerate(records))


def deleted_by(crm: Crm, crm_module: str, ids: Sequence[str], by: User) -> None:
    """Move records to the recycle bin.

    Raises:
        KeyError: there is no such module.
        ValueError: a record is not there; the others are deleted all the same.
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


def restored(crm: Crm, crm_module: str, ids: Sequence[str]) -> None:
    """Take records out of the recycle bin.

    Raises:
        KeyError: there is no such module.
        ValueError: a record does not lie there, or a unique value of its is taken by now.
    """
    store = crm.stores[crm_module]
    for each in ids:
        record_id = record_id_of(each)
        kept = None if record_id is None else store.deleted.get(record_id)
        if record_id is None or kept is None or kept.record is None:
            raise ValueError(f"the recycle bin has no record {each} of {crm_module}")
        if taken := store.taken_by_now(record_id):
            raise ValueError(f"{each} cannot be restored: its {taken} is another record's by now")
        store.restore(record_id)
