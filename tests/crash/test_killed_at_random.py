"""Runs killed at random moments under random faults end correctly (short form of :mod:`run_all`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .process_killer import kill_and_resume

SEED = int(os.environ.get("CRASH_SEED", "20261124"))
KILLS = 2
ROWS = 400


@pytest.mark.parametrize("name", ["insert", "insert-keyless", "upsert", "update", "delete", "replay"])
async def test_a_run_killed_at_random_moments_writes_every_row_once(name: str, tmp_path: Path) -> None:
    killed = await kill_and_resume(name, rows=ROWS, kills=KILLS, seed=SEED, folder=tmp_path)

    print(f"seed {SEED}: {killed}")
    assert killed.kills > 0
