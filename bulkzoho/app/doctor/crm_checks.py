"""The doctor's checks of the CRM that answered: who it is, what it pays for, its modules, its quota."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bulkzoho.app.doctor.check_result import CheckResult, ok, warning
from bulkzoho.app.session import CrmSession
from bulkzoho.zoho.auth.datacenters import data_center_of
from bulkzoho.zoho.http.http_client import host_of

__all__ = ["check_account", "check_modules", "check_quota"]

LITTLE: Final = 0.1  # share of a day's quota that is worth a word when no more is left


def check_account(crm: CrmSession, notes: Sequence[str]) -> list[CheckResult]:
    """Say where the API is, whose it is, and what that organization pays for; *notes* are those of the connection."""
    token = crm.tokens.current
    host = host_of(token.api_url if token else crm.connection.api_url)
    center = data_center_of(host)
    where = f"{host}, data center {center.name}" if center else f"{host}, which was given"
    organization = crm.organization
    findings = [ok("API host", where)]
    if organization.edition is None:
        findings.append(
            warning(
                "organization",
                " ".join(notes[:-1]) or "the CRM does not tell its edition.",  # the last one only says who it is
                "Log in again with ZohoCRM.org.READ, or name the plan of each run with --plan.",
            )
        )
    else:
        kind = f", {organization.type}" if organization.type else ""
        findings.append(ok("organization", f"{organization.name} ({organization.id}{kind})"))
        licences = f", {organization.licences} licences" if organization.licences is not None else ""
        findings.append(ok("edition", f"{organization.edition}{licences}"))
    if crm.user is None:
        findings.append(
            warning("user", "the token may not read its user.", "Log in again with ZohoCRM.users.READ: lost replies need it.")
        )
    else:
        findings.append(ok("user", crm.user.name))
    return findings


async def check_modules(crm: CrmSession) -> Iterable[CheckResult]:
    """See that the list of modules can be read."""
    served = [one for one in await crm.modules() if one.api_supported]
    return [ok("modules", f"{len(served)} are served by the API; --module NAME looks at one")]


def check_quota(crm: CrmSession) -> list[CheckResult]:
    """Say what is left of the day, as far as this home knows."""
    status = crm.quota.status()
    words = [f"{status.calls_last_day:,} of {status.calls_per_day:,} calls"]
    left = 1.0 - status.calls_last_day / status.calls_per_day
    if status.credits_per_day is not None:
        words.append(f"{status.credits_last_day:,} of {status.credits_per_day:,} credits")
        left = min(left, 1.0 - status.credits_last_day / status.credits_per_day)
    said = f"{' and '.join(words)} of the last 24 hours are used ({status.plan})"
    if left < LITTLE:
        return [warning("quota", f"{said}.", "A run will wait for the rest; `bulkzoho quota` shows until when.")]
    return [ok("quota", said)]
