"""Tokens from the sandbox's accounts server, with one process and with two."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from bulkzoho.domain.model.responses import RateLimited, Succeeded
from bulkzoho.errors import AccessError
from bulkzoho.sandbox import Sandbox, SandboxSettings
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.metadata_api import MetadataClient
from bulkzoho.zoho.auth.datacenters import connection_settings_from_env
from bulkzoho.zoho.auth.token_provider import AccessToken, TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient

PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from bulkzoho.domain.model.responses import Succeeded
from bulkzoho.zoho.auth.datacenters import connection_settings_from_env
from bulkzoho.zoho.http.http_client import HttpClient
from bulkzoho.zoho.api.metadata_api import MetadataClient
from bulkzoho.zoho.auth.token_cache import TokenCache
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.api.api_client import ApiClient

async def main():
    settings = connection_settings_from_env(os.environ)
    async with HttpClient(connect_timeout_s=5.0) as http:
        tokens = TokenProvider(settings, http=http, cache=TokenCache(Path(sys.argv[1]), settings))
        crm = MetadataClient(ApiClient(settings, http=http, tokens=tokens))
        assert isinstance(await crm.current_user(), Succeeded)
        print("ready", flush=True)
        sys.stdin.readline()
        rejected = await crm.current_user()
        assert isinstance(await crm.renew_token(rejected.token_serial), Succeeded)
        assert isinstance(await crm.current_user(), Succeeded)

asyncio.run(main())
"""


def token_requests(sandbox: Sandbox) -> int:
    return sum(call.operation == "token" for call in sandbox.calls)


async def test_two_processes_request_one_token_at_the_start_and_one_after_a_revocation(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(latency_s=0.05)) as sandbox:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                PROGRAM,
                str(tmp_path / "tokens"),
                env=sandbox.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        at_start = token_requests(sandbox)
        sandbox.revoke()
        await asyncio.gather(*(process.communicate(b"\n") for process in processes))

        assert [process.returncode for process in processes] == [0, 0]
        assert at_start == 1
        assert token_requests(sandbox) == 2


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("BULKZOHO_REFRESH_TOKEN", "1000.no.token", "invalid_code"),
        ("BULKZOHO_CLIENT_ID", "1000.UNKNOWN", "invalid_client"),
        ("BULKZOHO_CLIENT_SECRET", "guessed", "invalid_client_secret"),
    ],
)
async def test_a_wrong_credential_is_named_without_its_value(name: str, value: str, code: str) -> None:
    async with Sandbox() as sandbox, HttpClient(connect_timeout_s=5.0) as http:
        environment = sandbox.environment | {name: value}
        provider = TokenProvider(connection_settings_from_env(environment), http=http)

        with pytest.raises(AccessError) as caught:
            await provider.renew(0)

    assert caught.value.code == code
    shown = f"{caught.value} {caught.value!r} {provider!r}"
    secrets = [environment[f"BULKZOHO_{word}"] for word in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN")]
    assert not any(secret in shown for secret in secrets)


async def test_rate_limited_token_requests_pause() -> None:
    async with Sandbox(SandboxSettings(token_requests=2)) as sandbox, HttpClient(connect_timeout_s=5.0) as http:
        provider = TokenProvider(connection_settings_from_env(sandbox.environment), http=http)

        replies = [await provider.renew(serial) for serial in (0, 1, 2, 2)]

        assert [type(reply) for reply in replies] == [Succeeded, Succeeded, RateLimited, RateLimited]
        assert token_requests(sandbox) == 3


async def test_a_short_lived_token_is_renewed_before_it_expires() -> None:
    async with Sandbox(SandboxSettings(token_life_s=2.0)) as sandbox, HttpClient(connect_timeout_s=5.0) as http:
        told = connection_settings_from_env(sandbox.environment)
        crm = MetadataClient(ApiClient(told, http=http, tokens=TokenProvider(told, http=http)))

        replies = []
        for _ in range(5):
            replies.append(await crm.current_user())
            await asyncio.sleep(0.5)

        assert all(isinstance(reply, Succeeded) for reply in replies)
        assert token_requests(sandbox) == 2


async def test_the_old_format_of_the_response_is_read() -> None:
    async with Sandbox(SandboxSettings(legacy_token_form=True)) as sandbox, HttpClient(connect_timeout_s=5.0) as http:
        told = connection_settings_from_env(sandbox.environment)
        provider = TokenProvider(told, http=http)

        await provider.renew(0)
        token = await provider.token()

    assert isinstance(token, AccessToken)
    assert 3590 < token.expires_at - time.time() <= 3600
