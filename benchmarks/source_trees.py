"""The source tree of another revision, laid out beside this one, so that two revisions can run in the same rounds."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from benchmarks.measurement import CACHE, TOP, BenchmarkError

__all__ = ["tree_of"]


def tree_of(revision: str) -> Path:
    """Give a folder with ``bulkzoho/`` as it was at *revision*; it runs with the packages that are installed today.

    Raises:
        BenchmarkError: git knows no such revision.
    """
    asked = subprocess.run(
        ["git", "rev-parse", "--verify", f"{revision}^{{commit}}"], cwd=TOP, capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise BenchmarkError(f"git knows no revision {revision}")
    folder = CACHE / "trees" / asked.stdout.strip()
    if not (folder / "bulkzoho").exists():
        packed = subprocess.run(["git", "archive", asked.stdout.strip(), "bulkzoho"], cwd=TOP, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
    return folder
