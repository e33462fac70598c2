"""The doctor's checks of what the account may do: scopes by command, permissions on a module."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from bulkzoho.app.access_diagnosis import login_command
from bulkzoho.app.doctor.check_result import CheckResult, CheckStatus, ok, warning
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.model.edition_limits import DEFAULT_COST
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.responses import Rejected
from bulkzoho.domain.policy.retry import access_error
from bulkzoho.errors import AccessError
from bulkzoho.zoho.api.permissions import RecordPermission, probe_permission
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.scopes import COMMAND_SCOPES, SCOPES_OF_USE, AccountPurpose, missing_scopes

__all__ = ["check_module", "check_scopes"]

_GRANT: Final = "Have an administrator grant it (Setup, Security Control, Profiles, the user's profile, the module)."
_NEEDED: Final = {
    AccountPurpose.READ: frozenset({RecordPermission.READ}),
    AccountPurpose.IMPORT: frozenset(RecordPermission),
    AccountPurpose.BULK: frozenset(RecordPermission),
}


def check_scopes(
    granted: tuple[str, ...], *, chosen: ResolvedAccount, use: AccountPurpose, crm_module: str | None
) -> list[CheckResult]:
    """Hold the token's scopes against each command; what *use* needs and is not there is a failure."""
    if not granted:
        return [ok("scopes", "the accounts server does not tell them; the calls below do")]
    wanted = SCOPES_OF_USE[use]
    remedy = f"Log in again with it: {login_command(chosen, '--for', use.value)}"
    findings, well, unwanted = list[CheckResult](), list[str](), list[str]()
    for command, needed in COMMAND_SCOPES.items():
        missing = missing_scopes(granted, needed, crm_module=crm_module)
        if not missing:
            well.append(command)
        elif set(missing) == set(missing_scopes(wanted, missing)):  # the use never asked for any of them
            unwanted.append(command)
        else:
            state = CheckStatus.WARNING if "delete" in command else CheckStatus.FAILURE
            findings.append(
                CheckResult(name="scopes", state=state, message=f"{command} lacks {', '.join(missing)}.", hint=remedy)
            )
    if use is AccountPurpose.BULK and (missing := missing_scopes(granted, wanted, crm_module=crm_module)):
        findings.append(
            CheckResult(name="scopes", state=CheckStatus.FAILURE, message=f"bulk jobs lack {', '.join(missing)}.", hint=remedy)
        )
    rest = f"; not for {', '.join(unwanted)}, as --for {use} wants it" if unwanted else ""
    return [ok("scopes", f"enough for {', '.join(well)}{rest}"), *findings] if well else findings


async def check_module(crm: CrmSession, crm_module: CrmModule, use: AccountPurpose) -> Iterable[CheckResult]:
    """See what the user may do with *crm_module*; nothing is changed by it."""
    place = f"module {crm_module.api_name}"
    rights = [RecordPermission.READ] if use is AccountPurpose.READ else list(RecordPermission)
    async with asyncio.TaskGroup() as group:
        tried = [(right, group.create_task(_denied(crm, crm_module, right))) for right in rights]
    denied = {right: why for right, task in tried if (why := task.result()) is not None}
    may = [right.value for right in rights if right not in denied]
    findings = [
        CheckResult(
            name=place,
            state=CheckStatus.FAILURE if right in _NEEDED[use] else CheckStatus.WARNING,
            message=f"the user may not {right} records: {why.message}.",
            hint=why.hint,
        )
        for right, why in denied.items()
    ]
    if crm_module.name.deletable:
        may.append("delete")
    elif use is not AccountPurpose.READ:
        findings.append(warning(place, "the user may not delete records, as the CRM says.", "Needed only to delete."))
    return [ok(place, f"{len(crm_module.fields)} fields; the user may {', '.join(may) or 'do nothing'}"), *findings]


async def _denied(crm: CrmSession, crm_module: CrmModule, right: RecordPermission) -> AccessError | None:
    """Give the reason why not; None when the user may."""
    flags = {
        RecordPermission.READ: True,
        RecordPermission.CREATE: crm_module.name.creatable,
        RecordPermission.UPDATE: crm_module.name.editable,
    }
    if not flags[right]:
        return AccessError("the list of modules says so", hint=_GRANT)
    reply = await crm.courier.call(lambda: probe_permission(crm.transport, crm_module.api_name, right), DEFAULT_COST)
    if not isinstance(reply, Rejected) or not reply.access_denied:
        return None
    if reply.code == "OAUTH_SCOPE_MISMATCH":
        scope = f"ZohoCRM.modules.{right.upper()}"
        return AccessError(f"the token lacks {scope}", hint="Log in again with that scope: bulkzoho auth login")
    return AccessError(access_error(reply, doing=f"that on {crm_module.api_name}").message.rstrip("."), hint=_GRANT)
