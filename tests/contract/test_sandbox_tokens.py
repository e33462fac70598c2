"""The accounts server of the sandbox: tokens given, aged, evicted, throttled, revoked."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import aiohttp
import pytest

from bulkzoho.sandbox import Sandbox, SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, TestClient, calling


async def test_a_refresh_token_gives_an_access_token_of_zohos_form() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        answer = await TestClient(sandbox, session).ask_token()

        assert answer.status == 200
        assert re.fullmatch(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", answer.body["access_token"])
        assert (answer.body["expires_in"], answer.body["token_type"]) == (3600, "Bearer")
        assert answer.body["api_domain"] == sandbox.url


async def test_the_legacy_form_gives_seconds_and_milliseconds() -> None:
    async with calling(SandboxSettings(legacy_token_form=True)) as caller:
        answer = await caller.ask_token()

        assert (answer.body["expires_in_sec"], answer.body["expires_in"]) == (3600, 3_600_000)


@pytest.mark.parametrize(
    ("field", "error"),
    [("client_id", "invalid_client"), ("client_secret", "invalid_client_secret"), ("refresh_token", "invalid_code")],
)
async def test_a_wrong_secret_is_an_error_with_status_200(field: str, error: str) -> None:
    async with calling() as caller:
        answer = await caller.ask_token(**{field: "wrong"})

        assert (answer.status, answer.body) == (200, {"error": error})


async def test_the_form_may_come_as_query_or_multipart() -> None:
    async with calling() as caller:
        environment = caller.sandbox.environment
        form = {
            "grant_type": "refresh_token",
            "client_id": environment["BULKZOHO_CLIENT_ID"],
            "client_secret": environment["BULKZOHO_CLIENT_SECRET"],
            "refresh_token": environment["BULKZOHO_REFRESH_TOKEN"],
        }
        parts = aiohttp.FormData(form, default_to_multipart=True)

        by_query = await caller.call("POST", "/oauth/v2/token", params=form)
        by_parts = await caller.call("POST", "/oauth/v2/token", data=parts)

        assert "access_token" in by_query.body
        assert "access_token" in by_parts.body


async def test_the_eleventh_token_in_ten_minutes_is_denied_until_they_have_passed() -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        for _ in range(9):
            await caller.ask_token()

        denied = await caller.ask_token()
        clock.seconds += 601
        granted = await caller.ask_token()

        assert (denied.status, denied.body["error"]) == (400, "Access Denied")
        assert [each.kind for each in caller.sandbox.violations] == ["too_many_token_requests"]
        assert "access_token" in granted.body


async def test_the_eleventh_living_token_evicts_the_oldest() -> None:
    async with calling(SandboxSettings(token_requests=None)) as caller:
        oldest = caller.token
        for _ in range(9):
            await caller.ask_token()
        before = await caller.get("org")
        await caller.ask_token()

        after = await caller.get("org")

        assert caller.token == oldest
        assert (before.status, after.status, after.body["code"]) == (200, 401, "INVALID_TOKEN")


async def test_a_token_dies_of_age_and_by_revoking() -> None:
    clock = ManualClock()
    async with calling(SandboxSettings(token_life_s=60), clock) as caller:
        clock.seconds += 59
        alive = await caller.get("org")
        clock.seconds += 1
        aged = await caller.get("org")
        await caller.login()
        refresh_token = caller.sandbox.environment["BULKZOHO_REFRESH_TOKEN"]
        revoked = await caller.call("POST", "/oauth/v2/token/revoke", data={"token": refresh_token})
        dead = await caller.get("org")
        refused = await caller.ask_token()

        assert (alive.status, aged.status, dead.status) == (200, 401, 401)
        assert revoked.body == {"status": "success"}
        assert refused.body == {"error": "invalid_code"}


async def test_no_token_a_wrong_prefix_and_a_narrow_scope_are_told_apart() -> None:
    async with calling(SandboxSettings(scopes=("ZohoCRM.modules.Leads.CREATE",))) as caller:
        allowed = await caller.insert("Leads", {"Last_Name": "Okafor"})
        other_module = await caller.insert("Contacts", {"Last_Name": "Okafor"})
        bearer = await caller.get("org", headers={"Authorization": f"Bearer {caller.token}"})
        caller.token = ""
        nothing = await caller.get("org")

        assert allowed.status == 201
        assert (other_module.status, other_module.body["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
        assert bearer.body["code"] == "INVALID_TOKEN"
        assert nothing.body["code"] == "AUTHENTICATION_FAILURE"


def _code_form(caller: TestClient, code: str, **more: str) -> dict[str, str]:
    environment = caller.sandbox.environment
    return {
        "grant_type": "authorization_code",
        "client_id": environment["BULKZOHO_CLIENT_ID"],
        "client_secret": environment["BULKZOHO_CLIENT_SECRET"],
        "code": code,
        **more,
    }


async def test_a_grant_code_gives_a_refresh_token_once_and_within_its_minutes() -> None:
    clock = ManualClock()
    async with calling(clock=clock) as caller:
        code, late = caller.sandbox.new_code(), caller.sandbox.new_code()

        first = await caller.call("POST", "/oauth/v2/token", data=_code_form(caller, code))
        again = await caller.call("POST", "/oauth/v2/token", data=_code_form(caller, code))
        renewed = await caller.ask_token(refresh_token=first.body["refresh_token"])
        clock.seconds += 181
        too_late = await caller.call("POST", "/oauth/v2/token", data=_code_form(caller, late))

        assert "ZohoCRM.modules.ALL" in first.body["scope"]
        assert "access_token" in renewed.body
        assert (again.body, too_late.body) == ({"error": "invalid_code"}, {"error": "invalid_code"})


async def test_the_consent_page_sends_back_a_code_that_its_redirect_address_goes_with() -> None:
    async with calling(SandboxSettings(location="eu", accounts_server="https://accounts.zoho.eu")) as caller:
        asked = {
            "client_id": caller.sandbox.environment["BULKZOHO_CLIENT_ID"],
            "response_type": "code",
            "redirect_uri": "http://127.0.0.1:1/callback",
            "state": "s",
        }
        sent = await caller.call("GET", "/oauth/v2/auth", params=asked, allow_redirects=False)
        told = dict(parse_qsl(sent.headers["Location"].partition("?")[2]))
        granted = await caller.call(
            "POST", "/oauth/v2/token", data=_code_form(caller, told["code"], redirect_uri=asked["redirect_uri"])
        )
        stolen = await caller.call("GET", "/oauth/v2/auth", params=asked | {"client_id": "1000.X"}, allow_redirects=False)

        assert (sent.status, told["state"], told["location"]) == (302, "s", "eu")
        assert told["accounts-server"] == "https://accounts.zoho.eu"
        assert "refresh_token" in granted.body
        assert stolen.status == 400


async def test_a_client_gets_a_token_of_its_own_for_its_organization_alone() -> None:
    async with calling() as caller:
        form = _code_form(caller, "") | {"grant_type": "client_credentials", "scope": "ZohoCRM.modules.ALL"}

        own = await caller.call("POST", "/oauth/v2/token", data=form | {"soid": "ZohoCRM.650000001"})
        other = await caller.call("POST", "/oauth/v2/token", data=form | {"soid": "ZohoCRM.1"})

        assert "access_token" in own.body
        assert "refresh_token" not in own.body
        assert other.body == {"error": "invalid_code"}


async def test_what_is_not_proved_of_the_accounts_server_is_a_switch() -> None:
    strict = UnverifiedBehavior(oauth_error_status=401, scope_in_grants=False)
    async with calling(SandboxSettings(strict=strict, api_domain="https://www.zohoapis.eu")) as caller:
        refused = await caller.ask_token(client_id="1000.X")
        granted = await caller.ask_token()

        assert (refused.status, refused.body) == (401, {"error": "invalid_client"})
        assert "scope" not in granted.body
        assert granted.body["api_domain"] == "https://www.zohoapis.eu"


async def test_a_user_may_not_do_what_the_profile_denies() -> None:
    async with calling(SandboxSettings(denied=("Leads.create", "*.delete"))) as caller:
        created = await caller.insert("Leads", {"Last_Name": "Okafor"})
        nothing = await caller.insert("Leads")
        elsewhere = await caller.insert("Contacts", {"Last_Name": "Okafor"})
        deleted = await caller.call("DELETE", "/crm/v8/Contacts", params={"ids": elsewhere.body["data"][0]["details"]["id"]})
        modules = {one["api_name"]: one for one in (await caller.get("settings/modules")).body["modules"]}

        assert (created.status, created.body["code"]) == (403, "NO_PERMISSION")
        assert (nothing.status, deleted.status, elsewhere.status) == (403, 403, 201)
        assert (modules["Leads"]["creatable"], modules["Contacts"]["creatable"], modules["Contacts"]["deletable"]) == (
            False,
            True,
            False,
        )


def test_a_right_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Leads\.write"):
        SandboxSettings(denied=("Leads.write",))
