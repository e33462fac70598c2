"""Zoho's Python SDK for v8, unmodified, works against the sandbox as against Zoho."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # the first use installs the SDK

SCRIPT = Path(__file__).with_name("python_sdk.py")


async def test_the_python_sdk_does_all_it_can_against_the_sandbox(
    sdk_run: Any, python_with_sdk: Path, same_for_both: Any, tmp_path: Path
) -> None:
    told = await sdk_run(python_with_sdk, SCRIPT, tmp_path)

    same_for_both(sdk_run.sandbox, told, "p")
    assert (told["bin"], told["orders"]) == (["N0"], {"codes": ["SUCCESS"], "rows": [["Oak", 2], ["Elm", None]]})
    header, skipped = told["loaded"]["lines"][0], told["loaded"]["lines"][2]
    assert told["exported"]["lines"] == ["Last_Name,City", "Okafor,Rom"]
    assert (header, skipped) == ("External_Id,Last_Name,STATUS,RECORD_ID,ERRORS", "b2,,SKIPPED,,MANDATORY_NOT_FOUND-Last_Name")


async def test_the_python_sdk_fetches_a_result_by_a_relative_address_too(
    sdk_run: Any, python_with_sdk: Path, same_for_both: Any, tmp_path: Path
) -> None:
    strict = {"relative_download_url": True}
    sdk_run.sandbox.change(strict=strict)

    told = await sdk_run(python_with_sdk, SCRIPT, tmp_path)

    same_for_both(sdk_run.sandbox, told, "p")
