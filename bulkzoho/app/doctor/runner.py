"""Look at everything between this machine and the CRM, each thing with its own time-out, the independent ones at once."""

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
from bulkzoho.app.doctor.check_result import CHECK_TIMEOUT_S, CheckResult, CheckStatus, failure, ok, run_check
from bulkzoho.app.doctor.crm_checks import check_account, check_modules, check_quota
from bulkzoho.app.doctor.machine_checks import check_clock, check_home, check_versions
from bulkzoho.app.doctor.scope_checks import check_module, check_scopes
from bulkzoho.app.module_browser import select_account, visit_session_settings
from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.app.wiring import ApiClientParts, open_api_client
from bulkzoho.domain.model.edition_limits import DEFAULT_COST
from bulkzoho.domain.model.progress import ProgressSnapshot
from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import AccessError, BulkZohoError, UnreachableError
from bulkzoho.zoho.auth.account_resolver import AccountSelection, ResolvedAccount
from bulkzoho.zoho.auth.profile import SecretStorage
from bulkzoho.zoho.auth.scopes import AccountPurpose
from bulkzoho.zoho.http.http_client import HttpClient, HttpResponse, host_of

__all__ = ["CheckResult", "CheckStatus", "run_doctor"]

FRESH_S: Final = 300.0  # seconds; an older access token is renewed, so that the refresh token is put to the test
SILENCE_S: Final = 1.5  # seconds without any answer; well below the time-out, so that the reason is told
_WHAT_FAILED: Final = {
    "invalid_client": "client",
    "invalid_client_secret": "client",
    "WRONG_DATA_CENTER": "data center",
    "invalid_code": "refresh token",
}


@dataclass(slots=True)
class RecordingProgress:
    """A :class:`bulkzoho.interfaces.Progress` that keeps what it is told."""

    lines: list[str] = field(default_factory=list)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Look away."""

    def tell(self, line: str) -> None:
        """Keep *line*."""
        self.lines.append(line)


async def run_doctor(account: AccountSelection, *, crm_module: str | None, use: AccountPurpose) -> list[CheckResult]:
    """Give one finding a check, in order; a check that rests on one that failed is left out.

    Args:
        account: Whose connection.
        crm_module: The module, by a name that users know, on which permissions are looked at.
        use: What the account is wanted for: what that needs and is not there is a failure, else a warning.
    """
    findings = [*check_versions(), *check_home()]
    try:
        chosen = select_account(account)
    except BulkZohoError as error:
        return [*findings, failure("account", error)]
    findings.append(ok("account", _account_words(chosen)))
    async with open_api_client(chosen, oldest_token_s=FRESH_S) as wires:
        accounts, token = await _at_once(
            run_check("accounts host", lambda: _check_accounts(wires)),
            _check_token(wires),
        )
        findings += [*accounts, *token]
        if all(one.state is not CheckStatus.FAILURE for one in token):
            findings += await _examine_crm(wires, crm_module, use)
    return findings


async def _at_once(*checks: Awaitable[list[CheckResult]]) -> list[list[CheckResult]]:
    async def wait_for(check: Awaitable[list[CheckResult]]) -> list[CheckResult]:
        return await check

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wait_for(check)) for check in checks]
    return [task.result() for task in tasks]


async def _check_accounts(wires: ApiClientParts) -> list[CheckResult]:
    """See that the accounts server is there (name, TLS, proxy), and what time it has."""
    url = wires.chosen.settings.accounts_url
    reply, took_s = await _look_at(wires.http, f"{url}/oauth/v2/auth")
    return [ok("accounts host", f"{host_of(url)} answers in {took_s * 1000:.0f} ms"), *check_clock(_skew_s(reply))]


async def _look_at(line: HttpClient, url: str) -> tuple[HttpResponse, float]:
    began = time.perf_counter()
    reply = await line.exchange("GET", url, timeout_s=CHECK_TIMEOUT_S, headers={})
    if isinstance(reply, NotSent | ResponseLost):
        raise UnreachableError(
            f"{reply.reason}.", hint="Check the network, the name service, the proxy (HTTPS_PROXY) and the data center (--dc)."
        )
    return reply, time.perf_counter() - began


def _skew_s(reply: HttpResponse) -> float | None:
    try:
        return parsedate_to_datetime(reply.headers["Date"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return None


async def _check_token(wires: ApiClientParts) -> list[CheckResult]:
    """Have an access token that is fresh, so that client, secret and refresh token are known to be good."""
    refusals: list[AccessError] = []

    async def have_one() -> Iterable[CheckResult]:
        try:
            reply = await wires.tokens.renew(0)
        except AccessError as error:
            refusals.append(error)
            return []
        if isinstance(reply, RateLimited):
            raise token_rate_limit_error()
        if isinstance(reply, NotSent | ResponseLost):
            raise UnreachableError(
                f"{reply.reason}.", hint="See what answers in place of Zoho's accounts server: a proxy, a portal, a firewall."
            )
        return _token_words(wires)

    findings = await run_check("access token", have_one)
    for error in refusals:  # named outside of the time-out: other data centers may be asked
        told = await explain_access_error(error, wires)
        findings.append(failure(_WHAT_FAILED.get(told.code, "access token"), told))
    return findings


def _token_words(wires: ApiClientParts) -> list[CheckResult]:
    token = wires.tokens.current
    assert token is not None
    renewal = "client credentials" if wires.chosen.client_credentials else "refresh token"
    until = datetime.fromtimestamp(token.expires_at).astimezone()
    return [
        ok(renewal, f"gave an access token {max(0.0, time.time() - token.obtained_at):.0f} s ago"),
        ok("access token", f"lives until {until:%H:%M:%S}"),
    ]


async def _examine_crm(wires: ApiClientParts, crm_module: str | None, use: AccountPurpose) -> list[CheckResult]:
    notes, chosen = RecordingProgress(), wires.chosen
    entered: list[CrmSession] = []
    async with AsyncExitStack() as stack:

        async def enter() -> Iterable[CheckResult]:
            settings = replace(visit_session_settings(), give_up_after_s=SILENCE_S)
            visit = open_session(
                settings, chosen=chosen, run=f"doctor-{os.getpid()}", stop=StopSignal(), progress=notes, hasty=True
            )
            entered.append(await stack.enter_async_context(visit))
            return []

        findings = await run_check("CRM", enter)
        if not entered:
            return findings
        crm = entered[0]
        findings += check_account(crm, notes.lines)
        scoped: list[str] = []  # the module's API name, once it is known

        async def look() -> Iterable[CheckResult]:
            if crm_module is None:
                return await check_modules(crm)
            found_module = await crm.module(crm_module)
            scoped.append(found_module.api_name)
            return await check_module(crm, found_module, use)

        upload, place = await _at_once(
            run_check("upload host", lambda: _check_upload(crm, wires.http)),
            run_check(f"module {crm_module}" if crm_module else "modules", lambda: _named(crm, look())),
        )
        token = crm.tokens.current
        granted = (token.scopes if token else ()) or (chosen.profile.scopes if chosen.profile else ())
        findings += check_scopes(granted, chosen=chosen, use=use, crm_module=scoped[0] if scoped else None)
        findings += [*upload, *place]
        return [*findings, *check_quota(crm)]


async def _named(crm: CrmSession, check: Awaitable[Iterable[CheckResult]]) -> Iterable[CheckResult]:
    try:
        return await check
    except AccessError as error:
        raise await explain_access_error(error, crm.wires) from error


async def _check_upload(crm: CrmSession, line: HttpClient) -> list[CheckResult]:
    """See that the upload host is there; it may be the API's own, so that this, too, is a call within the quota."""
    url = crm.connection.upload_url
    async with crm.quota.permit(DEFAULT_COST):
        _, took_s = await _look_at(line, f"{url}/")
    return [ok("upload host", f"{host_of(url)} answers in {took_s * 1000:.0f} ms")]


def _account_words(chosen: ResolvedAccount) -> str:
    if chosen.profile is None:
        return f"the environment, {host_of(chosen.settings.accounts_url)}"
    kept = "in the keyring" if chosen.profile.kept_in is SecretStorage.KEYRING else "in profiles.json"
    return f"{chosen.name} ({chosen.profile.method}), secrets {kept}"
