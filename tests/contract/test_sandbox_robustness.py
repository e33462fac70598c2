"""Invalid input gets a response in Zoho's format and leaves the state consistent."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkzoho.sandbox import Sandbox
from bulkzoho.sandbox.records.writer import Writer
from bulkzoho.sandbox.testing import sandbox_client

SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "name"]), inner, max_size=2)
)
NAMES = ["Name", "External_Id", "Weight", "Fragile", "Shipped_On", "Delivered_At", "Tags_MS", "Carrier", "Quantity", "Big"]
RECORDS = st.dictionaries(st.sampled_from([*NAMES, "Contact", "Owner", "id", "Nonsense", "$x"]), VALUES, max_size=6) | VALUES


@settings(max_examples=150, deadline=None)
@given(records=st.lists(RECORDS, max_size=5))
def test_every_record_has_one_result_and_only_accepted_records_are_stored(records: list[Any]) -> None:
    crm = Sandbox()._crm
    store = crm.stores["Shipments"]
    writer = Writer(crm, store)

    inserted = [writer.insert(each, position) for position, each in enumerate(records)]
    stored = len(store)
    upserted = [writer.upsert(each, position, ("External_Id", "Name")) for position, each in enumerate(records)]

    for each in [*inserted, *upserted]:
        assert set(orjson.loads(each.encoded)) >= {"code", "details", "message", "status"}
    assert stored == sum(each.accepted for each in inserted)
    assert len(store) == stored + sum(each.inserted for each in upserted)


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["insert", "update", "delete"]), st.sampled_from(["a", "A", "b", "", None])), max_size=25
    )
)
def test_the_index_of_a_unique_field_matches_the_records(steps: list[tuple[str, str | None]]) -> None:
    crm = Sandbox()._crm
    store = crm.stores["Leads"]
    writer = Writer(crm, store)

    for number, (step, key) in enumerate(steps):
        ids = list(store.ascending_ids())
        chosen = ids[number % len(ids)] if ids else None
        if step == "insert":
            writer.insert({"Last_Name": "L", "External_Id": key}, 0)
        elif chosen is not None and step == "update":
            writer.update({"id": str(chosen), "External_Id": key}, 0)
        elif chosen is not None:
            store.delete(chosen, crm.now_s())

    for key in ("a", "b"):
        holders = [each for each in store.ascending_ids() if store.values(each).get("External_Id", "").casefold() == key]
        assert len(holders) <= 1
        assert store.keys["External_Id"].find(key) == tuple(holders)


async def test_malformed_requests_get_a_response() -> None:
    bodies = [b"", b"null", b'"x"', b'{"data":{}}', b'{"data":[[]]}', b'{"data":[null]}', b'{"data":[{"id":{}}]}', b"\xff"]
    async with sandbox_client() as client:
        for body in bodies:
            for method, path in (("POST", "Leads"), ("PUT", "Leads"), ("POST", "Leads/upsert"), ("POST", "coql")):
                answer = await client.call(method, f"/crm/v8/{path}", data=body)
                assert answer.status == 400, (method, path, body)
        listed = await client.call(
            "POST", "/crm/v8/Leads/upsert", data=b'{"data":[{"Last_Name":"A"}],"duplicate_check_fields":[["x"]]}'
        )
        assert listed.body["code"] == "INVALID_DATA"
        for query in ("fields=&page=x", "fields=id&per_page=-1", "fields=id&page_token=%00", "fields=id&cvid=1"):
            assert (await client.call("GET", f"/crm/v8/Leads?{query}")).status == 400
        for criteria in ("(", "()", "a", "(a:b:c", "((a:b:c)and", "(City:equals:x)xor(City:equals:y)", "(City:in:)"):
            answer = await client.get("Leads/search", {"criteria": criteria})
            assert answer.status in (204, 400), criteria
        assert client.sandbox.state()["in_flight"]["now"] == 0


async def test_a_client_that_disconnects_mid_request_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with sandbox_client() as client:
        port = urlsplit(client.sandbox.url).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /crm/v8/Leads HTTP/1.1\r\nHost: x\r\nAuthorization: Zoho-oauthtoken {client.token}\r\n"
        writer.write(head.encode() + b'Content-Length: 1000\r\n\r\n{"data":[{"Last_Name"')
        await writer.drain()
        while client.sandbox.state()["in_flight"]["now"] == 0:
            await asyncio.sleep(0.001)

        writer.transport.abort()
        while client.sandbox.state()["in_flight"]["now"]:
            await asyncio.sleep(0.001)

        assert client.sandbox.count("Leads") == 0
        assert client.sandbox.calls[-1].status is None
        assert await reader.read() == b""
    assert not caplog.records


GARBAGE = [
    b"\0" * 1_000,
    bytes(range(256)) * 16,
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /crm/v8/Leads HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /crm/v8/Leads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


async def test_bytes_that_are_not_http_get_a_response_and_the_next_call_works() -> None:
    async with sandbox_client() as client:
        first_lines = []
        for garbage in GARBAGE:
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(client.sandbox.url).port)
            writer.write(garbage)
            first_lines.append(await reader.readline())
            writer.close()

        assert {each.split()[1] for each in first_lines} == {b"400"}
        assert (await client.get("org")).status == 200
        assert client.sandbox.state()["in_flight"]["now"] == 0


async def test_deeply_nested_input_is_rejected() -> None:
    deep = "(" * 3_000
    async with sandbox_client() as client:
        queried = await client.coql(f"select id from Leads where {deep}id is not null{deep.replace('(', ')')}")
        searched = await client.get("Leads/search", {"criteria": deep})
        read = await client.call("POST", "/crm/bulk/v8/read", data=b"[" * 5_000, headers={"Content-Type": "application/json"})
        body = b'{"query":{"module":{"api_name":"Leads"}},"callback":{"url":"http://[::1","method":"post"}}'
        called_back = await client.call("POST", "/crm/bulk/v8/read", data=body, headers={"Content-Type": "application/json"})

        assert (queried.status, searched.status) == (400, 400)
        assert (read.body["code"], called_back.body["code"]) == ("REQUEST_BODY_NOT_READABLE", "INVALID_CALLBACK_URL")


def _zip(content: bytes, name: str = "leads.csv") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


GOOD = _zip(b"Last_Name\nA\n")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"hello", "INVALID_FILE_FORMAT"),
        (GOOD[:-10], "INVALID_FILE_FORMAT"),
        (GOOD[:40] + b"\xff" * 5 + GOOD[45:], "FILE_NOT_SUPPORTED"),
        (_zip(b"x", "leads.txt"), "FILE_NOT_FOUND"),
        (_zip(b""), "FILE_NOT_SUPPORTED"),
        (_zip(b"Last_Name\n" + b"x" * 2_000_000), "FILE_NOT_SUPPORTED"),
        (_zip(b"Last_Name\n" + b"0" * 27_000_000), "FILE_TOO_LARGE"),
    ],
)
async def test_an_invalid_zip_is_rejected_with_its_error_code(content: bytes, code: str) -> None:
    async with sandbox_client() as client:
        form = aiohttp.FormData()
        form.add_field("file", content, filename="leads.zip")
        headers = {"feature": "bulk-write", "X-CRM-ORG": "650000001"}
        answer = await client.call("POST", "/crm/v8/upload", data=form, headers=headers)
        if answer.status == 200:
            resource = {"type": "data", "module": {"api_name": "Leads"}, "file_id": answer.body["details"]["file_id"]}
            body = orjson.dumps({"operation": "insert", "resource": [resource]})
            answer = await client.call("POST", "/crm/bulk/v8/write", data=body, headers={"Content-Type": "application/json"})

        assert answer.body["code"] == code
        assert (await client.get("org")).status == 200
