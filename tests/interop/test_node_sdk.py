"""Zoho's Node SDK for v8, unmodified, works against the sandbox as against Zoho."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # the first use installs the SDK

SCRIPT = Path(__file__).with_name("node_sdk.mjs")


async def test_the_node_sdk_does_all_it_can_against_the_sandbox(
    sdk_run: Any, node_with_sdk: Path, same_for_both: Any, lines_of_zip: Any, tmp_path: Path
) -> None:
    archive = tmp_path / "leads.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("leads.csv", "External_Id,Last_Name\nn1,Bulk\nb2,\n")

    told = await sdk_run("node", SCRIPT, node_with_sdk, tmp_path, archive)

    same_for_both(sdk_run.sandbox, told, "n")
    exported, loaded = lines_of_zip(told["exported"]["zip"]), lines_of_zip(told["loaded"]["zip"])
    assert [line.partition(",")[2] for line in exported] == ["Last_Name,City", "Okafor,Rom"]
    assert (loaded[0], loaded[2]) == (
        "External_Id,Last_Name,STATUS,RECORD_ID,ERRORS",
        "b2,,SKIPPED,,MANDATORY_NOT_FOUND-Last_Name",
    )
