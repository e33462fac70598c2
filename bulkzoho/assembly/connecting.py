"""Meet the CRM: the organization and its limits, the user, the module and its fields; within the quota from the first call on."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any, Final

from bulkzoho.assembly.announcing import WaitTeller
from bulkzoho.assembly.diagnosing import named_troubles, tokens_throttled
from bulkzoho.assembly.meeting import first_meeting
from bulkzoho.assembly.organizations import ledger_of, remember, remembered, unknown_organization
from bulkzoho.assembly.wiring import Wires, wired
from bulkzoho.core.judging import access_error
from bulkzoho.core.naming import resolve_module
from bulkzoho.core.pacing import limits_of
from bulkzoho.core.users import KnownUser
from bulkzoho.engine.courier import Courier
from bulkzoho.engine.stopping import AdmissionClosedError, Stop
from bulkzoho.errors import BulkZohoError, RunFailedError
from bulkzoho.model.metadata import CrmModule, ModuleName, Organization, User
from bulkzoho.model.plans import HEAVY_CALLS_IN_FLIGHT, Price, price_of_write
from bulkzoho.model.replies import Answered, Lost, Refused, Reply, Throttled
from bulkzoho.model.rows import Operation
from bulkzoho.model.settings import ConnectionSettings, ImportSettings
from bulkzoho.ports import Crm, Progress, Quota, QuotaClosedError
from bulkzoho.profiles.choosing import Chosen
from bulkzoho.quota import open_quota
from bulkzoho.zoho.datacenters import version_warning
from bulkzoho.zoho.tokens import TokenKeeper
from bulkzoho.zoho.transport import Transport
from bulkzoho.zoho.users import UserPage, UserPages

__all__ = ["Connected", "Met", "connect", "meet"]

# Zoho's own ``module_name`` of Deals is still Potentials (OpenAPI ``modules``)
COUNT_WITHIN_S: Final = 5.0  # seconds that a count before and after a run is worth
OLD_NAMES: Final = {"potential": "Deals", "potentials": "Deals"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A CRM that answers, and leave to call it."""

    wires: Wires
    transport: Transport
    tokens: TokenKeeper
    crm: Crm
    courier: Courier
    quota: Quota
    waits: WaitTeller  #: to be quieted by whoever shows waits by itself
    organization: Organization
    user: User | None
    connection: ConnectionSettings
    senders: int

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
                reply = await self.courier.try_once(lambda: self.crm.count(crm_module), Price())
        except (TimeoutError, BulkZohoError, AdmissionClosedError):
            return None
        return reply.payload if isinstance(reply, Answered) else None

    async def modules(self) -> tuple[ModuleName, ...]:
        """Give every module of the CRM.

        Raises:
            AccessError: The list cannot be read.
        """
        modules: tuple[ModuleName, ...] = await self._ask(self.crm.modules, doing="reading the list of modules")
        return modules

    async def users(self) -> tuple[KnownUser, ...]:
        """Give every user of the organization, inactive ones too; a call for 200 of them.

        Raises:
            AccessError: They cannot be read.
        """
        pages, found = UserPages(self.transport), dict[str, KnownUser]()
        for number in count(1):
            page: UserPage = await self._ask(partial(pages.page, number), doing="reading the users")
            before = len(found)
            found |= {user.id: user for user in page.users}
            if not page.more or len(found) == before:  # a page that brings nobody new is the last, whatever it says
                break
        return tuple(found.values())

    async def _ask(self, call: Callable[[], Awaitable[Reply]], *, doing: str) -> Any:
        return _payload(await self.courier.deliver(call, Price()), doing=doing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """An organization that was asked who it is, and leave to call it."""

    wires: Wires
    courier: Courier
    quota: Quota
    waits: WaitTeller
    organization: Organization


@asynccontextmanager
async def connect(
    settings: ImportSettings,
    *,
    chosen: Chosen,
    run: str,
    stop: Stop,
    progress: Progress,
    hasty: bool = False,
    introduce: bool = True,
) -> AsyncIterator[Connected]:
    """Connect with the account that was *chosen*, and stay connected while the context lasts.

    Without *introduce* the user is not asked for: a run that may find nothing to do saves a call.
    A *hasty* visitor does not wait until Zoho gives access tokens again; a run does, and says so.

    Raises:
        AccessError: The CRM does not let us in.
        UnreachableError: It does not answer.
    """
    async with meet(settings, chosen=chosen, run=run, stop=stop, progress=progress, hasty=hasty) as met:
        for note in limits_of(settings.quota, met.organization).notes:
            progress.tell(note)
        crm = met.wires.crm
        user = await _current_user(met.courier, crm) if introduce else None
        progress.tell(_introduction(met.organization, user))
        yield Connected(
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
async def meet(
    settings: ImportSettings, *, chosen: Chosen, run: str, stop: Stop, progress: Progress, hasty: bool = False
) -> AsyncIterator[Met]:
    """Ask the organization who it is, in one call; else as :func:`connect`.

    The quota's ledger belongs to the organization, which the first call tells.  It is remembered from the last time, so that
    that call too is made within the quota; on the very first run it is counted afterwards.
    """
    if (warning := version_warning(chosen.settings.api_version)) is not None:
        progress.tell(warning)
    async with AsyncExitStack() as stack:
        wires = await stack.enter_async_context(wired(chosen))
        await stack.enter_async_context(named_troubles(wires, stop))
        if isinstance(await wires.tokens.renew(0), Throttled):
            if hasty:
                raise tokens_throttled()
            progress.tell(f"{tokens_throttled().message} The run waits until it gives one.")

        async def open_for(organization: Organization) -> tuple[Quota, Courier, WaitTeller]:
            quota, courier = await _open_quota(stack, organization, settings, wires, run=run, stop=stop)
            waits = WaitTeller(quota, progress.tell)
            stack.callback(waits.quiet)
            return quota, courier, waits

        async with first_meeting(chosen, stop=stop, patience_s=settings.give_up_after_s):
            known = remembered(chosen)
            quota, courier, waits = await open_for(known or unknown_organization(chosen))
            organization = await _ask_who(courier, wires.crm, progress, chosen)
            if organization != known:
                remember(chosen, organization)
                used = courier.counts
                quota, courier, waits = await open_for(organization)
                if known is None or known.id != organization.id:
                    await _charge(quota, calls=used.total)
                courier.take_over(used)
        yield Met(wires=wires, courier=courier, quota=quota, waits=waits, organization=organization)


async def _charge(quota: Quota, *, calls: int) -> None:
    """Count *calls* that were made before it was known whose quota they were."""
    try:
        for _ in range(calls):
            async with quota.permit(Price()):
                pass
    except QuotaClosedError as error:
        raise AdmissionClosedError from error


async def _open_quota(
    stack: AsyncExitStack, organization: Organization, settings: ImportSettings, wires: Wires, *, run: str, stop: Stop
) -> tuple[Quota, Courier]:
    quota = await stack.enter_async_context(
        open_quota(
            ledger_of(organization),
            org=organization.id,
            limits=limits_of(settings.quota, organization),
            run=run,
            on_quota=settings.quota.on_quota,
            wall=time.time,
        )
    )
    stop.listen(quota.close)
    courier = Courier(
        quota=quota,
        crm=wires.crm,
        stop=stop,
        chance=random.Random().random,  # noqa: S311  for jitter
        give_up_after_s=settings.give_up_after_s,
        wall=time.time,
    )
    return quota, courier


def _today(name: str, modules: Sequence[ModuleName]) -> str:
    """Give a module's present name for one that Zoho gave up and people did not, unless this CRM uses it."""
    plain = name.strip().casefold()
    used = {label.casefold() for one in modules for label in (one.api_name, one.singular_label, one.plural_label)}
    return name if plain in used else OLD_NAMES.get(plain, name)


async def _ask_who(courier: Courier, crm: Crm, progress: Progress, chosen: Chosen) -> Organization:
    reply = await courier.deliver(crm.organization, Price())
    if isinstance(reply, Refused) and (reply.code == "OAUTH_SCOPE_MISMATCH" or reply.status == HTTPStatus.FORBIDDEN):
        progress.tell("The token may not read the organization: its scope lacks ZohoCRM.org.READ.")
        return replace(unknown_organization(chosen), name="unknown organization")
    organization: Organization = _payload(reply, doing="reading the organization")
    return organization


async def _current_user(courier: Courier, crm: Crm) -> User | None:
    reply = await courier.deliver(crm.current_user, Price())
    return reply.payload if isinstance(reply, Answered) else None


def _payload(reply: Answered | Refused | Lost, *, doing: str) -> Any:
    match reply:
        case Answered(payload=payload):
            return payload
        case Refused() if reply.status in (401, 403):
            raise access_error(reply, doing=doing)
        case Refused():
            raise RunFailedError(f"{doing}: the CRM refused ({reply.code}: {reply.message}).", hint="Check the API version.")
        case Lost():
            raise RunFailedError(f"{doing}: no answer that can be read ({reply.reason}).", hint="Try again.")


def _introduction(organization: Organization, user: User | None) -> str:
    kind = f" ({organization.type})" if organization.type else ""
    edition = f", {organization.edition}" if organization.edition else ""
    who = f", as {user.name}" if user else ""
    return f"Organization {organization.name}{kind}{edition}{who}."


def _senders(settings: ImportSettings, in_flight: int) -> int:
    """Give how many calls may be under way: ten when they are heavy, since no more of those may be in flight."""
    heavy = price_of_write(settings.batch_records, delete=settings.operation is Operation.DELETE).heavy
    return max(1, min(in_flight, HEAVY_CALLS_IN_FLIGHT) if heavy else in_flight)
