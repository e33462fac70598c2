"""Access errors before and during a run: token, scope, permission or data center, with the fix."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .harness import Program, SandboxProcess

IMPORT = ("import", "leads.csv", "--module", "Leads")
FAST = ("--calls-per-minute", "6000", "--json")
Provoke = Callable[[Program, SandboxProcess], object]


def test_a_token_that_expires_under_eight_workers_is_renewed_once(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2)
    dies = [12, 25, 38, 51, 64]  # calls with which it is dead for all, as a token is at the end of its hour
    sandbox.script({"kind": "token_revoked", "on_call": dies})
    bulkzoho.leads("leads.csv", 8_000)

    # bulkzoho import leads.csv --module Leads --in-flight 8
    summary = bulkzoho.run(*IMPORT, *FAST, "--in-flight", "8").expect(0).summary

    refused = [call for call in sandbox.calls() if call["status"] == 401]
    assert len(refused) > len(dies)  # several workers met a dead token, which they do only if they leave at one time
    assert sandbox.state()["tokens_issued"] == 1 + len(dies)
    assert summary["rows"]["accepted"] == sandbox.count() == 8_000


def test_one_process_renews_the_token_before_it_expires(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.2, token_life_s=2.0)
    bulkzoho.leads("leads.csv", 10_000)

    # bulkzoho import leads.csv --module Leads --in-flight 8
    bulkzoho.run(*IMPORT, *FAST, "--in-flight", "8").expect(0)

    assert all(call["status"] != 401 for call in sandbox.calls())
    assert 2 <= sandbox.state()["tokens_issued"] <= 4
    assert sandbox.count() == 10_000


def test_two_parallel_runs_request_one_token(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.1)
    for name, start in (("a.csv", 1), ("b.csv", 2_001)):
        bulkzoho.leads(name, 1_000, start=start)

    # bulkzoho import a.csv --module Leads & bulkzoho import b.csv --module Leads
    running = [bulkzoho.start("import", name, "--module", "Leads", *FAST) for name in ("a.csv", "b.csv")]
    for one in running:
        one.wait().expect(0)

    assert (sandbox.state()["tokens_issued"], sandbox.count()) == (1, 2_000)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One problem and its expected message."""

    name: str
    said: str
    remedy: str
    provoke: Provoke
    words: tuple[str, ...] = ()


def _set(**settings: object) -> Provoke:
    return lambda _program, sandbox: sandbox.change(**settings)


def _environment(**changes: str) -> Provoke:
    return lambda program, _sandbox: program.environment.update(changes)


READING = ["ZohoCRM.modules.READ", "ZohoCRM.settings.ALL", "ZohoCRM.org.READ", "ZohoCRM.users.READ", "ZohoCRM.coql.READ"]
UPSERT = ("--operation", "upsert", "--match-on", "Email")
TABLE = (
    Trouble(
        "a revoked refresh token",
        "the refresh token is not valid (invalid_code): it was revoked",
        "Log in again: bulkzoho auth login",
        lambda _, box: box.revoke(refresh=True),
    ),
    Trouble(
        "a scope that is missing to insert",
        "it needs ZohoCRM.modules.Leads.CREATE (or ZohoCRM.modules.ALL)",
        "Log in again with that scope",
        _set(scopes=READING),
    ),
    Trouble(
        "a scope that is missing to upsert",
        "it needs ZohoCRM.modules.Leads.CREATE and .UPDATE",
        "Log in again with that scope",
        _set(scopes=READING),
        UPSERT,
    ),
    Trouble(
        "a scope that is missing for a module of one's own",
        "it needs ZohoCRM.modules.custom.CREATE",
        "Log in again with that scope",
        _set(scopes=READING),
        ("--module", "Shipments", "--map", "Last_Name=Name", "--ignore-unknown"),
    ),
    Trouble(
        "a scope that is missing for the fields",
        "reading the fields of Leads (OAUTH_SCOPE_MISMATCH): it needs ZohoCRM.settings.fields.READ",
        "Log in again with that scope",
        _set(scopes=["ZohoCRM.modules.ALL", "ZohoCRM.org.READ", "ZohoCRM.users.READ", "ZohoCRM.settings.modules.READ"]),
    ),
    Trouble(
        "a role that may not create",
        "does not permit writing to Leads (Crm_Implied_Create_Leads) (NO_PERMISSION): it needs the permission Create",
        "Have an administrator grant it",
        _set(denied=["Leads.create"], strict={"rights_in_metadata": False}),
    ),
    Trouble(
        "a role that may not edit",
        "it needs the permission Create and Edit",
        "Have an administrator grant it",
        _set(denied=["Leads.edit"], strict={"rights_in_metadata": False}),
        UPSERT,
    ),
    Trouble(
        "an unknown client",
        "the client id is unknown in this data center (invalid_client)",
        "--dc",
        _environment(BULKZOHO_CLIENT_ID="1000.X"),
    ),
    Trouble(
        "a wrong secret",
        "the client secret is wrong (invalid_client_secret)",
        "Copy the client secret",
        _environment(BULKZOHO_CLIENT_SECRET="x"),
    ),
    Trouble(
        "a token that is dead from its first moment",
        "the access token has expired or was revoked, and a new one was rejected too",
        "Log in again: bulkzoho auth login",
        lambda _, box: box.script({"kind": "token_revoked", "path_contains": "/crm/", "times": 99}),
    ),
)


@pytest.mark.parametrize("trouble", TABLE, ids=lambda trouble: trouble.name)
def test_an_access_error_is_named_with_its_fix(bulkzoho: Program, sandbox: SandboxProcess, trouble: Trouble) -> None:
    bulkzoho.leads("leads.csv", 3)
    trouble.provoke(bulkzoho, sandbox)

    # bulkzoho import leads.csv --module Leads --json
    ended = bulkzoho.run(*IMPORT, *trouble.words, "--json").expect(6)

    said, remedy = (line for line in ended.err.splitlines() if line.startswith(("bulkzoho: ", "  ")))
    assert trouble.said in said
    assert trouble.remedy in remedy
    error = ended.summary["error"]
    assert (f"bulkzoho: {error['message']}", f"  {error['hint']}") == (said, remedy)


def test_a_revoked_profile_is_named_with_the_command_that_fixes_it(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    login = {"BULKZOHO_GRANT_CODE": sandbox.code(), "BULKZOHO_REFRESH_TOKEN": ""}
    bulkzoho.run("auth", "login", "--profile", "prod", environment=login).expect(0)
    sandbox.revoke(refresh=True)
    bulkzoho.leads("leads.csv", 3)

    # bulkzoho import leads.csv --module Leads --profile prod
    ended = bulkzoho.run(*IMPORT, "--profile", "prod").expect(6)

    assert "  Log in again: bulkzoho auth login --profile prod" in ended.err.splitlines()


def test_after_losing_a_scope_a_run_stops_and_resumes_after_a_login(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "scope_mismatch", "on_call": 4})
    bulkzoho.leads("leads.csv", 1_000)

    # bulkzoho import leads.csv --module Leads
    stopped = bulkzoho.run(*IMPORT, *FAST, "--in-flight", "2").expect(6).summary
    # bulkzoho resume
    done = bulkzoho.run("resume", "--json").expect(0).summary

    assert "ZohoCRM.modules.Leads.CREATE" in stopped["error"]["message"]
    assert stopped["rows"]["unsent"] > 0
    assert done["rows"]["accepted"] == sandbox.count() == 1_000


def test_a_run_reports_that_it_waits_for_a_token(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(token_requests=1)
    login = {"BULKZOHO_GRANT_CODE": sandbox.code(), "BULKZOHO_REFRESH_TOKEN": ""}
    bulkzoho.run("auth", "login", "--profile", "other", environment=login).expect(0)
    bulkzoho.leads("leads.csv", 3)

    # bulkzoho modules
    visit = bulkzoho.run("modules").expect(6)
    # bulkzoho import leads.csv --module Leads
    running = bulkzoho.start(*IMPORT)
    try:
        while "The run waits for one." not in running.err():
            assert running.process.poll() is None
    finally:
        running.process.kill()
        running.process.wait()

    assert "ten were requested within ten minutes" in visit.err
    assert "Wait ten minutes and try again" in visit.err


def test_an_html_page_of_a_proxy_is_named(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "502_page", "path_contains": "/crm/", "times": 999})
    bulkzoho.leads("leads.csv", 3)

    # bulkzoho import leads.csv --module Leads --give-up-after 1s
    calls = bulkzoho.run(*IMPORT, "--give-up-after", "1s").expect(5)
    sandbox.script({"kind": "502_page", "path_contains": "/oauth/", "times": 999})
    tokens = bulkzoho.run(*IMPORT, "--give-up-after", "1s", environment={"BULKZOHO_HOME": str(bulkzoho.folder / "x")}).expect(5)

    assert "HTTP 502: an HTML page of a proxy or portal instead of JSON" in calls.err
    assert "without JSON: an HTML page of a proxy or portal" in tokens.err


def test_a_clock_one_hour_off_does_not_prevent_a_run(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.advance(3600)
    bulkzoho.leads("leads.csv", 300)
    sandbox.script({"kind": "reset_after_commit", "on_call": 2})

    # bulkzoho import leads.csv --module Leads
    summary = bulkzoho.run(*IMPORT, *FAST).expect(0).summary
    told = json.loads(bulkzoho.run("doctor", "--json").expect(6).out)

    assert summary["rows"]["accepted"] == sandbox.count() == 300
    assert [one["name"] for one in told["checks"] if one["state"] == "failure"] == ["clock"]
