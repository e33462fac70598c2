"""Parse multipart bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MultipartPart", "read_parts"]

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?').search
_NAME = re.compile(rb'[; ]name="([^"]*)"').search
_FILE_NAME = re.compile(rb'filename="([^"]*)"').search


@dataclass(frozen=True, slots=True, kw_only=True)
class MultipartPart:
    """One part of a multipart body."""

    name: str
    file_name: str
    content: bytes


def read_parts(content_type: str, body: bytes) -> list[MultipartPart]:
    """Return the parts of *body* in order; an empty list if it is not a multipart body."""
    boundary = _BOUNDARY(content_type)
    if not content_type.startswith("multipart/form-data") or boundary is None:
        return []
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    return [_parse_part(each) for each in sections[1:] if not each.startswith(b"--")]


def _parse_part(section: bytes) -> MultipartPart:
    head, _, content = section.partition(b"\r\n\r\n")
    name, file_name = _NAME(head), _FILE_NAME(head)
    return MultipartPart(
        name="" if name is None else name[1].decode(errors="replace"),
        file_name="" if file_name is None else file_name[1].decode(errors="replace"),
        content=content,
    )
