"""Login, profiles, logout."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from .harness import Program, Running, SandboxProcess, wait_until
from .terminal import Terminal

NO_ACCOUNT = dict.fromkeys(("BULKZOHO_CLIENT_ID", "BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN"), "")
NO_HOSTS = dict.fromkeys(("BULKZOHO_ACCOUNTS_URL", "BULKZOHO_API_URL", "BULKZOHO_UPLOAD_URL"), "")


@pytest.fixture
def outside(bulkzoho: Program) -> Program:
    """Return the program with a client and no refresh token."""
    bulkzoho.environment["BULKZOHO_REFRESH_TOKEN"] = ""
    return bulkzoho


def _log_in(program: Program, sandbox: SandboxProcess, name: str) -> None:
    program.run("auth", "login", "--profile", name, environment={"BULKZOHO_GRANT_CODE": sandbox.code()}).expect(0)


def _refresh_token(program: Program, name: str) -> str:
    profiles = json.loads((program.home / "profiles.json").read_text())["profiles"]
    return str(profiles[name]["secrets"]["refresh_token"])


def test_a_grant_code_becomes_a_profile_and_the_organization_is_shown(outside: Program, sandbox: SandboxProcess) -> None:
    # BULKZOHO_GRANT_CODE=... bulkzoho auth login
    ended = outside.run("auth", "login", environment={"BULKZOHO_GRANT_CODE": sandbox.code()}).expect(0)

    page = dict(line.split(maxsplit=1) for line in ended.out.splitlines())
    assert page["profile"] == "default"
    assert page["organization"] == "Sandbox Company (650000001, sandbox)"
    assert page["edition"] == "ultimate, 1000 licences"
    assert page["user"] == "Ana Lund"
    assert "ZohoCRM.modules.ALL" in page["scopes"]
    # bulkzoho modules
    outside.run("modules", environment=NO_ACCOUNT | NO_HOSTS).expect(0)
    assert sandbox.state()["tokens_issued"] == 1  # that of the login


def test_the_login_shows_the_steps_and_prompts_without_echo(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
    hosts = {name: sandbox.environment[name] for name in NO_HOSTS}
    environment |= {**hosts, "BULKZOHO_HOME": str(bulkzoho.home)}
    secret, code = sandbox.environment["BULKZOHO_CLIENT_SECRET"], sandbox.code()

    # bulkzoho auth login --for read
    with Terminal("auth", "login", "--for", "read", folder=bulkzoho.folder, environment=environment) as terminal:
        terminal.answer("Data center", "moon")
        terminal.answer("Data center", "eu")
        terminal.answer("Client ID", sandbox.environment["BULKZOHO_CLIENT_ID"])
        terminal.answer("Client Secret", secret)
        terminal.answer("Grant code", code)
        status, screen = terminal.end(), terminal.screen

    assert status == 0, screen
    assert "there is no data center 'moon'" in screen
    assert "https://api-console.zoho.eu" in screen
    assert "enter the scope: ZohoCRM.modules.READ,ZohoCRM.settings.modules.READ" in screen
    assert "Logged in. Saved as profile default." in screen
    assert secret not in screen
    assert code not in screen


def test_an_existing_refresh_token_becomes_a_profile(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    # BULKZOHO_REFRESH_TOKEN=... bulkzoho auth login --profile prod --json
    by_variable = bulkzoho.run("auth", "login", "--profile", "prod", "--json").expect(0)
    told = {
        "client_id": sandbox.environment["BULKZOHO_CLIENT_ID"],
        "client_secret": sandbox.environment["BULKZOHO_CLIENT_SECRET"],
        "refresh_token": sandbox.environment["BULKZOHO_REFRESH_TOKEN"],
        "expiry_time": 1_790_000_000,
    }
    # bulkzoho auth login --file - < credentials.json
    by_file = bulkzoho.run("auth", "login", "--file", "-", "--json", text=json.dumps(told), environment=NO_ACCOUNT).expect(0)

    assert (by_variable.summary["profile"], by_variable.summary["method"]) == ("prod", "refresh-token")
    assert (by_file.summary["profile"], by_file.summary["edition"]) == ("default", "ultimate")


def test_the_file_from_the_api_console_is_read_unchanged(outside: Program, sandbox: SandboxProcess) -> None:
    downloaded = {
        "client_id": sandbox.environment["BULKZOHO_CLIENT_ID"],
        "client_secret": sandbox.environment["BULKZOHO_CLIENT_SECRET"],
        "code": sandbox.code(),
        "grant_type": "authorization_code",
        "scope": ["ZohoCRM.modules.ALL"],
        "expiry_time": 1_790_000_000,
    }
    outside.file("self_client.json", json.dumps(downloaded))

    # bulkzoho auth login --file self_client.json
    outside.run("auth", "login", "--file", "self_client.json", environment=NO_ACCOUNT).expect(0)
    again = outside.run("auth", "login", "--file", "self_client.json", environment=NO_ACCOUNT).expect(6)

    assert "the grant code is not valid (invalid_code): it was used already" in again.err


def test_client_credentials_become_a_profile_that_imports(outside: Program, sandbox: SandboxProcess) -> None:
    outside.leads("leads.csv", 10)
    login = ("auth", "login", "--profile", "server", "--method", "client-credentials", "--org")

    # bulkzoho auth login --profile server --method client-credentials --org 650000001
    outside.run(*login, "650000001").expect(0)
    wrong = outside.run(*login, "1").expect(6)
    sandbox.revoke()
    # bulkzoho import leads.csv --module Leads --profile server
    outside.run("import", "leads.csv", "--module", "Leads", "--profile", "server", environment=NO_ACCOUNT).expect(0)

    assert "check --org" in wrong.err
    assert sandbox.count() == 10
    assert not _refresh_token(outside, "server")


def _consent_address(running: Running) -> str:
    wait_until(lambda: "/oauth/v2/auth?" in running.err(), what="the address")
    return next(line.strip() for line in running.err().splitlines() if "/oauth/v2/auth?" in line)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_the_browser_returns_the_code_to_a_loopback_address(outside: Program) -> None:
    port = str(_free_port())
    # bulkzoho auth login --method browser --no-open
    running = outside.start("auth", "login", "--method", "browser", "--no-open", "--redirect-port", port)
    address = _consent_address(running)

    with pytest.raises(urllib.error.HTTPError) as stranger:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/callback?code=1000.a.b&state=guessed")
    with urllib.request.urlopen(address) as page:  # the sandbox agrees and redirects
        shown = page.read().decode()
    ended = running.wait().expect(0)
    stranger.value.close()

    assert stranger.value.code == 400
    assert shown == "Login complete. You can close this window.\n"
    asked = parse_qs(urlsplit(address).query)
    assert (asked["access_type"], asked["redirect_uri"]) == (["offline"], [f"http://127.0.0.1:{port}/callback"])
    assert "ZohoCRM.modules.ALL" in asked["scope"][0]
    assert "Sandbox Company" in ended.out


def test_a_foreign_accounts_server_in_the_redirect_gets_no_code(outside: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(accounts_server="https://accounts.zoho.eu.example.com")
    running = outside.start("auth", "login", "--method", "browser", "--no-open", "--redirect-port", str(_free_port()))

    with urllib.request.urlopen(_consent_address(running)) as page:
        page.read()
    ended = running.wait().expect(6)

    assert "accounts.zoho.eu.example.com" in ended.err
    assert not (outside.home / "profiles.json").exists()


def test_a_port_in_use_is_reported(outside: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        # bulkzoho auth login --method browser --redirect-port N
        ended = outside.run("auth", "login", "--method", "browser", "--no-open", "--redirect-port", port).expect(1)

    assert "--redirect-port" in ended.err


def test_profiles_are_listed_shown_and_logged_out_with_revocation(outside: Program, sandbox: SandboxProcess) -> None:
    for name in ("prod", "test"):
        _log_in(outside, sandbox, name)
    stolen = _refresh_token(outside, "prod")

    # bulkzoho auth list
    table = outside.run("auth", "list").expect(0).out.splitlines()
    listed = json.loads(outside.run("auth", "list", "--json").expect(0).out)
    # bulkzoho auth status --profile prod
    status = outside.run("auth", "status", "--profile", "prod", environment=NO_ACCOUNT).expect(0)
    # bulkzoho auth logout --profile prod
    gone = outside.run("auth", "logout", "--profile", "prod").expect(0)

    assert [row.split()[0] for row in table] == ["profile", "prod", "test"]
    assert [one["profile"] for one in listed] == ["prod", "test"]
    assert "access token  valid until " in status.out
    assert "Its refresh token was revoked." in gone.err
    outside.run("auth", "status", environment={"BULKZOHO_REFRESH_TOKEN": stolen}).expect(6)  # dead at the service
    outside.run("modules", "--profile", "prod").expect(6)
    outside.run("modules", environment=NO_ACCOUNT).expect(0)  # the other one lives, and is the only one
    assert "prod" not in (outside.home / "profiles.json").read_text()


def test_a_failed_revocation_keeps_the_profile_except_with_no_revoke(outside: Program, sandbox: SandboxProcess) -> None:
    _log_in(outside, sandbox, "prod")
    sandbox.script({"kind": "502_page", "path_contains": "/revoke", "times": 9})

    # bulkzoho auth logout
    kept = outside.run("auth", "logout").expect(5)
    # bulkzoho auth logout --no-revoke
    gone = outside.run("auth", "logout", "--no-revoke").expect(0)

    assert "the profile was not deleted" in kept.err
    assert "an HTML page of a proxy" in kept.err
    assert "Its refresh token was not revoked." in gone.err


def test_a_run_and_its_resume_use_the_selected_profile(outside: Program, sandbox: SandboxProcess) -> None:
    _log_in(outside, sandbox, "prod")
    outside.leads("leads.csv", 30)
    wrong = {"BULKZOHO_CLIENT_ID": "1000.WRONG", "BULKZOHO_REFRESH_TOKEN": "1000.wrong.token", **_dead_hosts()}

    # bulkzoho import leads.csv --module Leads --profile prod --limit 10
    words = ("import", "leads.csv", "--module", "Leads", "--profile", "prod", "--limit", "10", "--json")
    first = outside.run(*words, environment=wrong).expect(0).summary
    # bulkzoho resume --limit none
    second = outside.run("resume", first["run"], "--limit", "none", "--json", environment=wrong).expect(0).summary

    assert (first["rows"]["accepted"], second["rows"]["accepted"], sandbox.count()) == (10, 30, 30)


def test_the_environment_overrides_the_profile_that_it_selects(outside: Program, sandbox: SandboxProcess) -> None:
    _log_in(outside, sandbox, "prod")
    named = {**NO_ACCOUNT, **NO_HOSTS, "BULKZOHO_PROFILE": "prod"}

    # BULKZOHO_PROFILE=prod bulkzoho modules
    outside.run("modules", environment=named).expect(0)
    refused = outside.run("modules", environment=named | {"BULKZOHO_CLIENT_SECRET": "wrong"}).expect(6)
    explicit = outside.run("modules", "--profile", "prod", environment=named | {"BULKZOHO_CLIENT_SECRET": "wrong"})

    assert "client secret is wrong" in refused.err
    explicit.expect(0)


def _dead_hosts() -> dict[str, str]:
    url = f"http://127.0.0.1:{_free_port()}"
    return {"BULKZOHO_ACCOUNTS_URL": url, "BULKZOHO_API_URL": url}


KEYRING = """
import json, os
from pathlib import Path

PLACE = Path(os.environ["FAKE_KEYRING"])

class Backend:
    priority = 5

def get_keyring():
    return Backend()

def _read():
    return json.loads(PLACE.read_text()) if PLACE.exists() else {}

def get_password(service, username):
    return _read().get(f"{service} {username}")

def set_password(service, username, password):
    PLACE.write_text(json.dumps({**_read(), f"{service} {username}": password}))

def delete_password(service, username):
    kept = _read()
    del kept[f"{service} {username}"]
    PLACE.write_text(json.dumps(kept))
"""


def test_secrets_are_stored_in_a_working_keyring(outside: Program, sandbox: SandboxProcess, tmp_path: Path) -> None:
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "keyring.py").write_text(KEYRING)
    place = tmp_path / "ring.json"
    outside.environment |= {"PYTHONPATH": str(tmp_path / "modules"), "FAKE_KEYRING": str(place)}

    # bulkzoho auth login
    page = outside.run("auth", "login", environment={"BULKZOHO_GRANT_CODE": sandbox.code()}).expect(0).out
    # bulkzoho modules
    outside.run("modules", environment=NO_ACCOUNT).expect(0)
    secret = sandbox.environment["BULKZOHO_CLIENT_SECRET"]
    kept = (outside.home / "profiles.json").read_text()
    # bulkzoho auth logout
    outside.run("auth", "logout").expect(0)

    assert "in the keyring" in page
    assert secret not in kept
    assert place.read_text() == "{}"


def test_a_login_is_saved_even_if_its_check_fails(outside: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "scope_mismatch", "path_contains": "/org", "times": 1}, {"kind": "403", "operation": "users"})
    limited = outside.run("auth", "login", "--profile", "few", environment={"BULKZOHO_GRANT_CODE": sandbox.code()})
    sandbox.script({"kind": "502_page", "path_contains": "/crm/", "times": 99})
    broken = outside.run("auth", "login", "--profile", "late", environment={"BULKZOHO_GRANT_CODE": sandbox.code()})
    sandbox.script()

    limited.expect(0)
    assert "ZohoCRM.org.READ" in limited.err
    broken.expect(5)
    assert "profile late was saved, but its check failed" in broken.err
    outside.run("modules", "--profile", "late").expect(0)
