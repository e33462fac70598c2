"""Which answer a request gets: by the words of its line."""

from __future__ import annotations

from typing import Final

import orjson

from benchmarks.stub_server.metadata import FIELDS, MODULES, ORG, USERS
from benchmarks.stub_server.protocol import message
from benchmarks.stub_server.reads import Reads
from benchmarks.stub_server.writes import Writes

_NOTHING: Final = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
_UNKNOWN: Final = message(orjson.dumps({"code": "INVALID_URL_PATTERN", "status": "error"}), status=b"404 Not Found")


class Answers:
    """Everything that the stand-in can say."""

    def __init__(self, url: str, records: int) -> None:
        """Answer as the one at *url*, with *records* records for who reads."""
        self.writes = Writes()
        self._records = records
        self._reads = Reads(records)
        token = {"access_token": "1000.bench.a", "api_domain": url, "token_type": "Bearer", "expires_in": 3600}
        self._kept = {
            b"/org": message(orjson.dumps(ORG)),
            b"/users": message(orjson.dumps(USERS)),
            b"/settings/modules": message(orjson.dumps(MODULES)),
            b"/settings/fields": message(orjson.dumps(FIELDS)),
            b"/oauth/v2/token": message(orjson.dumps(token)),
        }

    def answer(self, line: bytes, body: memoryview) -> bytes:
        """Answer one request."""
        method, target, _ = line.split(b" ", 2)
        path, _, query = target.partition(b"?")
        if path.endswith(b"/Leads"):
            if method == b"POST":
                return self.writes.insert(body)
            if method == b"PUT":
                return self.writes.update(body)
            return self.writes.delete(target) if method == b"DELETE" else self._reads.list_page(query)
        if path.endswith(b"/Leads/upsert"):
            return self.writes.upsert(body)
        return self._other(method, path, body)

    def _other(self, method: bytes, path: bytes, body: memoryview) -> bytes:
        for end, kept in self._kept.items():
            if path.endswith(end):
                return kept
        if path.endswith(b"/coql"):
            return self._reads.query(bytes(body))
        if b"/bulk/" in path:
            return self._reads.new_job(bytes(body)) if method == b"POST" else self._reads.job(path)
        if path.endswith(b"/actions/count"):
            return message(b'{"count":%d}' % (self._records + self.writes.records))
        return _NOTHING if path.endswith(b"/deleted") else _UNKNOWN
