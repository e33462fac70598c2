"""Files that were uploaded and wait to be used, and those that fields hold (zoho-api, sections 9.3 and 10)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StoredFile", "UploadStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file."""

    name: str
    content: bytes
    kept_s: float  #: when it came, in the service's seconds since 1970


class UploadStore:
    """All files, by the id that was given for each."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}

    def put(self, file_id: str, file: StoredFile) -> None:
        """Keep a file."""
        self._files[file_id] = file

    def let_go(self, until_s: float) -> None:
        """Let go of what came at *until_s* or earlier."""
        for file_id in [each for each, file in self._files.items() if file.kept_s <= until_s]:
            del self._files[file_id]

    def find(self, file_id: str) -> StoredFile | None:
        """Give the file of that id."""
        return self._files.get(file_id)
