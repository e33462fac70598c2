"""The sandbox's accounts server: tokens issued, expired, evicted, throttled, revoked."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import aiohttp
import pytest

from bulkzoho.sandbox import Sandbox, SandboxSettings, UnverifiedBehavior
from bulkzoho.sandbox.testing import ManualClock, SandboxClient, sandbox_client


async def test_a_refresh_token_returns_an_access_token_in_zohos_format() -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as session:
        answer = await SandboxClient(sandbox, session).request_token()

        assert answer.status == 200
        assert re.fullmatch(r"1000\.[0-9a-f]{32}\.[0-9a-f]{32}", answer.body["access_token"])
        assert (answer.body["expires_in"], answer.body["token_type"]) == (3600, "Bearer")
        assert answer.body["api_domain"] == sandbox.url


async def test_the_legacy_format_has_seconds_and_milliseconds() -> None:
    async with sandbox_client(SandboxSettings(legacy_token_form=True)) as client:
        answer = await client.request_token()

        assert (answer.body["expires_in_sec"], answer.body["expires_in"]) == (3600, 3_600_000)


@pytest.mark.parametrize(
    ("field", "error"),
    [("client_id", "invalid_client"), ("client_secret", "invalid_client_secret"), ("refresh_token", "invalid_code")],
)
async def test_a_wrong_secret_is_an_error_with_status_200(field: str, error: str) -> None:
    async with sandbox_client() as client:
        answer = await client.request_token(**{field: "wrong"})

        assert (answer.status, answer.body) == (200, {"error": error})


async def test_the_token_form_can_be_query_or_multipart() -> None:
    async with sandbox_client() as client:
        environment = client.sandbox.environment
        form = {
            "grant_type": "refresh_token",
            "client_id": environment["BULKZOHO_CLIENT_ID"],
            "client_secret": environment["BULKZOHO_CLIENT_SECRET"],
            "refresh_token": environment["BULKZOHO_REFRESH_TOKEN"],
        }
        parts = aiohttp.FormData(form, default_to_multipart=True)

        by_query = await client.call("POST", "/oauth/v2/token", params=form)
        by_parts = await client.call("POST", "/oauth/v2/token", data=parts)

        assert "access_token" in by_query.body
        assert "access_token" in by_parts.body


async def test_the_eleventh_token_request_in_ten_minutes_is_denied() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        for _ in range(9):
            await client.request_token()

        denied = await client.request_token()
        clock.seconds += 601
        granted = await client.request_token()

        assert (denied.status, denied.body["error"]) == (400, "Access Denied")
        assert [each.kind for each in client.sandbox.violations] == ["too_many_token_requests"]
        assert "access_token" in granted.body


async def test_the_eleventh_valid_token_evicts_the_oldest() -> None:
    async with sandbox_client(SandboxSettings(token_requests=None)) as client:
        oldest = client.token
        for _ in range(9):
            await client.request_token()
        before = await client.get("org")
        await client.request_token()

        after = await client.get("org")

        assert client.token == oldest
        assert (before.status, after.status, after.body["code"]) == (200, 401, "INVALID_TOKEN")


async def test_a_token_ends_by_expiry_and_by_revocation() -> None:
    clock = ManualClock()
    async with sandbox_client(SandboxSettings(token_life_s=60), clock) as client:
        clock.seconds += 59
        alive = await client.get("org")
        clock.seconds += 1
        aged = await client.get("org")
        await client.login()
        refresh_token = client.sandbox.environment["BULKZOHO_REFRESH_TOKEN"]
        revoked = await client.call("POST", "/oauth/v2/token/revoke", data={"token": refresh_token})
        dead = await client.get("org")
        refused = await client.request_token()

        assert (alive.status, aged.status, dead.status) == (200, 401, 401)
        assert revoked.body == {"status": "success"}
        assert refused.body == {"error": "invalid_code"}


async def test_missing_token_wrong_prefix_and_missing_scope_have_different_errors() -> None:
    async with sandbox_client(SandboxSettings(scopes=("ZohoCRM.modules.Leads.CREATE",))) as client:
        allowed = await client.insert("Leads", {"Last_Name": "Okafor"})
        other_module = await client.insert("Contacts", {"Last_Name": "Okafor"})
        bearer = await client.get("org", headers={"Authorization": f"Bearer {client.token}"})
        client.token = ""
        nothing = await client.get("org")

        assert allowed.status == 201
        assert (other_module.status, other_module.body["code"]) == (401, "OAUTH_SCOPE_MISMATCH")
        assert bearer.body["code"] == "INVALID_TOKEN"
        assert nothing.body["code"] == "AUTHENTICATION_FAILURE"


def _code_form(client: SandboxClient, code: str, **more: str) -> dict[str, str]:
    environment = client.sandbox.environment
    return {
        "grant_type": "authorization_code",
        "client_id": environment["BULKZOHO_CLIENT_ID"],
        "client_secret": environment["BULKZOHO_CLIENT_SECRET"],
        "code": code,
        **more,
    }


async def test_a_grant_code_returns_a_refresh_token_once_and_before_it_expires() -> None:
    clock = ManualClock()
    async with sandbox_client(clock=clock) as client:
        code, late = client.sandbox.new_code(), client.sandbox.new_code()

        first = await client.call("POST", "/oauth/v2/token", data=_code_form(client, code))
        again = await client.call("POST", "/oauth/v2/token", data=_code_form(client, code))
        renewed = await client.request_token(refresh_token=first.body["refresh_token"])
        clock.seconds += 181
        too_late = await client.call("POST", "/oauth/v2/token", data=_code_form(client, late))

        assert "ZohoCRM.modules.ALL" in first.body["scope"]
        assert "access_token" in renewed.body
        assert (again.body, too_late.body) == ({"error": "invalid_code"}, {"error": "invalid_code"})


async def test_the_consent_page_redirects_with_a_code_bound_to_the_redirect_address() -> None:
    async with sandbox_client(SandboxSettings(location="eu", accounts_server="https://accounts.zoho.eu")) as client:
        authorization = {
            "client_id": client.sandbox.environment["BULKZOHO_CLIENT_ID"],
            "response_type": "code",
            "redirect_uri": "http://127.0.0.1:1/callback",
            "state": "s",
        }
        redirect = await client.call("GET", "/oauth/v2/auth", params=authorization, allow_redirects=False)
        parameters = dict(parse_qsl(redirect.headers["Location"].partition("?")[2]))
        granted = await client.call(
            "POST", "/oauth/v2/token", data=_code_form(client, parameters["code"], redirect_uri=authorization["redirect_uri"])
        )
        stolen = await client.call("GET", "/oauth/v2/auth", params=authorization | {"client_id": "1000.X"}, allow_redirects=False)

        assert (redirect.status, parameters["state"], parameters["location"]) == (302, "s", "eu")
        assert parameters["accounts-server"] == "https://accounts.zoho.eu"
        assert "refresh_token" in granted.body
        assert stolen.status == 400


async def test_client_credentials_return_a_token_only_for_the_own_organization() -> None:
    async with sandbox_client() as client:
        form = _code_form(client, "") | {"grant_type": "client_credentials", "scope": "ZohoCRM.modules.ALL"}

        own = await client.call("POST", "/oauth/v2/token", data=form | {"soid": "ZohoCRM.650000001"})
        other = await client.call("POST", "/oauth/v2/token", data=form | {"soid": "ZohoCRM.1"})

        assert "access_token" in own.body
        assert "refresh_token" not in own.body
        assert other.body == {"error": "invalid_code"}


async def test_unverified_behaviours_of_the_accounts_server_are_switches() -> None:
    strict = UnverifiedBehavior(oauth_error_status=401, scope_in_grants=False)
    async with sandbox_client(SandboxSettings(strict=strict, api_domain="https://www.zohoapis.eu")) as client:
        refused = await client.request_token(client_id="1000.X")
        granted = await client.request_token()

        assert (refused.status, refused.body) == (401, {"error": "invalid_client"})
        assert "scope" not in granted.body
        assert granted.body["api_domain"] == "https://www.zohoapis.eu"


async def test_denied_rights_of_the_profile_are_enforced() -> None:
    async with sandbox_client(SandboxSettings(denied=("Leads.create", "*.delete"))) as client:
        created = await client.insert("Leads", {"Last_Name": "Okafor"})
        nothing = await client.insert("Leads")
        elsewhere = await client.insert("Contacts", {"Last_Name": "Okafor"})
        deleted = await client.call("DELETE", "/crm/v8/Contacts", params={"ids": elsewhere.body["data"][0]["details"]["id"]})
        modules = {one["api_name"]: one for one in (await client.get("settings/modules")).body["modules"]}

        assert (created.status, created.body["code"]) == (403, "NO_PERMISSION")
        assert (nothing.status, deleted.status, elsewhere.status) == (403, 403, 201)
        assert (modules["Leads"]["creatable"], modules["Contacts"]["creatable"], modules["Contacts"]["deletable"]) == (
            False,
            True,
            False,
        )


def test_an_unknown_right_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"Leads\.write"):
        SandboxSettings(denied=("Leads.write",))
