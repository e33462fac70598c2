"""No secret of many runs is in anything that they left behind."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

from .harness import Program, SandboxProcess

STORES = ("profiles.json", "tokens/")


def _tokens(home: Path) -> set[str]:
    return {json.loads(file.read_text())["access_token"] for file in (home / "tokens").glob("*.json")}


def _holders(folder: Path, secrets: set[str]) -> set[str]:
    """Return the files below *folder* that contain one of *secrets*, except the inputs that a test wrote."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    given = {"in", "credentials.json"}
    return {
        str(path.relative_to(folder))
        for path in files
        if path.name not in given and any(secret.encode() in path.read_bytes() for secret in secrets)
    }


def test_no_file_log_or_output_contains_a_secret_except_the_stores(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    os.umask(0o022)
    environment = sandbox.environment
    codes = [sandbox.code() for _ in range(3)]
    secrets = {environment["BULKZOHO_CLIENT_SECRET"], environment["BULKZOHO_REFRESH_TOKEN"], *codes, "wrong-secret-of-mine"}
    quiet = {"BULKZOHO_REFRESH_TOKEN": ""}
    bulkzoho.file("credentials.json", json.dumps({"code": codes[1]}))
    bulkzoho.leads("leads.csv", 2_000)
    named = ("import", "leads.csv", "--module", "Leads", "--profile", "prod", "-vv", "--calls-per-minute", "6000")
    access = set[str]()

    # successful commands, verbose
    bulkzoho.run("auth", "login", "-vv", "--profile", "prod", environment={**quiet, "BULKZOHO_GRANT_CODE": codes[0]}).expect(0)
    bulkzoho.run("auth", "login", "-vv", "--profile", "b", "--file", "credentials.json", environment=quiet).expect(0)
    access |= _tokens(bulkzoho.home)
    bulkzoho.run("auth", "login", "-vv", "--profile", "server", "--method", "client-credentials", "--org", "650000001").expect(0)
    bulkzoho.run("auth", "status", "-vv", "--json", "--profile", "prod").expect(0)
    bulkzoho.run("auth", "list", "--json").expect(0)
    bulkzoho.run("doctor", "-vv", "--module", "Leads").expect(0)
    sandbox.script({"kind": "token_revoked", "on_call": 5}, {"kind": "reset_after_commit", "on_call": 9})
    bulkzoho.run(*named, "--log-file", "events.log").expect(0)
    access |= _tokens(bulkzoho.home)
    # failing commands
    bulkzoho.run("auth", "login", "-vv", environment={**quiet, "BULKZOHO_GRANT_CODE": codes[0]}).expect(6)
    bulkzoho.run("modules", "-vv", environment={"BULKZOHO_CLIENT_SECRET": "wrong-secret-of-mine"}).expect(6)
    sandbox.script({"kind": "502_page", "path_contains": "/crm/", "times": 999})
    bulkzoho.run(*named, "--again", "--give-up-after", "1s").expect(5)
    sandbox.script()
    sandbox.revoke(refresh=True)
    bulkzoho.run(*named, "--again", "--json", "--log-file", "events.json", "--log-format", "json").expect(6)
    bulkzoho.run("doctor", "-vv", "--profile", "prod", "--json").expect(6)
    profiles = json.loads((bulkzoho.home / "profiles.json").read_text())["profiles"]
    secrets |= access | _tokens(bulkzoho.home) | {one["secrets"]["refresh_token"] for one in profiles.values()} - {""}

    assert list((bulkzoho.home / "runs").glob("*/run.log"))
    assert (bulkzoho.folder / "events.log").stat().st_size
    holders = {name.removeprefix("home/") for name in _holders(bulkzoho.folder, secrets)}
    assert holders
    assert {name for name in holders if not name.startswith(STORES)} == set()
    assert len(secrets) > 8


def test_only_the_owner_can_read_the_files_of_a_state_directory(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    os.umask(0o022)
    bulkzoho.leads("leads.csv", 20)

    bulkzoho.run("import", "leads.csv", "--module", "Leads").expect(0)
    bulkzoho.run("auth", "login").expect(0)
    bulkzoho.run("auth", "login", "--file", "nothing.json").expect(4)
    bulkzoho.run("doctor").expect(0)
    sandbox.revoke()

    open_to_others = [
        f"{path.relative_to(bulkzoho.folder)} {stat.filemode(path.stat().st_mode)}"
        for path in (bulkzoho.home, *bulkzoho.home.rglob("*"))
        if path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_no_argument_of_a_process_contains_a_secret(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.3)
    running = bulkzoho.start("auth", "login")

    arguments = _arguments_of(running.process.pid)
    running.wait().expect(0)

    assert b"login" in arguments
    assert sandbox.environment["BULKZOHO_REFRESH_TOKEN"].encode() not in arguments


def _arguments_of(process: int) -> bytes:
    """Return what ``ps`` shows of a new process, once it runs the program."""
    until = time.monotonic() + 20.0
    while time.monotonic() < until:  # between fork and exec the system shows nothing, or the parent's own
        arguments = Path(f"/proc/{process}/cmdline").read_bytes()
        if b"login" in arguments:
            return arguments
        time.sleep(0.005)
    raise AssertionError("the program did not start")
