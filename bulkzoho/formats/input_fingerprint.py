"""Recognise a file again: by the bytes that were read of it, or by its whole content."""

from __future__ import annotations

import contextlib

from bulkzoho.errors import RunFailedError
from bulkzoho.formats.compression import decompress
from bulkzoho.formats.raw_input import FileByteSource, RunningDigest

__all__ = ["content_digest", "verify_prefix"]


def verify_prefix(path: str, read_bytes: int, digest: str) -> bool:
    """Whether the first *read_bytes* raw bytes of *path* still have this *digest* (see ``Source.fingerprint``).

    Nothing read yet (0 bytes) is always so.

    Raises:
        RefusedError: There is no such file, or it may not be read.
        RunFailedError: It cannot be read on.
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
    """Give the hex digest of the content of *path*, expanded; the same file gives the same one, compressed or not.

    A damaged file gives that of what can be read of it.

    Raises:
        RefusedError: There is no such file, it may not be read, or needs an extra that is not installed.
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
