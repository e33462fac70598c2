"""Install Zoho's unmodified SDKs once, each into its own folder, and start a sandbox for them."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from bulkzoho.sandbox import Sandbox, SandboxSettings, UnverifiedBehavior

PYTHON_SDK = "zohocrmsdk8-0==7.0.0"
NODE_SDK = "@zohocrm/nodejs-sdk-8.0@2.0.0"
RUN_TIMEOUT_S = 60.0


@contextmanager
def _installed(folder: Path, package: str) -> Iterator[bool]:
    """Yield whether *package* is installed in *folder*; if not, mark it as installed after the caller has done so."""
    mark = folder / "installed.txt"
    if mark.exists() and mark.read_text() == package:
        yield True
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield False
    mark.write_text(package)


def _run(*command: str, folder: Path) -> None:
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if completed.returncode != 0:
        pytest.fail(f"{' '.join(command)} failed, so Zoho's SDK cannot run: {completed.stderr[-2000:]}", pytrace=False)


@pytest.fixture(scope="session")
def python_with_sdk(request: pytest.FixtureRequest) -> Path:
    """Return a Python interpreter with Zoho's SDK and nothing of this project."""
    folder = Path(request.config.cache.mkdir("interop")) / "python"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    with _installed(folder, f"{PYTHON_SDK} {sys.version}") as done:
        if not done:
            _run(sys.executable, "-m", "venv", str(folder), folder=folder)
            _run(str(python), "-m", "pip", "install", "--quiet", PYTHON_SDK, folder=folder)
    return python


@pytest.fixture(scope="session")
def node_with_sdk(request: pytest.FixtureRequest) -> Path:
    """Return the folder with Zoho's Node SDK."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.fail("Zoho's Node SDK needs node and npm; .ci/run installs them", pytrace=False)
    folder = Path(request.config.cache.mkdir("interop")) / "node"
    with _installed(folder, NODE_SDK) as done:
        if not done:
            (folder / "package.json").write_text('{"private": true}')
            _run(npm, "install", "--no-audit", "--no-fund", NODE_SDK, folder=folder)
    return folder


class SdkRun:
    """Runner of SDK scripts against one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def __call__(self, *command: object) -> Any:
        """Run a command and return the JSON object that it prints."""
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            env={**os.environ, **self.sandbox.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), RUN_TIMEOUT_S)
        assert process.returncode == 0, err.decode()[-4000:]
        return orjson.loads(out)


@pytest.fixture
async def sdk_run() -> AsyncIterator[SdkRun]:
    """Yield a runner for a sandbox with short jobs and no search lag."""
    async with Sandbox(
        SandboxSettings(job_time_s=0.2, search_lag_s=0, strict=UnverifiedBehavior(shuffled_results=False))
    ) as sandbox:
        yield SdkRun(sandbox)


def unzip_lines(encoded: str) -> list[str]:
    """Return the lines of the only file in a base64 zip."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(encoded))) as archive:
        [name] = archive.namelist()
        return archive.read(name).decode().splitlines()


@pytest.fixture(name="unzip_lines")
def fixture_unzip_lines() -> Any:
    """Return the function that unpacks a base64 zip."""
    return unzip_lines


@pytest.fixture(name="check_results")
def fixture_check_results() -> Any:
    """Return the assertions shared by both SDKs."""
    return assert_sdk_results


def assert_sdk_results(sandbox: Sandbox, results: Any, key: str) -> None:
    """Check the results reported by an SDK and the records in the sandbox; *key* is the first letter of its external ids."""
    written, read = results["written"], results["read"]
    assert results["user"] == "Ana Lund"
    assert (written["created"]["status"], written["created"]["codes"]) == (201, ["SUCCESS"] * 5)
    assert (written["mixed"]["status"], written["mixed"]["codes"]) == (207, ["DUPLICATE_DATA", "SUCCESS"])
    assert written["mixed"]["kinds"] == ["APIException", "SuccessResponse"]
    assert (written["updated"]["status"], written["updated"]["codes"]) == (200, ["SUCCESS"])
    assert written["updated_one"]["ids"] == written["updated"]["ids"] == written["created"]["ids"][:1]
    assert (written["upserted"]["status"], written["upserted"]["codes"]) == (200, ["SUCCESS", "SUCCESS"])
    assert written["linked"]["codes"] == ["SUCCESS"]
    assert read["one"] == {"Last_Name": "Okafor", "Score": 1.5, "City": "Rom", "State": "Østland", "Email_Opt_Out": True}
    assert (read["owner"], read["count"], read["nothing"]) == ("Ana Lund", 7, 204)
    assert (read["pages"], read["names"]) == (4, ["New", "X", "N3", "N2", "N1", "N0", "Okafor"])
    assert (read["found"], read["coql"]) == (["Okafor"], [["Okafor", "Rom"]])
    assert read["coql_refused"] == ["APIException", "INVALID_QUERY"]
    assert (results["exported"]["status"], results["exported"]["code"]) == (201, "ADDED_SUCCESSFULLY")
    assert (results["exported"]["state"], results["exported"]["count"]) == ("COMPLETED", 1)
    assert (results["loaded"]["uploaded"], results["loaded"]["created"]) == ("FILE_UPLOAD_SUCCESS", "SUCCESS")
    assert results["loaded"]["counts"] == [0, 1, 1, 2]
    assert (results["deleted"]["deleted"]["status"], results["deleted"]["deleted"]["codes"]) == (207, ["SUCCESS", "INVALID_DATA"])
    assert results["deleted"]["removed"] == written["created"]["ids"][1:2]
    [first] = [each for each in sandbox.records("Leads") if each.get("External_Id") == f"{key}1"]
    [contact] = sandbox.records("Contacts")
    assert (first["Last_Name"], first["City"]) == ("Bulk", "Rom")
    assert contact["Account_Name"]["name"] == "Acme"
    assert all(call.trigger == () for call in sandbox.calls if call.operation in ("insert", "update", "upsert"))
