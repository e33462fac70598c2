"""The stand-in answers what its clients ask for, completely: else they would be measured on less work than they seem to do."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import orjson
import pytest

from benchmarks.leads import HEADER, rows
from benchmarks.stub_server.protocol import Wire
from benchmarks.stub_server.reads import FIRST_ID, Reads
from benchmarks.stub_server.writes import Writes

RECORDS = [dict(zip(HEADER, row, strict=True)) for row in rows(450)]


def body_of(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    return orjson.loads(body)


def test_a_write_is_answered_by_a_result_a_record_with_an_id_of_its_own() -> None:
    writes = Writes()

    calls = [writes.insert(memoryview(orjson.dumps({"data": RECORDS[:count]}))) for count in (100, 100, 37)]

    results = [one for call in calls for one in body_of(call)["data"]]
    assert len(results) == 237
    assert {one["code"] for one in results} == {"SUCCESS"}
    ids = [int(one["details"]["id"]) for one in results]
    assert ids == sorted(set(ids))


def test_pages_of_the_list_give_each_record_once_newest_first() -> None:
    reads, token, seen = Reads(450), "0", list[int]()

    while token:
        page = body_of(reads.list_page(f"per_page=200&page_token={token}".encode()))
        seen += [int(one["id"]) for one in page["data"]]
        token = page["info"]["next_page_token"]

    assert seen == list(range(FIRST_ID + 449, FIRST_ID - 1, -1))


def test_queries_by_id_give_each_record_once() -> None:
    reads, last, seen = Reads(450), 0, list[int]()

    while True:
        query = f"select x from Leads where id > '{last}' and id <= '{FIRST_ID + 399}' order by id asc limit 150"
        page = body_of(reads.query(orjson.dumps({"select_query": query})))
        seen += [int(one["id"]) for one in page["data"]]
        last = seen[-1]
        if not page["info"]["more_records"]:
            break

    assert seen == list(range(FIRST_ID, FIRST_ID + 400))


def test_a_bulk_read_gives_each_record_as_it_was_made() -> None:
    reads = Reads(450)

    job = body_of(reads.new_job(orjson.dumps({"query": {"module": {"api_name": "Leads"}}})))["data"][0]["details"]["id"]
    told = body_of(reads.job(f"/crm/bulk/v8/read/{job}".encode()))["data"][0]["result"]
    packed = reads.job(told["download_url"].encode()).partition(b"\r\n\r\n")[2]

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        found = list(csv.DictReader(io.StringIO(archive.read("leads.csv").decode())))
    assert (told["count"], len(found)) == (450, 450)
    assert [{name: one[name] for name in HEADER} for one in found] == RECORDS


class Heard:
    """A transport that keeps what is written, and an answer that keeps what is asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.said: list[bytes] = []

    def answer(self, line: bytes, body: memoryview) -> bytes:
        self.asked.append(line + b" " + bytes(body))
        return b"answer"

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def wire(self) -> Wire:
        wire = Wire(self.answer, 0.0)
        wire._transport = self  # type: ignore[assignment]
        return wire


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_requests_are_understood_however_they_arrive(piece: int) -> None:
    heard = Heard()
    wire = heard.wire()
    sent = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\n12345GET /b HTTP/1.1\r\nHost: x\r\n\r\n" * 3

    for at in range(0, len(sent), piece):
        part = sent[at : at + piece]
        wire.get_buffer(-1)[: len(part)] = part
        wire.buffer_updated(len(part))

    assert heard.asked == [b"POST /a HTTP/1.1 12345", b"GET /b HTTP/1.1 "] * 3
    assert heard.said == [b"answer"] * 6


def test_a_request_larger_than_the_buffer_is_read_whole() -> None:
    heard = Heard()
    wire = heard.wire()
    sent = b"POST /a HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000

    while sent:
        room = wire.get_buffer(-1)
        part, sent = sent[: len(room)], sent[len(room) :]
        room[: len(part)] = part
        wire.buffer_updated(len(part))

    assert [len(one) for one in heard.asked] == [len(b"POST /a HTTP/1.1 ") + 1_000_000]
