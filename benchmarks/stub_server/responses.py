"""Choose the response to a request by its request line."""

from __future__ import annotations

from typing import Final

import orjson

from benchmarks.stub_server.metadata import FIELDS, MODULES, ORG, USERS
from benchmarks.stub_server.protocol import message
from benchmarks.stub_server.reads import ReadResponses
from benchmarks.stub_server.writes import WriteResponses

_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
_UNKNOWN: Final = message(orjson.dumps({"code": "INVALID_URL_PATTERN", "status": "error"}), status=b"404 Not Found")


class Responses:
    """All responses of the stub server."""

    def __init__(self, url: str, records: int) -> None:
        """Prepare responses for the server at *url* with *records* records."""
        self.writes = WriteResponses()
        self._records = records
        self._reads = ReadResponses(records)
        token = {"access_token": "1000.bench.a", "api_domain": url, "token_type": "Bearer", "expires_in": 3600}
        self._fixed = {
            b"/org": message(orjson.dumps(ORG)),
            b"/users": message(orjson.dumps(USERS)),
            b"/settings/modules": message(orjson.dumps(MODULES)),
            b"/settings/fields": message(orjson.dumps(FIELDS)),
            b"/oauth/v2/token": message(orjson.dumps(token)),
        }

    def respond(self, line: bytes, body: memoryview) -> bytes:
        """Respond to one request."""
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
        for end, response in self._fixed.items():
            if path.endswith(end):
                return response
        if path.endswith(b"/coql"):
            return self._reads.query(bytes(body))
        if b"/bulk/" in path:
            return self._reads.new_job(bytes(body)) if method == b"POST" else self._reads.job(path)
        if path.endswith(b"/actions/count"):
            return message(b'{"count":%d}' % (self._records + self.writes.records))
        return _NO_CONTENT if path.endswith(b"/deleted") else _UNKNOWN
