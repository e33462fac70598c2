"""Make folders that only their owner may enter."""

from __future__ import annotations

from pathlib import Path

__all__ = ["make_private_folder"]


def make_private_folder(path: Path) -> None:
    """Make *path* and its missing parents (0700); do nothing if it exists.

    Raises:
        OSError: No permission, no space, or a file of that name.
    """
    if not path.parent.exists():  # `parents` of mkdir would make them readable by others
        make_private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
