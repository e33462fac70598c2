"""Answers to insert, update, upsert and delete: as many results as records, made by one replacement in bytes kept ready.

A record is known by the name of its mandatory field, which every client writes in the same way whatever it does with blanks.
Ids go up by call and by place: seven digits of the organization, nine of the call, three of the place.
"""

from __future__ import annotations

from typing import Final

import orjson

from benchmarks.stub_server.protocol import message

MARK: Final = b'"Last_Name"'
_CALL: Final = b"5725767#########"  # stands where organization and call go
_BY: Final = {"name": "Bench", "id": "5725767000000000002"}
_MOMENT: Final = "2026-11-24T10:15:00+01:00"


def _result(place: int, what: str, action: str | None) -> dict[str, object]:
    details = {
        "Modified_Time": _MOMENT,
        "Modified_By": _BY,
        "Created_Time": _MOMENT,
        "id": f"{_CALL.decode()}{place:03d}",
        "Created_By": _BY,
        "$approval_state": "approved",
    }
    said: dict[str, object] = {"code": "SUCCESS", "details": details, "message": f"record {what}", "status": "success"}
    return said if action is None else {**said, "action": action, "duplicate_field": None}


class Writes:
    """Makes answers; counts what it was sent."""

    def __init__(self) -> None:
        self.calls = 0
        self.records = 0
        self._ready: dict[tuple[str, int], bytes] = {}

    def insert(self, body: memoryview) -> bytes:
        """Answer POST of a module."""
        return self._results("added", None, bytes(body).count(MARK))

    def upsert(self, body: memoryview) -> bytes:
        """Answer POST of a module's ``upsert``."""
        return self._results("added", "insert", bytes(body).count(MARK))

    def update(self, body: memoryview) -> bytes:
        """Answer PUT of a module; a record is known by its id."""
        return self._results("updated", None, bytes(body).count(b'"id"'))

    def delete(self, line: bytes) -> bytes:
        """Answer DELETE of a module, ids in the query."""
        return self._results("deleted", None, line.count(b"%2C") + line.count(b",") + 1)

    def _results(self, what: str, action: str | None, count: int) -> bytes:
        self.calls += 1
        self.records += count
        ready = self._ready.get((what, count))
        if ready is None:
            body = orjson.dumps({"data": [_result(place, what, action) for place in range(count)]})
            status = b"201 Created" if what == "added" else b"200 OK"
            ready = self._ready[what, count] = message(body, status=status)
        return ready.replace(_CALL, b"5725767%09d" % self.calls)
