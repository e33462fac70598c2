"""Session with the CRM: organization, limits, user, modules; rate-limited from the first call on."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any, Final

from bulkzoho.app.access_diagnosis import explain_access_error, explain_access_errors, token_rate_limit_error
from bulkzoho.app.first_connection import first_connection_lock
from bulkzoho.app.organization_cache import ledger_path, load_organization, provisional_organization, save_organization
from bulkzoho.app.wiring import ApiClientParts, open_api_client
from bulkzoho.domain.model.limits_and_costs import DEFAULT_COST, HEAVY_CALLS_IN_FLIGHT
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, Organization, User
from bulkzoho.domain.model.responses import RateLimited, Rejected, Reply, ResponseLost, Succeeded
from bulkzoho.domain.model.settings import ConnectionSettings, QuotaPolicy, QuotaSettings, SessionSettings
from bulkzoho.domain.policy.rate_limits import resolve_limits
from bulkzoho.domain.policy.retry import access_error
from bulkzoho.domain.transform.module_names import resolve_module
from bulkzoho.domain.transform.user_directory import CrmUser
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import AccessError, BulkZohoError, RunFailedError
from bulkzoho.interfaces import LimiterClosedError, MetadataApi, Progress, RateLimiter
from bulkzoho.ratelimit.limiter import open_limiter
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.users_api import UserPage, UsersClient
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.datacenters import version_warning
from bulkzoho.zoho.auth.token_provider import TokenProvider

__all__ = [
    "CrmSession",
    "OrganizationSession",
    "QuotaWaitNotifier",
    "open_organization_session",
    "open_session",
    "open_visit_session",
    "visit_session_settings",
]

COUNT_WITHIN_S: Final = 5.0  # seconds for a count before or after a run
VISIT_GIVE_UP_AFTER_S: Final = 10.0  # seconds without any response; a user waits at the screen
NOTIFY_EVERY_S: Final = 1.0  # seconds between two checks of the limiter
LONG_WAIT_S: Final = 60.0  # seconds from which a wait is reported
# Zoho's own ``module_name`` of Deals is still Potentials (OpenAPI ``modules``)
OLD_NAMES: Final = {"potential": "Deals", "potentials": "Deals"}

_LOG = logging.getLogger(__name__)


class QuotaWaitNotifier:
    """Checks the limiter once a second until it is quieted, and reports each long wait once.

    Used while a run is connecting and no progress display is active.
    """

    def __init__(self, limiter: RateLimiter, tell: Callable[[str], None]) -> None:
        self._limiter = limiter
        self._tell = tell
        self._last = ""
        self._timer: asyncio.TimerHandle | None = None
        self._schedule()

    def quiet(self) -> None:
        """Stop the reports."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(NOTIFY_EVERY_S, self._check)

    def _check(self) -> None:
        status = self._limiter.status()
        if status.waiting_for is not None and status.waiting_until is not None:
            until = datetime.fromtimestamp(round(status.waiting_until)).astimezone()
            line = f"Waiting for {status.waiting_for} until {until:%H:%M on %A}."
            if status.waiting_until - time.time() >= LONG_WAIT_S and line != self._last:
                self._tell(line)
                self._last = line
        self._schedule()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSession:
    """Open session with the CRM and its rate limiter."""

    parts: ApiClientParts
    api_client: ApiClient
    tokens: TokenProvider
    crm: MetadataApi
    caller: RetryingCaller
    limiter: RateLimiter
    waits: QuotaWaitNotifier  #: quieted as soon as a progress display shows waits
    organization: Organization
    user: User | None
    connection: ConnectionSettings
    senders: int

    @property
    def time_zone(self) -> str:
        """The organization's time zone."""
        return self.organization.time_zone or "UTC"

    def service_time_s(self) -> float:
        """Return the service's time, in seconds since the epoch."""
        return time.time() + self.caller.skew_s

    async def module(self, name: str) -> CrmModule:
        """Return the module *name* (API name or label) with its fields.

        Raises:
            RefusedError: The CRM has no such module; the hint names the nearest one.
            AccessError: The metadata cannot be read.
        """
        modules = await self.modules()
        found = resolve_module(_current_name(name, modules), modules)
        module: CrmModule = await self._ask(lambda: self.crm.module(found), doing=f"reading the fields of {found.api_name}")
        return module

    async def count(self, crm_module: str) -> int | None:
        """Return the number of records in *crm_module*, or None if they cannot be counted within a few seconds."""
        try:
            async with asyncio.timeout(COUNT_WITHIN_S):
                reply = await self.caller.call_once(lambda: self.crm.count(crm_module), DEFAULT_COST)
        except (TimeoutError, BulkZohoError, StopRequestedError):
            return None
        return reply.payload if isinstance(reply, Succeeded) else None

    async def modules(self) -> tuple[ModuleInfo, ...]:
        """Return all modules of the CRM.

        Raises:
            AccessError: The list cannot be read.
        """
        modules: tuple[ModuleInfo, ...] = await self._ask(self.crm.modules, doing="reading the list of modules")
        return modules

    async def users(self) -> tuple[CrmUser, ...]:
        """Return all users of the organization, also inactive ones; one call per 200 users.

        Raises:
            AccessError: They cannot be read.
        """
        client, found = UsersClient(self.api_client), dict[str, CrmUser]()
        for number in count(1):
            page: UserPage = await self._ask(partial(client.page, number), doing="reading the users")
            before = len(found)
            found |= {user.id: user for user in page.users}
            if not page.more or len(found) == before:  # a page without new users is the last one, whatever it says
                break
        return tuple(found.values())

    async def explain(self, error: BulkZohoError | None) -> BulkZohoError | None:
        """Return *error*, an access error with its cause and the fix."""
        return await explain_access_error(error, self.parts) if isinstance(error, AccessError) else error

    async def _ask(self, call: Callable[[], Awaitable[Reply]], *, doing: str) -> Any:
        return _payload(await self.caller.call(call, DEFAULT_COST), doing=doing)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationSession:
    """Session with an identified organization and its rate limiter."""

    parts: ApiClientParts
    caller: RetryingCaller
    limiter: RateLimiter
    waits: QuotaWaitNotifier
    organization: Organization


@asynccontextmanager
async def open_session(
    settings: SessionSettings,
    *,
    chosen: ResolvedAccount,
    run: str,
    stop: StopSignal,
    progress: Progress,
    hasty: bool = False,
    introduce: bool = True,
) -> AsyncIterator[CrmSession]:
    """Connect with the *chosen* account for the duration of the context.

    Without *introduce* the user is not read, which saves a call for a run that may have nothing to do.
    If Zoho issues no more access tokens for now, a *hasty* session fails; otherwise it waits and reports that.

    Raises:
        AccessError: The CRM does not authorize the account.
        UnreachableError: The CRM does not respond.
    """
    async with open_organization_session(settings, chosen=chosen, run=run, stop=stop, progress=progress, hasty=hasty) as met:
        for note in resolve_limits(settings.quota, met.organization).notes:
            progress.tell(note)
        crm = met.parts.crm
        user = await _current_user(met.caller, crm) if introduce else None
        progress.tell(_introduction(met.organization, user))
        yield CrmSession(
            parts=met.parts,
            api_client=met.parts.api_client,
            tokens=met.parts.tokens,
            crm=crm,
            caller=met.caller,
            limiter=met.limiter,
            waits=met.waits,
            organization=met.organization,
            user=user,
            connection=chosen.settings,
            senders=_senders(settings, met.limiter.status().calls_in_flight_limit),
        )


@asynccontextmanager
async def open_organization_session(
    settings: SessionSettings, *, chosen: ResolvedAccount, run: str, stop: StopSignal, progress: Progress, hasty: bool = False
) -> AsyncIterator[OrganizationSession]:
    """Identify the organization with one call; otherwise like :func:`open_session`.

    The rate limit ledger belongs to the organization, which the first call identifies.  It is cached from the last connection, so
    that this call is rate-limited too; on the very first connection it is counted afterwards.
    """
    if (warning := version_warning(chosen.settings.api_version)) is not None:
        progress.tell(warning)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_api_client(chosen))
        await stack.enter_async_context(explain_access_errors(parts))
        if isinstance(await parts.tokens.renew(0), RateLimited):
            if hasty:
                raise token_rate_limit_error()
            progress.tell(f"{token_rate_limit_error().message} The run waits for one.")

        async def open_for(organization: Organization) -> tuple[RateLimiter, RetryingCaller, QuotaWaitNotifier]:
            limiter, caller = await _open_limiter(stack, organization, settings, parts, run=run, stop=stop)
            waits = QuotaWaitNotifier(limiter, progress.tell)
            stack.callback(waits.quiet)
            return limiter, caller, waits

        async with first_connection_lock(chosen, stop=stop, patience_s=settings.give_up_after_s):
            known = load_organization(chosen)
            limiter, caller, waits = await open_for(known or provisional_organization(chosen))
            organization = await _identify_organization(caller, parts.crm, progress, chosen)
            if organization != known:
                save_organization(chosen, organization)
                used = caller.counts
                limiter, caller, waits = await open_for(organization)
                if known is None or known.id != organization.id:
                    await _charge(limiter, calls=used.total)
                caller.add_counts(used)
        yield OrganizationSession(parts=parts, caller=caller, limiter=limiter, waits=waits, organization=organization)


@asynccontextmanager
async def open_visit_session(chosen: ResolvedAccount, *, progress: Progress) -> AsyncIterator[CrmSession]:
    """Connect for a command without a run, rate-limited; a used up day ends it.

    Raises:
        AccessError: The CRM does not authorize the account.
        UnreachableError: The CRM does not respond.
    """
    async with open_session(
        visit_session_settings(), chosen=chosen, run=f"visit-{os.getpid()}", stop=StopSignal(), progress=progress, hasty=True
    ) as crm:
        yield crm


def visit_session_settings() -> SessionSettings:
    """Return the settings of a session without a run: rate-limited, with a short timeout."""
    return SessionSettings(give_up_after_s=VISIT_GIVE_UP_AFTER_S, quota=QuotaSettings(on_quota=QuotaPolicy.STOP))


async def _charge(limiter: RateLimiter, *, calls: int) -> None:
    """Count *calls* that were made before the organization was known."""
    try:
        for _ in range(calls):
            async with limiter.permit(DEFAULT_COST):
                pass
    except LimiterClosedError as error:
        raise StopRequestedError from error


async def _open_limiter(
    stack: AsyncExitStack,
    organization: Organization,
    settings: SessionSettings,
    parts: ApiClientParts,
    *,
    run: str,
    stop: StopSignal,
) -> tuple[RateLimiter, RetryingCaller]:
    limits = resolve_limits(settings.quota, organization)
    _LOG.info(
        "limits read",
        extra={
            "plan": limits.plan.value,
            "calls_per_minute": limits.calls_per_minute,
            "calls_per_day": limits.calls_per_day,
            "credits_per_day": limits.credits_per_day,
            "calls_in_flight": limits.calls_in_flight,
        },
    )
    limiter = await stack.enter_async_context(
        open_limiter(
            ledger_path(organization),
            org=organization.id,
            limits=limits,
            run=run,
            on_quota=settings.quota.on_quota,
            wall=time.time,
        )
    )
    stop.listen(limiter.close)
    caller = RetryingCaller(
        limiter=limiter,
        crm=parts.crm,
        stop=stop,
        jitter=random.Random().random,  # noqa: S311  for jitter
        give_up_after_s=settings.give_up_after_s,
        wall=time.time,
    )
    return limiter, caller


def _current_name(name: str, modules: Sequence[ModuleInfo]) -> str:
    """Return the current name of a module for its former one, unless this CRM uses the former one."""
    plain = name.strip().casefold()
    used = {label.casefold() for module in modules for label in (module.api_name, module.singular_label, module.plural_label)}
    return name if plain in used else OLD_NAMES.get(plain, name)


async def _identify_organization(
    caller: RetryingCaller, crm: MetadataApi, progress: Progress, chosen: ResolvedAccount
) -> Organization:
    reply = await caller.call(crm.organization, DEFAULT_COST)
    if isinstance(reply, Rejected) and (reply.code == "OAUTH_SCOPE_MISMATCH" or reply.status == HTTPStatus.FORBIDDEN):
        progress.tell("The token cannot read the organization: it lacks the scope ZohoCRM.org.READ.")
        return replace(provisional_organization(chosen), name="unknown organization")
    organization: Organization = _payload(reply, doing="reading the organization")
    return organization


async def _current_user(caller: RetryingCaller, crm: MetadataApi) -> User | None:
    reply = await caller.call(crm.current_user, DEFAULT_COST)
    return reply.payload if isinstance(reply, Succeeded) else None


def _payload(reply: Succeeded | Rejected | ResponseLost, *, doing: str) -> Any:
    match reply:
        case Succeeded(payload=payload):
            return payload
        case Rejected() if reply.access_denied:
            raise access_error(reply, doing=doing)
        case Rejected():
            raise RunFailedError(
                f"{doing}: the CRM rejected the request ({reply.code}: {reply.message}).", hint="Check the API version."
            )
        case ResponseLost():
            raise RunFailedError(f"{doing}: no readable response ({reply.reason}).", hint="Try again.")


def _introduction(organization: Organization, user: User | None) -> str:
    kind = f" ({organization.type})" if organization.type else ""
    edition = f", {organization.edition}" if organization.edition else ""
    who = f", as {user.name}" if user else ""
    return f"Organization {organization.name}{kind}{edition}{who}."


def _senders(settings: SessionSettings, in_flight: int) -> int:
    """Return the number of parallel senders: at most ten for heavy calls, because no more of them may be in flight."""
    return max(1, min(in_flight, HEAVY_CALLS_IN_FLIGHT) if settings.heavy_calls else in_flight)
