"""Install Zoho's own SDKs once, unmodified, into folders of their own; start a sandbox for them."""

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
def _installed(folder: Path, what: str) -> Iterator[bool]:
    """Yield whether *what* is in *folder* already; otherwise record it after the caller has put it there."""
    mark = folder / "installed.txt"
    if mark.exists() and mark.read_text() == what:
        yield True
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield False
    mark.write_text(what)


def _run(*words: str, folder: Path) -> None:
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        pytest.fail(f"{' '.join(words)} failed, so Zoho's SDK cannot be tried: {ended.stderr[-2000:]}", pytrace=False)


@pytest.fixture(scope="session")
def python_with_sdk(request: pytest.FixtureRequest) -> Path:
    """Return an interpreter that has Zoho's Python SDK, and none of our code."""
    folder = Path(request.config.cache.mkdir("interop")) / "python"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    with _installed(folder, f"{PYTHON_SDK} {sys.version}") as done:
        if not done:
            _run(sys.executable, "-m", "venv", str(folder), folder=folder)
            _run(str(python), "-m", "pip", "install", "--quiet", PYTHON_SDK, folder=folder)
    return python


@pytest.fixture(scope="session")
def node_with_sdk(request: pytest.FixtureRequest) -> Path:
    """Return the folder that Zoho's Node SDK is installed in."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.fail("node and npm are needed to try Zoho's Node SDK; .ci/run installs them", pytrace=False)
    folder = Path(request.config.cache.mkdir("interop")) / "node"
    with _installed(folder, NODE_SDK) as done:
        if not done:
            (folder / "package.json").write_text('{"private": true}')
            _run(npm, "install", "--no-audit", "--no-fund", NODE_SDK, folder=folder)
    return folder


class SdkRun:
    """Run a script of an SDK against one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def __call__(self, *words: object) -> Any:
        """Run the command; return the JSON object that it prints."""
        process = await asyncio.create_subprocess_exec(
            *map(str, words),
            env={**os.environ, **self.sandbox.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), RUN_TIMEOUT_S)
        assert process.returncode == 0, err.decode()[-4000:]
        return orjson.loads(out)


@pytest.fixture
async def sdk_run() -> AsyncIterator[SdkRun]:
    """Return a function that runs a script against a sandbox with short jobs and an index without lag."""
    async with Sandbox(
        SandboxSettings(job_time_s=0.2, search_lag_s=0, strict=UnverifiedBehavior(shuffled_results=False))
    ) as sandbox:
        yield SdkRun(sandbox)


def lines_of_zip(encoded: str) -> list[str]:
    """Return the lines of the one file in a zip that comes as base 64."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(encoded))) as archive:
        [name] = archive.namelist()
        return archive.read(name).decode().splitlines()


@pytest.fixture(name="lines_of_zip")
def fixture_lines_of_zip() -> Any:
    """Return a function that unpacks a zip that comes as base 64."""
    return lines_of_zip


@pytest.fixture(name="same_for_both")
def fixture_same_for_both() -> Any:
    """Return the assertions that hold for both SDKs."""
    return assert_the_sdk_did_it_all


def assert_the_sdk_did_it_all(sandbox: Sandbox, told: Any, key: str) -> None:
    """Check the output of an SDK and the records in the sandbox; *key* is the first letter of its external ids."""
    written, read = told["written"], told["read"]
    assert told["user"] == "Ana Lund"
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
    assert (told["exported"]["status"], told["exported"]["code"]) == (201, "ADDED_SUCCESSFULLY")
    assert (told["exported"]["state"], told["exported"]["count"]) == ("COMPLETED", 1)
    assert (told["loaded"]["uploaded"], told["loaded"]["created"]) == ("FILE_UPLOAD_SUCCESS", "SUCCESS")
    assert told["loaded"]["counts"] == [0, 1, 1, 2]
    assert (told["deleted"]["deleted"]["status"], told["deleted"]["deleted"]["codes"]) == (207, ["SUCCESS", "INVALID_DATA"])
    assert told["deleted"]["removed"] == written["created"]["ids"][1:2]
    [first] = [each for each in sandbox.records("Leads") if each.get("External_Id") == f"{key}1"]
    [contact] = sandbox.records("Contacts")
    assert (first["Last_Name"], first["City"]) == ("Bulk", "Rom")
    assert contact["Account_Name"]["name"] == "Acme"
    assert all(call.trigger == () for call in sandbox.calls if call.operation in ("insert", "update", "upsert"))
