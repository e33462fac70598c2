"""The usual answer to a write, every record accepted, read at a third of what any answer costs.

Whatever does not fit the shape below in every record is for :mod:`bulkzoho.zoho.api.write_results`, which looks at each.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Operation

__all__ = ["FIXED_ACTIONS", "collapse_actions", "decode_if_all_succeeded", "upsert_action"]

FIXED_ACTIONS: Final = {
    Operation.INSERT: Action.INSERT,
    Operation.UPDATE: Action.UPDATE,
    Operation.DELETE: Action.DELETE,
}


class _Details(msgspec.Struct, gc=False):
    id: str
    Created_Time: str | None = None


class _Accepted(msgspec.Struct, gc=False):
    code: Literal["SUCCESS"]
    status: Literal["success"]
    details: _Details
    action: str | None = None
    message: str | None = None


class _Answer(msgspec.Struct, gc=False):
    data: list[_Accepted]


_DECODER: Final = msgspec.json.Decoder(_Answer)


def decode_if_all_succeeded(body: bytes, operation: Operation, *, records: int) -> WriteResults | None:
    """Give the results in *body* when there are as many as *records* and each is accepted and has an id, else None."""
    try:
        data = _DECODER.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    ids = [one.details.id for one in data]
    if len(ids) != records or "" in ids:
        return None
    if operation in FIXED_ACTIONS:
        return WriteResults(ids=ids, actions=FIXED_ACTIONS[operation])
    actions = [upsert_action(one.action, one.message) for one in data]
    return WriteResults(ids=ids, actions=collapse_actions(actions), created=[one.details.Created_Time for one in data])


def upsert_action(word: object, message: object) -> Action:
    """Tell what an upsert did: by ``action`` (docs "Upsert Records", v7, v8), else by the documented messages."""
    if word is None:
        return Action.INSERT if "added" in str(message or "").casefold() else Action.UPDATE
    return Action.INSERT if word == "insert" else Action.UPDATE


def collapse_actions(actions: list[Action]) -> list[Action] | Action:
    """Give one value for all when they are all the same."""
    return actions[0] if len(set(actions)) == 1 else actions
