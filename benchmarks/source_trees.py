"""Check out the source tree of another revision, so that two revisions can run in the same rounds."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from benchmarks.measurement import CACHE, TOP, BenchmarkError

__all__ = ["checkout"]


def checkout(revision: str) -> Path:
    """Return a folder with ``bulkzoho/`` at *revision*; it runs with the currently installed packages.

    Raises:
        BenchmarkError: The revision does not exist.
    """
    resolved = subprocess.run(
        ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"], cwd=TOP, capture_output=True, text=True, check=False
    )
    if resolved.returncode:
        raise BenchmarkError(f"unknown git revision {revision}")
    folder = CACHE / "trees" / resolved.stdout.strip()
    if not (folder / "bulkzoho").exists():
        archive_bytes = subprocess.run(
            ["git", "archive", resolved.stdout.strip(), "bulkzoho"], cwd=TOP, capture_output=True, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(archive_bytes.stdout)) as archive:
            archive.extractall(folder, filter="data")
    return folder
