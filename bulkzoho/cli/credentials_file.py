"""A file of credentials for the login: the JSON that Zoho's API console offers for download, or one like it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bulkzoho.errors import RefusedError

__all__ = ["Credentials", "read_credentials"]

STANDARD_INPUT: Final = "-"
MOST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a file (or the environment) gives; empty is what it does not."""

    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    dc: str = ""
    org: str = ""


def read_credentials(path: str) -> Credentials:
    """Read *path*; ``-`` is standard input.

    Raises:
        RefusedError: It cannot be read, or is no JSON object of texts; nothing of it is shown.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    try:
        if path == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MOST_BYTES)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MOST_BYTES)
    except OSError as error:
        raise RefusedError(f"{name}: cannot be read: {error.strerror}.", hint="Check the path given to --file.") from error
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RefusedError(f"{name}: is no JSON object.", hint=_HINT)
    return Credentials(**{key: _text(name, key, value.get(key, "")) for key in _KEYS})


_KEYS: Final = ("client_id", "client_secret", "code", "refresh_token", "dc", "org")
_HINT: Final = f"It holds some of {', '.join(_KEYS)}, as texts; the API console's Download gives such a file."


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError(f"{name}: {key} is no text.", hint=_HINT)
    return value.strip()
