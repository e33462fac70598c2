"""Run the checks of ``bulkzoho doctor``: each with its own timeout, independent ones in parallel."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from bulkzoho.app.access_diagnosis import explain_access_error, token_rate_limit_error
from bulkzoho.app.credentials import select_account
from bulkzoho.app.doctor.check_result import CHECK_TIMEOUT_S, CheckResult, CheckStatus, failure, ok, run_check
from bulkzoho.app.doctor.crm_checks import check_account, check_modules, check_quota
from bulkzoho.app.doctor.machine_checks import check_clock, check_home, check_versions
from bulkzoho.app.doctor.scope_checks import check_module, check_scopes
from bulkzoho.app.session import CrmSession, open_session, visit_session_settings
from bulkzoho.app.wiring import ApiClientParts, open_api_client
from bulkzoho.domain.model.account import AccountPurpose, AccountSelection, SecretStorage
from bulkzoho.domain.model.limits_and_costs import DEFAULT_COST
from bulkzoho.domain.model.progress import ProgressSnapshot
from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import AccessError, BulkZohoError, UnreachableError
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.http.http_client import HttpClient, HttpResponse, host_of

__all__ = ["CheckResult", "CheckStatus", "run_doctor"]

FRESH_S: Final = 300.0  # seconds; an older access token is renewed, so that the refresh token is tested
GIVE_UP_AFTER_S: Final = 1.5  # seconds without a response; well below the timeout, so that the reason is shown
_CHECK_OF_CODE: Final = {
    "invalid_client": "client",
    "invalid_client_secret": "client",
    "WRONG_DATA_CENTER": "data center",
    "invalid_code": "refresh token",
}


@dataclass(slots=True)
class RecordingProgress:
    """A :class:`bulkzoho.interfaces.Progress` that records messages."""

    lines: list[str] = field(default_factory=list)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Ignore the snapshot."""

    def tell(self, line: str) -> None:
        """Record *line*."""
        self.lines.append(line)


async def run_doctor(account: AccountSelection, *, crm_module: str | None, use: AccountPurpose) -> list[CheckResult]:
    """Return one or more results per check, in order; a check that depends on a failed one is skipped.

    Args:
        account: The account options.
        crm_module: Module (API name or label) whose permissions are checked.
        use: Purpose of the account: what is missing for it is a failure, anything else a warning.
    """
    results = [*check_versions(), *check_home()]
    try:
        chosen = select_account(account)
    except BulkZohoError as error:
        return [*results, failure("account", error)]
    results.append(ok("account", _describe_account(chosen)))
    async with open_api_client(chosen, oldest_token_s=FRESH_S) as parts:
        accounts, token = await _in_parallel(
            run_check("accounts host", lambda: _check_accounts(parts)),
            _check_token(parts),
        )
        results += [*accounts, *token]
        if all(result.state is not CheckStatus.FAILURE for result in token):
            results += await _check_crm(parts, crm_module, use)
    return results


async def _in_parallel(*checks: Awaitable[list[CheckResult]]) -> list[list[CheckResult]]:
    async def wait_for(check: Awaitable[list[CheckResult]]) -> list[CheckResult]:
        return await check

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait_for(check)) for check in checks]
    return [task.result() for task in tasks]


async def _check_accounts(parts: ApiClientParts) -> list[CheckResult]:
    """Check that the accounts server responds (name, TLS, proxy), and compare its clock."""
    url = parts.chosen.settings.accounts_url
    reply, took_s = await _fetch(parts.http, f"{url}/oauth/v2/auth")
    return [ok("accounts host", f"{host_of(url)} responds in {took_s * 1000:.0f} ms"), *check_clock(_skew_s(reply))]


async def _fetch(http: HttpClient, url: str) -> tuple[HttpResponse, float]:
    began = time.perf_counter()
    reply = await http.exchange("GET", url, timeout_s=CHECK_TIMEOUT_S, headers={})
    if isinstance(reply, NotSent | ResponseLost):
        raise UnreachableError(
            f"{reply.reason}.", hint="Check the network, DNS, the proxy (HTTPS_PROXY) and the data center (--dc)."
        )
    return reply, time.perf_counter() - began


def _skew_s(reply: HttpResponse) -> float | None:
    try:
        return parsedate_to_datetime(reply.headers["Date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return None


async def _check_token(parts: ApiClientParts) -> list[CheckResult]:
    """Get a fresh access token, which tests client, secret and refresh token."""
    rejections: list[AccessError] = []

    async def renew() -> Iterable[CheckResult]:
        try:
            reply = await parts.tokens.renew(0)
        except AccessError as error:
            rejections.append(error)
            return []
        if isinstance(reply, RateLimited):
            raise token_rate_limit_error()
        if isinstance(reply, NotSent | ResponseLost):
            raise UnreachableError(
                f"{reply.reason}.",
                hint="Check whether a proxy, a portal or a firewall answers instead of Zoho's accounts server.",
            )
        return _describe_token(parts)

    results = await run_check("access token", renew)
    for error in rejections:  # outside of the timeout, because it may probe other data centers
        explained = await explain_access_error(error, parts)
        results.append(failure(_CHECK_OF_CODE.get(explained.code, "access token"), explained))
    return results


def _describe_token(parts: ApiClientParts) -> list[CheckResult]:
    token = parts.tokens.current
    assert token is not None
    renewal = "client credentials" if parts.chosen.client_credentials else "refresh token"
    until = datetime.fromtimestamp(token.expires_at).astimezone()
    return [
        ok(renewal, f"issued an access token {max(0.0, time.time() - token.obtained_at):.0f} s ago"),
        ok("access token", f"valid until {until:%H:%M:%S}"),
    ]


async def _check_crm(parts: ApiClientParts, crm_module: str | None, use: AccountPurpose) -> list[CheckResult]:
    notes, chosen = RecordingProgress(), parts.chosen
    sessions: list[CrmSession] = []
    async with AsyncExitStack() as stack:

        async def connect() -> Iterable[CheckResult]:
            settings = replace(visit_session_settings(), give_up_after_s=GIVE_UP_AFTER_S)
            visit = open_session(
                settings, chosen=chosen, run=f"doctor-{os.getpid()}", stop=StopSignal(), progress=notes, hasty=True
            )
            sessions.append(await stack.enter_async_context(visit))
            return []

        results = await run_check("CRM", connect)
        if not sessions:
            return results
        crm = sessions[0]
        results += check_account(crm, notes.lines)
        api_names: list[str] = []  # of the module, once it is known

        async def check() -> Iterable[CheckResult]:
            if crm_module is None:
                return await check_modules(crm)
            module = await crm.module(crm_module)
            api_names.append(module.api_name)
            return await check_module(crm, module, use)

        upload, modules = await _in_parallel(
            run_check("upload host", lambda: _check_upload(crm, parts.http)),
            run_check(f"module {crm_module}" if crm_module else "modules", lambda: _explained(crm, check())),
        )
        token = crm.tokens.current
        granted = (token.scopes if token else ()) or (chosen.profile.scopes if chosen.profile else ())
        results += check_scopes(granted, chosen=chosen, use=use, crm_module=api_names[0] if api_names else None)
        results += [*upload, *modules]
        return [*results, *check_quota(crm)]


async def _explained(crm: CrmSession, check: Awaitable[Iterable[CheckResult]]) -> Iterable[CheckResult]:
    try:
        return await check
    except AccessError as error:
        raise await explain_access_error(error, crm.parts) from error


async def _check_upload(crm: CrmSession, http: HttpClient) -> list[CheckResult]:
    """Check that the upload host responds; it may be the API's own, so this call is rate-limited too."""
    url = crm.connection.upload_url
    async with crm.limiter.permit(DEFAULT_COST):
        _, took_s = await _fetch(http, f"{url}/")
    return [ok("upload host", f"{host_of(url)} responds in {took_s * 1000:.0f} ms")]


def _describe_account(chosen: ResolvedAccount) -> str:
    if chosen.profile is None:
        return f"the environment, {host_of(chosen.settings.accounts_url)}"
    place = "in the keyring" if chosen.profile.kept_in is SecretStorage.KEYRING else "in profiles.json"
    return f"{chosen.name} ({chosen.profile.method}), secrets {place}"
