"""Read credentials for the login from a JSON file, such as the one that Zoho's API console offers for download."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bulkzoho.errors import RefusedError

__all__ = ["Credentials", "read_credentials"]

STANDARD_INPUT: Final = "-"
MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Credentials from a file or the environment; missing ones are empty."""

    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    dc: str = ""
    org: str = ""


def read_credentials(path: str) -> Credentials:
    """Read *path*; ``-`` is standard input.

    Raises:
        RefusedError: It cannot be read, or is not a JSON object of strings.  The message shows no content.
    """
    name = "standard input" if path == STANDARD_INPUT else path
    try:
        if path == STANDARD_INPUT:
            raw = sys.stdin.buffer.read(MAX_BYTES)
        else:
            with Path(path).open("rb") as file:
                raw = file.read(MAX_BYTES)
    except OSError as error:
        raise RefusedError(f"{name}: cannot be read ({error.strerror}).", hint="Check the path of --file.") from error
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RefusedError(f"{name}: not a JSON object.", hint=_HINT)
    return Credentials(**{key: _text(name, key, value.get(key, "")) for key in _KEYS})


_KEYS: Final = ("client_id", "client_secret", "code", "refresh_token", "dc", "org")
_HINT: Final = f"Its keys are {', '.join(_KEYS)}, with strings as values. The API console offers such a file for download."


def _text(name: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise RefusedError(f"{name}: {key} is not a string.", hint=_HINT)
    return value.strip()
