"""Zoho's unmodified Python SDK for v8 works with the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # the first use installs the SDK

SCRIPT = Path(__file__).with_name("python_sdk.py")


async def test_the_python_sdk_works_with_the_sandbox(
    sdk_run: Any, python_with_sdk: Path, check_results: Any, tmp_path: Path
) -> None:
    results = await sdk_run(python_with_sdk, SCRIPT, tmp_path)

    check_results(sdk_run.sandbox, results, "p")
    assert (results["bin"], results["orders"]) == (["N0"], {"codes": ["SUCCESS"], "rows": [["Oak", 2], ["Elm", None]]})
    header, skipped = results["loaded"]["lines"][0], results["loaded"]["lines"][2]
    assert results["exported"]["lines"] == ["Last_Name,City", "Okafor,Rom"]
    assert (header, skipped) == ("External_Id,Last_Name,STATUS,RECORD_ID,ERRORS", "b2,,SKIPPED,,MANDATORY_NOT_FOUND-Last_Name")


async def test_the_python_sdk_downloads_a_result_by_relative_url(
    sdk_run: Any, python_with_sdk: Path, check_results: Any, tmp_path: Path
) -> None:
    strict = {"relative_download_url": True}
    sdk_run.sandbox.change(strict=strict)

    results = await sdk_run(python_with_sdk, SCRIPT, tmp_path)

    check_results(sdk_run.sandbox, results, "p")
