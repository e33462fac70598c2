"""Compressed content is decompressed in bounded memory, and damage is reported after the content before it."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.formats.compression import decompress

TEXT = b"".join(b"row %d, with some text\n" % n for n in range(20_000))


def pieces(data: bytes, size: int = 65536) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def expand(data: bytes, *, size: int = 65536) -> tuple[bytes, BulkZohoError | None]:
    content = b""
    try:
        for piece in decompress(pieces(data, size), name="leads.csv.gz"):
            assert piece
            content += piece
    except BulkZohoError as error:
        return content, error
    return content, None


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


SKIPPABLE = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"


@pytest.mark.parametrize(
    "packed",
    [
        TEXT,
        gzip.compress(TEXT),
        gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]),
        gzip.compress(TEXT) + b"\0" * 700,
        zstd(TEXT),
        zstd(TEXT[:99]) + zstd(TEXT[99:]),
        SKIPPABLE + zstd(TEXT),
    ],
    ids=["plain", "gzip", "gzip members", "padded gzip", "zstd", "zstd frames", "zstd behind a skippable frame"],
)
@pytest.mark.parametrize("size", [7, 1000, 65536])
def test_content_is_decompressed_by_its_first_bytes(packed: bytes, size: int) -> None:
    content, error = expand(packed, size=size)

    assert error is None
    assert content == TEXT


def test_empty_content_stays_empty() -> None:
    assert expand(b"") == (b"", None)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_truncated_file_gives_its_content_and_then_fails(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(TEXT)

    content, error = expand(packed[:-20], size=500)

    assert TEXT.startswith(content)
    assert isinstance(error, RunFailedError)
    assert error.code == "INPUT_CUT"
    assert "end too early" in error.message


def test_damaged_gzip_gives_the_content_before_and_then_fails() -> None:
    packed = bytearray(gzip.compress(TEXT, 1))
    packed[len(packed) // 2] ^= 0xFF

    content, error = expand(bytes(packed))

    assert content.startswith(TEXT[: len(TEXT) // 3])
    assert isinstance(error, RunFailedError)
    assert error.code in ("INPUT_DAMAGED", "INPUT_CUT")


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_garbage_after_the_data_is_damage(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(TEXT)

    content, error = expand(packed + b"rubbish, and more than a few bytes of it")

    assert content == TEXT
    assert isinstance(error, RunFailedError)


def test_a_wrong_checksum_fails_after_the_whole_content() -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[-8] ^= 1

    content, error = expand(bytes(packed))

    assert content == TEXT
    assert isinstance(error, RunFailedError)
    assert error.code == "INPUT_DAMAGED"


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_file_that_expands_a_thousandfold_needs_bounded_memory(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(b"\n" * 100_000_000)

    tracemalloc.start()
    total = sum(len(piece) for piece in decompress(pieces(packed), name="bomb"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert total == 100_000_000
    assert peak < 40_000_000


def test_zstd_without_the_extra_is_refused_with_the_install_command() -> None:
    script = (
        "import sys; sys.modules['zstandard'] = None\n"
        "from bulkzoho.formats.compression import decompress\n"
        "from bulkzoho.errors import RefusedError\n"
        "try: list(decompress(iter([b'\\x28\\xb5\\x2f\\xfd']), name='leads.csv.zst'))\n"
        "except RefusedError as error: print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "leads.csv.zst: is compressed with zstd" in done.stdout
    assert "pip install 'bulkzoho[zstd]'" in done.stdout


@given(st.binary(max_size=300), st.integers(1, 40))
def test_gzip_of_any_content_is_decompressed(data: bytes, size: int) -> None:
    assert expand(gzip.compress(data), size=size) == (data, None)
