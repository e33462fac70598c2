"""Responses to reads: list pages, COQL, and bulk read jobs that finish immediately.

Records have consecutive ids.  Their values repeat every hundred records, except in bulk read zips, whose rows are all different
so that they compress like real ones.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Final
from urllib.parse import parse_qs

import orjson

from benchmarks.leads import HEADER, rows
from benchmarks.stub_server.protocol import message

FIRST_ID: Final = 5725767000001000000
PER_JOB: Final = 200_000  # rows of a bulk read job
PER_PAGE: Final = 200
_MOMENT: Final = "2026-11-24T10:15:00+01:00"
_ID: Final = b"#id#"
_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
_ORDER: Final = re.compile(rb"order by id (asc|desc) limit ([0-9]+)(?:, ?([0-9]+))?")
_ABOVE: Final = re.compile(rb"id > '([0-9]+)'")
_UP_TO: Final = re.compile(rb"id <= '([0-9]+)'")


class ReadResponses:
    """Builder of responses for *records* records."""

    def __init__(self, records: int) -> None:
        self._end = FIRST_ID + records
        self._templates = [self._template(row) for row in rows(100)]
        self._zips = [self._zip(start, min(PER_JOB, records - start)) for start in range(0, records, PER_JOB)]

    def _template(self, row: tuple[str, ...]) -> bytes:
        times = {"Created_Time": _MOMENT, "Modified_Time": _MOMENT}
        values = {"id": _ID.decode(), **times, **dict(zip(HEADER, row, strict=True)), "No_of_Employees": int(row[-1])}
        return orjson.dumps(values).replace(b"%", b"%%").replace(_ID, b"%d")

    def _zip(self, start: int, count: int) -> tuple[int, bytes]:
        text, zip_bytes = io.StringIO(), io.BytesIO()
        writer = csv.writer(text)
        writer.writerow(["Id", "Created_Time", "Modified_Time", *HEADER])
        writer.writerows([FIRST_ID + start + place, _MOMENT, _MOMENT, *row] for place, row in enumerate(rows(count)))
        with zipfile.ZipFile(zip_bytes, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("leads.csv", text.getvalue())
        return count, zip_bytes.getvalue()

    def list_page(self, query: bytes) -> bytes:
        """Respond to a GET of a module: two hundred records, newest first; the token is the number of records before."""
        parsed = parse_qs(query)
        before = int(parsed.get(b"page_token", [b"0"])[0])
        top = self._end - before
        low = max(FIRST_ID, top - PER_PAGE)
        if low >= top:
            return _NO_CONTENT
        more = low > FIRST_ID
        token = b'"%d"' % (before + PER_PAGE) if more else b"null"
        more_text = b"true" if more else b"false"
        info = b'{"per_page":200,"count":%d,"more_records":%s,"next_page_token":%s}' % (top - low, more_text, token)
        return self._page(range(top - 1, low - 1, -1), info)

    def query(self, body: bytes) -> bytes:
        """Respond to COQL: a count, or records in id order within an id range."""
        if b"COUNT(" in body:
            return message(b'{"data":[{"COUNT(id)":%d}],"info":{"count":1,"more_records":false}}' % (self._end - FIRST_ID))
        parsed = _ORDER.search(body)
        if parsed is None:
            return _NO_CONTENT
        above, up_to = _ABOVE.search(body), _UP_TO.search(body)
        low = max(FIRST_ID, int(above[1]) + 1) if above else FIRST_ID
        high = min(self._end, int(up_to[1]) + 1) if up_to else self._end
        limit, offset = (int(parsed[3]), int(parsed[2])) if parsed[3] else (int(parsed[2]), 0)
        all_ids = range(low, high) if parsed[1] == b"asc" else range(high - 1, low - 1, -1)
        ids = all_ids[offset : offset + limit]
        if not ids:
            return _NO_CONTENT
        more = b"true" if len(all_ids) > offset + limit else b"false"
        return self._page(ids, b'{"count":%d,"more_records":%s}' % (len(ids), more))

    def _page(self, ids: range, info: bytes) -> bytes:
        templates = self._templates
        return message(
            b'{"data":[%s],"info":%s}' % (b",".join([templates[record_id % 100] % record_id for record_id in ids]), info)
        )

    def new_job(self, body: bytes) -> bytes:
        """Respond to the POST of a bulk read; job id and page token are the job's number."""
        parsed = orjson.loads(body)["query"]
        number = int(parsed.get("page_token", 0))
        details = {"id": str(FIRST_ID + number), "operation": "read", "state": "ADDED", "created_time": _MOMENT}
        values = {"status": "success", "code": "ADDED_SUCCESSFULLY", "message": "Added successfully.", "details": details}
        return message(orjson.dumps({"data": [values], "info": {}}), status=b"201 Created")

    def job(self, path: bytes) -> bytes:
        """Respond to a GET of a job or its result."""
        parts = path.split(b"/")
        if parts[-1] == b"result":
            return message(self._zips[int(parts[-2]) - FIRST_ID][1], kind=b"application/zip")
        number = int(parts[-1]) - FIRST_ID
        more = number + 1 < len(self._zips)
        result = {
            "page": number + 1,
            "per_page": PER_JOB,
            "count": self._zips[number][0],
            "download_url": f"{path.decode()}/result",
            "more_records": more,
            **({"next_page_token": str(number + 1)} if more else {}),
        }
        return message(orjson.dumps({"data": [{"id": parts[-1].decode(), "state": "COMPLETED", "result": result}]}))
