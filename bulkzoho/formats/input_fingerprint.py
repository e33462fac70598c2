"""Recognize a file: by the bytes that were read of it, or by its whole content."""

from __future__ import annotations

import contextlib

from bulkzoho.errors import RunFailedError
from bulkzoho.formats.compression import decompress
from bulkzoho.formats.raw_input import FileByteSource, RunningDigest

__all__ = ["content_digest", "verify_prefix"]


def verify_prefix(path: str, read_bytes: int, digest: str) -> bool:
    """Return whether the first *read_bytes* raw bytes of *path* still have this *digest* (see ``Source.fingerprint``).

    With 0 bytes it is always true.

    Raises:
        RefusedError: There is no such file, or it cannot be read.
        RunFailedError: Reading fails later.
    """
    if not read_bytes:
        return True
    raw = FileByteSource(path, digests=False)
    seen = RunningDigest()
    left = read_bytes
    try:
        for chunk in raw.chunks():
            seen.feed(chunk[:left])
            left -= min(len(chunk), left)
            if not left:
                break
    finally:
        raw.close()
    return seen.state() == (read_bytes, digest)


def content_digest(path: str) -> str:
    """Return the hex digest of the decompressed content of *path*: it is the same whether the file is compressed or not.

    For a damaged file it is the digest of the readable part.

    Raises:
        RefusedError: There is no such file, it cannot be read, or it needs an extra that is not installed.
    """
    raw = FileByteSource(path, digests=False)
    seen = RunningDigest()
    try:
        with contextlib.suppress(RunFailedError):
            for piece in decompress(raw.chunks(), name=path):
                seen.feed(piece)
    finally:
        raw.close()
    return seen.state()[1]
