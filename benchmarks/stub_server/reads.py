"""Answers to who reads records: list pages, COQL, and bulk read jobs that are finished as soon as they are asked for.

Records have ids that follow one another.  What stands in them repeats after a hundred, except in the zip of a bulk read: its rows
are made one by one beforehand, so that they do not pack better than real ones.
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
_NOTHING: Final = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
_ORDER: Final = re.compile(rb"order by id (asc|desc) limit ([0-9]+)(?:, ?([0-9]+))?")
_ABOVE: Final = re.compile(rb"id > '([0-9]+)'")
_UP_TO: Final = re.compile(rb"id <= '([0-9]+)'")


class Reads:
    """Makes answers about *records* records."""

    def __init__(self, records: int) -> None:
        self._end = FIRST_ID + records
        self._made = [self._template(row) for row in rows(100)]
        self._zips = [self._zip(start, min(PER_JOB, records - start)) for start in range(0, records, PER_JOB)]

    def _template(self, row: tuple[str, ...]) -> bytes:
        times = {"Created_Time": _MOMENT, "Modified_Time": _MOMENT}
        told = {"id": _ID.decode(), **times, **dict(zip(HEADER, row, strict=True)), "No_of_Employees": int(row[-1])}
        return orjson.dumps(told).replace(b"%", b"%%").replace(_ID, b"%d")

    def _zip(self, start: int, count: int) -> tuple[int, bytes]:
        text, packed = io.StringIO(), io.BytesIO()
        writer = csv.writer(text)
        writer.writerow(["Id", "Created_Time", "Modified_Time", *HEADER])
        writer.writerows([FIRST_ID + start + place, _MOMENT, _MOMENT, *row] for place, row in enumerate(rows(count)))
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("leads.csv", text.getvalue())
        return count, packed.getvalue()

    def list_page(self, query: bytes) -> bytes:
        """Answer GET of a module: two hundred, newest first; the token is the number of records before."""
        asked = parse_qs(query)
        before = int(asked.get(b"page_token", [b"0"])[0])
        top = self._end - before
        low = max(FIRST_ID, top - PER_PAGE)
        if low >= top:
            return _NOTHING
        more = low > FIRST_ID
        token = b'"%d"' % (before + PER_PAGE) if more else b"null"
        more_text = b"true" if more else b"false"
        info = b'{"per_page":200,"count":%d,"more_records":%s,"next_page_token":%s}' % (top - low, more_text, token)
        return self._page(range(top - 1, low - 1, -1), info)

    def query(self, body: bytes) -> bytes:
        """Answer COQL: a count, or records in the order of ids with limits on the id."""
        if b"COUNT(" in body:
            return message(b'{"data":[{"COUNT(id)":%d}],"info":{"count":1,"more_records":false}}' % (self._end - FIRST_ID))
        asked = _ORDER.search(body)
        if asked is None:
            return _NOTHING
        above, up_to = _ABOVE.search(body), _UP_TO.search(body)
        low = max(FIRST_ID, int(above[1]) + 1) if above else FIRST_ID
        high = min(self._end, int(up_to[1]) + 1) if up_to else self._end
        limit, offset = (int(asked[3]), int(asked[2])) if asked[3] else (int(asked[2]), 0)
        whole = range(low, high) if asked[1] == b"asc" else range(high - 1, low - 1, -1)
        chosen = whole[offset : offset + limit]
        if not chosen:
            return _NOTHING
        more = b"true" if len(whole) > offset + limit else b"false"
        return self._page(chosen, b'{"count":%d,"more_records":%s}' % (len(chosen), more))

    def _page(self, ids: range, info: bytes) -> bytes:
        made = self._made
        return message(b'{"data":[%s],"info":%s}' % (b",".join([made[one % 100] % one for one in ids]), info))

    def new_job(self, body: bytes) -> bytes:
        """Answer POST of a bulk read; the token of a next page is the job's number, and so is its id."""
        asked = orjson.loads(body)["query"]
        number = int(asked.get("page_token", 0))
        details = {"id": str(FIRST_ID + number), "operation": "read", "state": "ADDED", "created_time": _MOMENT}
        told = {"status": "success", "code": "ADDED_SUCCESSFULLY", "message": "Added successfully.", "details": details}
        return message(orjson.dumps({"data": [told], "info": {}}), status=b"201 Created")

    def job(self, path: bytes) -> bytes:
        """Answer GET of a job, or of its result."""
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
