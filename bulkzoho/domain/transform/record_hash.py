"""Digest of a record, to find out whether a rejected row was fixed.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from bulkzoho.domain.transform.exact_json import encode_json

__all__ = ["record_digest"]


def record_digest(record: Mapping[str, object], *, without: str | None = None) -> bytes:
    """Return a digest (16 bytes) of *record* as it is sent, regardless of the order of its fields and of the field *without*."""
    fields = {name: value for name, value in sorted(record.items()) if name != without}
    return hashlib.blake2b(encode_json(fields), digest_size=16).digest()
