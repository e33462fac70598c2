"""``bulkzoho doctor``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from .harness import Program, SandboxProcess

Provoke = Callable[[Program, SandboxProcess], object]


def _states(program: Program, *words: str) -> dict[str, str]:
    told = json.loads(program.run("doctor", "--json", *words).out)
    return {one["name"]: one["state"] for one in told["checks"]}


def test_a_healthy_connection_is_all_ok_in_under_three_seconds(bulkzoho: Program) -> None:
    times, said = [], ""
    for _ in range(3):
        began = time.perf_counter()
        # bulkzoho doctor --module Leads
        ended = bulkzoho.run("doctor", "--module", "Leads").expect(0)
        times.append(time.perf_counter() - began)
        said = ended.out
        assert ended.err == ""

    assert all(line.startswith("ok  ") for line in said.splitlines()), said
    for wanted in (
        "accounts host",
        "clock",
        "refresh token",
        "access token",
        "API host",
        "Sandbox Company (650000001, sandbox)",
        "ultimate, 1000 licences",
        "enough for modules, fields, import",
        "the user may read, create, update, delete",
        "calls and ",
    ):
        assert wanted in said
    assert min(times) < 3.0


def test_the_json_output_has_the_overall_result(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    # bulkzoho doctor --json
    well = bulkzoho.run("doctor", "--json").expect(0).summary
    sandbox.revoke(refresh=True)
    ill = bulkzoho.run("doctor", "--json", environment={"BULKZOHO_HOME": str(bulkzoho.folder / "other")}).expect(6).summary

    assert (well["healthy"], well["exit_code"]) == (True, 0)
    assert (ill["healthy"], ill["exit_code"], ill["error"]["code"]) == (False, 6, "UNHEALTHY")
    assert {"name", "state", "message", "hint"} == ill["checks"][0].keys()


def test_the_doctor_changes_nothing_and_reuses_the_token(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    for _ in range(4):
        # bulkzoho doctor --module Leads
        bulkzoho.run("doctor", "--module", "Leads").expect(0)

    state = sandbox.state()
    assert state["records"]["Leads"] == 0
    assert state["tokens_issued"] == 1  # the token is fresh for minutes
    assert state["violations"]["total"] == 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem and its expected output."""

    name: str
    check: str
    said: str
    remedy: str
    provoke: Provoke
    words: str = ""


def _set(**settings: object) -> Provoke:
    return lambda _program, sandbox: sandbox.change(**settings)


def _environment(**changes: str) -> Provoke:
    return lambda program, _sandbox: program.environment.update(changes)


def _page(path: str) -> Provoke:
    return lambda _program, sandbox: sandbox.script({"kind": "502_page", "path_contains": path, "times": 99})


def _ten_tokens(program: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(token_requests=1)
    program.run("auth", "login", environment={"BULKZOHO_GRANT_CODE": sandbox.code(), "BULKZOHO_REFRESH_TOKEN": ""}).expect(0)


def _home_is_a_file(program: Program, _sandbox: SandboxProcess) -> None:
    program.home.write_text("")


SECRETS = {"rights_in_metadata": False}
TABLE = (
    Problem("a revoked refresh token", "refresh token", "invalid_code", "Log in again", lambda _, box: box.revoke(refresh=True)),
    Problem("an unknown client", "client", "invalid_client", "--dc", _environment(BULKZOHO_CLIENT_ID="1000.X")),
    Problem("a wrong secret", "client", "invalid_client_secret", "Copy", _environment(BULKZOHO_CLIENT_SECRET="x")),
    Problem(
        "ten tokens in ten minutes", "access token", "ten were requested within ten minutes", "Wait ten minutes", _ten_tokens
    ),
    Problem(
        "a scope that is missing",
        "scopes",
        "import lacks ZohoCRM.modules.CREATE",
        "bulkzoho auth login",
        _set(
            scopes=["ZohoCRM.modules.READ", "ZohoCRM.settings.ALL", "ZohoCRM.coql.READ", "ZohoCRM.org.READ", "ZohoCRM.users.READ"]
        ),
    ),
    Problem(
        "a missing scope that the token response does not list",
        "modules",
        "it needs ZohoCRM.settings.modules.READ",
        "bulkzoho auth login",
        _set(strict={"scope_in_grants": False}, scopes=["ZohoCRM.org.READ", "ZohoCRM.users.READ"]),
    ),
    Problem(
        "a role without permission",
        "module Leads",
        "the user may not create records",
        "administrator",
        _set(denied=["Leads.create"]),
        "--module Leads",
    ),
    Problem(
        "a role without permission that only a call tells",
        "module Leads",
        "the user may not update records: the user's role does not permit",
        "administrator",
        _set(denied=["Leads.edit"], strict=SECRETS),
        "--module Lead",
    ),
    Problem(
        "a clock one hour off",
        "clock",
        "this machine's clock is 60 min behind",
        "ntp",
        lambda _, box: box.advance(3600),
    ),
    Problem(
        "a proxy's page for tokens", "access token", "an HTML page of a proxy or portal", "a proxy, a portal", _page("/oauth/")
    ),
    Problem("a proxy's page for calls", "CRM", "an HTML page of a proxy or portal", "proxy", _page("/crm/")),
    Problem("a module that does not exist", "module Leds", "no module 'Leds'", "Did you mean Leads?", _set(), "--module Leds"),
    Problem("no account", "account", "BULKZOHO_CLIENT_SECRET is not set", "auth login", _environment(BULKZOHO_CLIENT_SECRET="")),
    Problem("a home that cannot be written", "state directory", "home", "BULKZOHO_HOME", _home_is_a_file),
    Problem("a profile that is not there", "account", "no profile 'live'", "auth login --profile live", _set(), "--profile live"),
)


@pytest.mark.parametrize("problem", TABLE, ids=lambda problem: problem.name)
def test_each_problem_is_found_and_shown_with_its_fix(bulkzoho: Program, sandbox: SandboxProcess, problem: Problem) -> None:
    problem.provoke(bulkzoho, sandbox)

    # bulkzoho doctor
    ended = bulkzoho.run("doctor", *problem.words.split()).expect(6)

    failures = [line for line in ended.out.splitlines() if line.startswith("failure")]
    assert any(problem.check in line and problem.said in line and problem.remedy in line for line in failures), ended.out


def test_rights_that_the_purpose_does_not_need_are_no_failure(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(
        denied=["*.create", "*.edit"],
        scopes=[
            "ZohoCRM.modules.READ",
            "ZohoCRM.settings.ALL",
            "ZohoCRM.coql.READ",
            "ZohoCRM.org.READ",
            "ZohoCRM.users.READ",
        ],
    )

    # bulkzoho doctor --for read --module Leads
    bulkzoho.run("doctor", "--for", "read", "--module", "Leads").expect(0)
    # bulkzoho doctor --for bulk
    bulk = bulkzoho.run("doctor", "--for", "bulk").expect(6)

    assert "bulk jobs lack ZohoCRM.modules.ALL, ZohoSearch.securesearch.READ, ZohoCRM.bulk.ALL" in bulk.out


def test_missing_delete_permission_and_readable_secret_files_are_warnings(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.run("doctor").expect(0)
    token = next((bulkzoho.home / "tokens").glob("*.json"))
    token.chmod(0o644)
    sandbox.change(denied=["Leads.delete"])

    # bulkzoho doctor --module Leads
    states = _states(bulkzoho, "--module", "Leads")
    ended = bulkzoho.run("doctor").expect(0)

    assert states["module Leads"] == states["file modes"] == "warning"
    assert f"chmod 600 {token}" in ended.out


def test_each_check_of_a_hanging_service_has_its_own_timeout(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.script({"kind": "hang", "path_contains": "/settings/", "seconds": 60, "times": 9})

    began = time.perf_counter()
    # bulkzoho doctor
    ended = bulkzoho.run("doctor").expect(6)

    assert time.perf_counter() - began < 10.0
    assert "failure  modules            no response within 4 s." in ended.out
    assert "ok       upload host" in ended.out
