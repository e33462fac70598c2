"""Zoho's unmodified Node SDK for v8 works with the sandbox."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # the first use installs the SDK

SCRIPT = Path(__file__).with_name("node_sdk.mjs")


async def test_the_node_sdk_works_with_the_sandbox(
    sdk_run: Any, node_with_sdk: Path, check_results: Any, unzip_lines: Any, tmp_path: Path
) -> None:
    archive = tmp_path / "leads.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("leads.csv", "External_Id,Last_Name\nn1,Bulk\nb2,\n")

    results = await sdk_run("node", SCRIPT, node_with_sdk, tmp_path, archive)

    check_results(sdk_run.sandbox, results, "n")
    exported, loaded = unzip_lines(results["exported"]["zip"]), unzip_lines(results["loaded"]["zip"])
    assert [line.partition(",")[2] for line in exported] == ["Last_Name,City", "Okafor,Rom"]
    assert (loaded[0], loaded[2]) == (
        "External_Id,Last_Name,STATUS,RECORD_ID,ERRORS",
        "b2,,SKIPPED,,MANDATORY_NOT_FOUND-Last_Name",
    )
