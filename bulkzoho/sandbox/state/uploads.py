"""Uploaded files (zoho-api, sections 9.3 and 10)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StoredFile", "UploadStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One uploaded file."""

    name: str
    content: bytes
    uploaded_s: float  #: upload time in service seconds since 1970


class UploadStore:
    """Uploaded files by id."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}

    def put(self, file_id: str, file: StoredFile) -> None:
        """Store a file."""
        self._files[file_id] = file

    def delete_until(self, until_s: float) -> None:
        """Delete the files uploaded at *until_s* or earlier."""
        for file_id in [each for each, file in self._files.items() if file.uploaded_s <= until_s]:
            del self._files[file_id]

    def find(self, file_id: str) -> StoredFile | None:
        """Return the file with this id."""
        return self._files.get(file_id)
