"""Meet the CRM: the organization and its limits, the user, the module and its fields; within the quota from the first call on."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any, Final

from bulkzoho.app.access_diagnosis import explain_access_error, explain_access_errors, token_rate_limit_error
from bulkzoho.app.first_connection import first_connection_lock
from bulkzoho.app.organization_cache import ledger_path, load_organization, provisional_organization, save_organization
from bulkzoho.app.quota_wait_notifier import QuotaWaitNotifier
from bulkzoho.app.wiring import ApiClientParts, open_api_client
from bulkzoho.domain.model.edition_limits import DEFAULT_COST, HEAVY_CALLS_IN_FLIGHT
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, Organization, User
from bulkzoho.domain.model.responses import RateLimited, Rejected, Reply, ResponseLost, Succeeded
from bulkzoho.domain.model.settings import ConnectionSettings, SessionSettings
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

__all__ = ["CrmSession", "OrganizationSession", "open_organization_session", "open_session"]

# Zoho's own ``module_name`` of Deals is still Potentials (OpenAPI ``modules``)
COUNT_WITHIN_S: Final = 5.0  # seconds that a count before and after a run is worth
OLD_NAMES: Final = {"potential": "Deals", "potentials": "Deals"}

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmSession:
    """A CRM that answers, and leave to call it."""

    wires: ApiClientParts
    transport: ApiClient
    tokens: TokenProvider
    crm: MetadataApi
    courier: RetryingCaller
    quota: RateLimiter
    waits: QuotaWaitNotifier  #: to be quieted by whoever shows waits by itself
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
        return time.time() + self.courier.skew_s

    async def module(self, name: str) -> CrmModule:
        """Give the module that the user calls *name*, with its fields.

        Raises:
            RefusedError: The CRM has no such module; names the nearest.
            AccessError: The metadata cannot be read.
        """
        modules = await self.modules()
        found = resolve_module(_today(name, modules), modules)
        module: CrmModule = await self._ask(lambda: self.crm.module(found), doing=f"reading the fields of {found.api_name}")
        return module

    async def count(self, crm_module: str) -> int | None:
        """Give the records in *crm_module*, or None when they cannot be counted at once: nice to have, worth no wait."""
        try:
            async with asyncio.timeout(COUNT_WITHIN_S):
                reply = await self.courier.call_once(lambda: self.crm.count(crm_module), DEFAULT_COST)
        except (TimeoutError, BulkZohoError, StopRequestedError):
            return None
        return reply.payload if isinstance(reply, Succeeded) else None

    async def modules(self) -> tuple[ModuleInfo, ...]:
        """Give every module of the CRM.

        Raises:
            AccessError: The list cannot be read.
        """
        modules: tuple[ModuleInfo, ...] = await self._ask(self.crm.modules, doing="reading the list of modules")
        return modules

    async def users(self) -> tuple[CrmUser, ...]:
        """Give every user of the organization, inactive ones too; a call for 200 of them.

        Raises:
            AccessError: They cannot be read.
        """
        pages, found = UsersClient(self.transport), dict[str, CrmUser]()
        for number in count(1):
            page: UserPage = await self._ask(partial(pages.page, number), doing="reading the users")
            before = len(found)
            found |= {user.id: user for user in page.users}
            if not page.more or len(found) == before:  # a page that brings nobody new is the last, whatever it says
                break
        return tuple(found.values())

    async def explain(self, error: BulkZohoError | None) -> BulkZohoError | None:
        """Return *error*, an access error with its cause and the fix."""
        return await explain_access_error(error, self.wires) if isinstance(error, AccessError) else error

    async def _ask(self, call: Callable[[], Awaitable[Reply]], *, doing: str) -> Any:
        return _payload(await self.courier.call(call, DEFAULT_COST), doing=doing)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationSession:
    """An organization that was asked who it is, and leave to call it."""

    wires: ApiClientParts
    courier: RetryingCaller
    quota: RateLimiter
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
    """Connect with the account that was *chosen*, and stay connected while the context lasts.

    Without *introduce* the user is not asked for: a run that may find nothing to do saves a call.
    A *hasty* visitor does not wait until Zoho gives access tokens again; a run does, and says so.

    Raises:
        AccessError: The CRM does not let us in.
        UnreachableError: It does not answer.
    """
    async with open_organization_session(settings, chosen=chosen, run=run, stop=stop, progress=progress, hasty=hasty) as met:
        for note in resolve_limits(settings.quota, met.organization).notes:
            progress.tell(note)
        crm = met.wires.crm
        user = await _current_user(met.courier, crm) if introduce else None
        progress.tell(_introduction(met.organization, user))
        yield CrmSession(
            wires=met.wires,
            transport=met.wires.transport,
            tokens=met.wires.tokens,
            crm=crm,
            courier=met.courier,
            quota=met.quota,
            waits=met.waits,
            organization=met.organization,
            user=user,
            connection=chosen.settings,
            senders=_senders(settings, met.quota.status().calls_in_flight_limit),
        )


@asynccontextmanager
async def open_organization_session(
    settings: SessionSettings, *, chosen: ResolvedAccount, run: str, stop: StopSignal, progress: Progress, hasty: bool = False
) -> AsyncIterator[OrganizationSession]:
    """Ask the organization who it is, in one call; else as :func:`connect`.

    The quota's ledger belongs to the organization, which the first call tells.  It is remembered from the last time, so that
    that call too is made within the quota; on the very first run it is counted afterwards.
    """
    if (warning := version_warning(chosen.settings.api_version)) is not None:
        progress.tell(warning)
    async with AsyncExitStack() as stack:
        wires = await stack.enter_async_context(open_api_client(chosen))
        await stack.enter_async_context(explain_access_errors(wires))
        if isinstance(await wires.tokens.renew(0), RateLimited):
            if hasty:
                raise token_rate_limit_error()
            progress.tell(f"{token_rate_limit_error().message} The run waits until it gives one.")

        async def open_for(organization: Organization) -> tuple[RateLimiter, RetryingCaller, QuotaWaitNotifier]:
            quota, courier = await _open_limiter(stack, organization, settings, wires, run=run, stop=stop)
            waits = QuotaWaitNotifier(quota, progress.tell)
            stack.callback(waits.quiet)
            return quota, courier, waits

        async with first_connection_lock(chosen, stop=stop, patience_s=settings.give_up_after_s):
            known = load_organization(chosen)
            quota, courier, waits = await open_for(known or provisional_organization(chosen))
            organization = await _ask_who(courier, wires.crm, progress, chosen)
            if organization != known:
                save_organization(chosen, organization)
                used = courier.counts
                quota, courier, waits = await open_for(organization)
                if known is None or known.id != organization.id:
                    await _charge(quota, calls=used.total)
                courier.add_counts(used)
        yield OrganizationSession(wires=wires, courier=courier, quota=quota, waits=waits, organization=organization)


async def _charge(quota: RateLimiter, *, calls: int) -> None:
    """Count *calls* that were made before it was known whose quota they were."""
    try:
        for _ in range(calls):
            async with quota.permit(DEFAULT_COST):
                pass
    except LimiterClosedError as error:
        raise StopRequestedError from error


async def _open_limiter(
    stack: AsyncExitStack,
    organization: Organization,
    settings: SessionSettings,
    wires: ApiClientParts,
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
    quota = await stack.enter_async_context(
        open_limiter(
            ledger_path(organization),
            org=organization.id,
            limits=limits,
            run=run,
            on_quota=settings.quota.on_quota,
            wall=time.time,
        )
    )
    stop.listen(quota.close)
    courier = RetryingCaller(
        limiter=quota,
        crm=wires.crm,
        stop=stop,
        jitter=random.Random().random,  # noqa: S311  for jitter
        give_up_after_s=settings.give_up_after_s,
        wall=time.time,
    )
    return quota, courier


def _today(name: str, modules: Sequence[ModuleInfo]) -> str:
    """Give a module's present name for one that Zoho gave up and people did not, unless this CRM uses it."""
    plain = name.strip().casefold()
    used = {label.casefold() for one in modules for label in (one.api_name, one.singular_label, one.plural_label)}
    return name if plain in used else OLD_NAMES.get(plain, name)


async def _ask_who(courier: RetryingCaller, crm: MetadataApi, progress: Progress, chosen: ResolvedAccount) -> Organization:
    reply = await courier.call(crm.organization, DEFAULT_COST)
    if isinstance(reply, Rejected) and (reply.code == "OAUTH_SCOPE_MISMATCH" or reply.status == HTTPStatus.FORBIDDEN):
        progress.tell("The token may not read the organization: its scope lacks ZohoCRM.org.READ.")
        return replace(provisional_organization(chosen), name="unknown organization")
    organization: Organization = _payload(reply, doing="reading the organization")
    return organization


async def _current_user(courier: RetryingCaller, crm: MetadataApi) -> User | None:
    reply = await courier.call(crm.current_user, DEFAULT_COST)
    return reply.payload if isinstance(reply, Succeeded) else None


def _payload(reply: Succeeded | Rejected | ResponseLost, *, doing: str) -> Any:
    match reply:
        case Succeeded(payload=payload):
            return payload
        case Rejected() if reply.access_denied:
            raise access_error(reply, doing=doing)
        case Rejected():
            raise RunFailedError(f"{doing}: the CRM refused ({reply.code}: {reply.message}).", hint="Check the API version.")
        case ResponseLost():
            raise RunFailedError(f"{doing}: no answer that can be read ({reply.reason}).", hint="Try again.")


def _introduction(organization: Organization, user: User | None) -> str:
    kind = f" ({organization.type})" if organization.type else ""
    edition = f", {organization.edition}" if organization.edition else ""
    who = f", as {user.name}" if user else ""
    return f"Organization {organization.name}{kind}{edition}{who}."


def _senders(settings: SessionSettings, in_flight: int) -> int:
    """Give how many calls may be under way: ten when they are heavy, since no more of those may be in flight."""
    return max(1, min(in_flight, HEAVY_CALLS_IN_FLIGHT) if settings.heavy_calls else in_flight)
