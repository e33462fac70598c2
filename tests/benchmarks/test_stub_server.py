"""The stub server sends complete responses, so that clients do all the work that is measured."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import orjson
import pytest

from benchmarks.leads import HEADER, rows
from benchmarks.stub_server.protocol import HttpProtocol
from benchmarks.stub_server.reads import FIRST_ID, ReadResponses
from benchmarks.stub_server.writes import WriteResponses

RECORDS = [dict(zip(HEADER, row, strict=True)) for row in rows(450)]


def body_of(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    return orjson.loads(body)


def test_a_write_returns_one_result_per_record_with_a_unique_id() -> None:
    writes = WriteResponses()

    calls = [writes.insert(memoryview(orjson.dumps({"data": RECORDS[:count]}))) for count in (100, 100, 37)]

    results = [result for call in calls for result in body_of(call)["data"]]
    assert len(results) == 237
    assert {result["code"] for result in results} == {"SUCCESS"}
    ids = [int(result["details"]["id"]) for result in results]
    assert ids == sorted(set(ids))


def test_list_pages_return_each_record_once_newest_first() -> None:
    reads, token, seen = ReadResponses(450), "0", list[int]()

    while token:
        page = body_of(reads.list_page(f"per_page=200&page_token={token}".encode()))
        seen += [int(result["id"]) for result in page["data"]]
        token = page["info"]["next_page_token"]

    assert seen == list(range(FIRST_ID + 449, FIRST_ID - 1, -1))


def test_queries_by_id_return_each_record_once() -> None:
    reads, last, seen = ReadResponses(450), 0, list[int]()

    while True:
        query = f"select x from Leads where id > '{last}' and id <= '{FIRST_ID + 399}' order by id asc limit 150"
        page = body_of(reads.query(orjson.dumps({"select_query": query})))
        seen += [int(result["id"]) for result in page["data"]]
        last = seen[-1]
        if not page["info"]["more_records"]:
            break

    assert seen == list(range(FIRST_ID, FIRST_ID + 400))


def test_a_bulk_read_returns_each_record_unchanged() -> None:
    reads = ReadResponses(450)

    job = body_of(reads.new_job(orjson.dumps({"query": {"module": {"api_name": "Leads"}}})))["data"][0]["details"]["id"]
    result = body_of(reads.job(f"/crm/bulk/v8/read/{job}".encode()))["data"][0]["result"]
    zip_bytes = reads.job(result["download_url"].encode()).partition(b"\r\n\r\n")[2]

    with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive:
        records = list(csv.DictReader(io.StringIO(archive.read("leads.csv").decode())))
    assert (result["count"], len(records)) == (450, 450)
    assert [{name: result[name] for name in HEADER} for result in records] == RECORDS


class Recorder:
    """A transport and response handler that record requests and responses."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.responses: list[bytes] = []

    def respond(self, line: bytes, body: memoryview) -> bytes:
        self.requests.append(line + b" " + bytes(body))
        return b"answer"

    def write(self, data: bytes) -> None:
        self.responses.append(data)

    def protocol(self) -> HttpProtocol:
        protocol = HttpProtocol(self.respond, 0.0)
        protocol._transport = self  # type: ignore[assignment]
        return protocol


@pytest.mark.parametrize("piece_size", [1, 7, 4096])
def test_requests_are_parsed_in_pieces_of_any_size(piece_size: int) -> None:
    recorder = Recorder()
    protocol = recorder.protocol()
    request = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345GET /b HTTP/1.1\r\nHost: x\r\n\r\n" * 3

    for at in range(0, len(request), piece_size):
        part = request[at : at + piece_size]
        protocol.get_buffer(-1)[: len(part)] = part
        protocol.buffer_updated(len(part))

    assert recorder.requests == [b"POST /a HTTP/1.1 12345", b"GET /b HTTP/1.1 "] * 3
    assert recorder.responses == [b"answer"] * 6


def test_a_request_larger_than_the_buffer_is_read_completely() -> None:
    recorder = Recorder()
    protocol = recorder.protocol()
    request = b"POST /a HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000

    while request:
        room = protocol.get_buffer(-1)
        part, request = request[: len(room)], request[len(room) :]
        room[: len(part)] = part
        protocol.buffer_updated(len(part))

    assert [len(result) for result in recorder.requests] == [len(b"POST /a HTTP/1.1 ") + 1_000_000]
