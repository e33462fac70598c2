"""Files for file fields."""

from __future__ import annotations

import io

import aiohttp

from bulkzoho.sandbox.testing import sandbox_client


def _form(*contents: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData()
    for number, content in enumerate(contents):
        form.add_field("file", io.BytesIO(content), filename=f"{number}.bin", content_type="application/octet-stream")
    return form


async def test_files_are_returned_unchanged() -> None:
    contents = (b"\r\n--\x00\xff\r\n", b"")
    async with sandbox_client() as client:
        put = await client.call("POST", "/crm/v8/files", data=_form(*contents))
        ids = [each["details"]["id"] for each in put.body["data"]]
        got = [await client.call("GET", "/crm/v8/files", params={"id": each}) for each in ids]

        assert put.status == 200
        assert [each["details"]["name"] for each in put.body["data"]] == ["0.bin", "1.bin"]
        assert tuple(each.body for each in got) == contents


async def test_too_many_or_too_large_files_and_unknown_ids_are_rejected() -> None:
    async with sandbox_client() as client:
        many = await client.call("POST", "/crm/v8/files", data=_form(*[b"x"] * 11))
        large = await client.call("POST", "/crm/v8/files", data=_form(b"x" * (20 * 2**20 + 1)))
        no_form = await client.call("POST", "/crm/v8/files", data=b"x")
        unknown = await client.call("GET", "/crm/v8/files", params={"id": "x"})
        no_id = await client.call("GET", "/crm/v8/files")

        assert (many.status, no_form.status) == (400, 400)
        assert (large.status, large.body["code"]) == (415, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE")
        assert unknown.status == 204
        assert no_id.body["code"] == "REQUIRED_PARAM_MISSING"
