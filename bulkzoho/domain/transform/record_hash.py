"""Tell a mended record from the same one again.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bulkzoho.domain.transform.exact_json import encode_json

__all__ = ["record_digest"]


def record_digest(record: Mapping[str, object], *, without: str | None = None) -> bytes:
    """Give a digest (16 bytes) of *record* as it is sent, whatever the order of its fields; *without* does not count."""
    fields = {name: value for name, value in sorted(record.items()) if name != without}
    return hashlib.blake2b(encode_json(fields), digest_size=16).digest()
