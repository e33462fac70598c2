"""Checks of the CRM: API host, organization, edition, user, modules, quota."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bulkzoho.app.doctor.check_result import CheckResult, ok, warning
from bulkzoho.app.session import CrmSession
from bulkzoho.zoho.auth.datacenters import data_center_of
from bulkzoho.zoho.http.http_client import host_of

__all__ = ["check_account", "check_modules", "check_quota"]

LOW: Final = 0.1  # share of a daily quota below which a warning is shown


def check_account(crm: CrmSession, notes: Sequence[str]) -> list[CheckResult]:
    """Check API host, organization, edition and user; *notes* are the messages of the connection."""
    token = crm.tokens.current
    host = host_of(token.api_url if token else crm.connection.api_url)
    center = data_center_of(host)
    place = f"{host}, data center {center.name}" if center else f"{host}, as configured"
    organization = crm.organization
    results = [ok("API host", place)]
    if organization.edition is None:
        results.append(
            warning(
                "organization",
                " ".join(notes[:-1]) or "the edition is unknown.",  # the last note is the greeting
                "Log in again with ZohoCRM.org.READ, or set the plan of each run with --plan.",
            )
        )
    else:
        kind = f", {organization.type}" if organization.type else ""
        results.append(ok("organization", f"{organization.name} ({organization.id}{kind})"))
        licences = f", {organization.licences} licences" if organization.licences is not None else ""
        results.append(ok("edition", f"{organization.edition}{licences}"))
    if crm.user is None:
        results.append(
            warning(
                "user",
                "the token cannot read its user.",
                "Log in again with ZohoCRM.users.READ: lookups after a lost response need it.",
            )
        )
    else:
        results.append(ok("user", crm.user.name))
    return results


async def check_modules(crm: CrmSession) -> Iterable[CheckResult]:
    """Check that the list of modules can be read."""
    supported = [module for module in await crm.modules() if module.api_supported]
    return [ok("modules", f"the API supports {len(supported)}; --module NAME checks one")]


def check_quota(crm: CrmSession) -> list[CheckResult]:
    """Check the daily quota, as far as this state directory knows it."""
    status = crm.limiter.status()
    parts = [f"{status.calls_last_day:,} of {status.calls_per_day:,} calls"]
    left = 1.0 - status.calls_last_day / status.calls_per_day
    if status.credits_per_day is not None:
        parts.append(f"{status.credits_last_day:,} of {status.credits_per_day:,} credits")
        left = min(left, 1.0 - status.credits_last_day / status.credits_per_day)
    usage = f"{' and '.join(parts)} of the last 24 hours are used ({status.plan})"
    if left < LOW:
        return [warning("quota", f"{usage}.", "A run will wait for the rest; `bulkzoho quota` shows until when.")]
    return [ok("quota", usage)]
