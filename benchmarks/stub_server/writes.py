"""Responses to insert, update, upsert and delete: one result per record, by one replacement in prepared bytes.

Records are counted by the name of their mandatory field, which every client writes in the same way.  Ids ascend by call and
position: seven digits for the organization, nine for the call, three for the position.
"""

from __future__ import annotations

from typing import Final

import orjson

from benchmarks.stub_server.protocol import message

MARK: Final = b'"Last_Name"'
_CALL: Final = b"5725767#########"  # placeholder for organization and call
_BY: Final = {"name": "Bench", "id": "5725767000000000002"}
_MOMENT: Final = "2026-11-24T10:15:00+01:00"


def _result(place: int, action_done: str, action: str | None) -> dict[str, object]:
    details = {
        "Modified_Time": _MOMENT,
        "Modified_By": _BY,
        "Created_Time": _MOMENT,
        "id": f"{_CALL.decode()}{place:03d}",
        "Created_By": _BY,
        "$approval_state": "approved",
    }
    result: dict[str, object] = {"code": "SUCCESS", "details": details, "message": f"record {action_done}", "status": "success"}
    return result if action is None else {**result, "action": action, "duplicate_field": None}


class WriteResponses:
    """Builder of write responses; counts calls and records."""

    def __init__(self) -> None:
        self.calls = 0
        self.records = 0
        self._prepared: dict[tuple[str, int], bytes] = {}

    def insert(self, body: memoryview) -> bytes:
        """Respond to a POST of a module."""
        return self._results("added", None, bytes(body).count(MARK))

    def upsert(self, body: memoryview) -> bytes:
        """Respond to a POST of a module's ``upsert``."""
        return self._results("added", "insert", bytes(body).count(MARK))

    def update(self, body: memoryview) -> bytes:
        """Respond to a PUT of a module; records are counted by their ids."""
        return self._results("updated", None, bytes(body).count(b'"id"'))

    def delete(self, line: bytes) -> bytes:
        """Respond to a DELETE of a module with ids in the query."""
        return self._results("deleted", None, line.count(b"%2C") + line.count(b",") + 1)

    def _results(self, action_done: str, action: str | None, count: int) -> bytes:
        self.calls += 1
        self.records += count
        prepared = self._prepared.get((action_done, count))
        if prepared is None:
            body = orjson.dumps({"data": [_result(place, action_done, action) for place in range(count)]})
            status = b"201 Created" if action_done == "added" else b"200 OK"
            prepared = self._prepared[action_done, count] = message(body, status=status)
        return prepared.replace(_CALL, b"5725767%09d" % self.calls)
