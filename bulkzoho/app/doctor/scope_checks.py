"""Checks of the account's permissions: scopes per command, permissions on a module."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from bulkzoho.app.access_diagnosis import login_command
from bulkzoho.app.doctor.check_result import CheckResult, CheckStatus, ok, warning
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.model.account import AccountPurpose
from bulkzoho.domain.model.limits_and_costs import DEFAULT_COST
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.responses import Rejected
from bulkzoho.domain.policy.retry import access_error
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.errors import AccessError
from bulkzoho.zoho.api.permissions import RecordPermission, probe_permission
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.scopes import COMMAND_SCOPES, SCOPES_OF_USE, missing_scopes

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
    """Check the token's scopes for each command; missing scopes that *use* needs are failures."""
    if not granted:
        return [ok("scopes", "the accounts server does not list them; the checks below test them")]
    wanted = SCOPES_OF_USE[use]
    remedy = f"Log in again with it: {login_command(chosen, '--for', use.value)}"
    results, usable, unwanted = list[CheckResult](), list[str](), list[str]()
    for command, needed in COMMAND_SCOPES.items():
        missing = missing_scopes(granted, needed, crm_module=crm_module)
        if not missing:
            usable.append(command)
        elif set(missing) == set(missing_scopes(wanted, missing)):  # the use does not need them
            unwanted.append(command)
        else:
            state = CheckStatus.WARNING if "delete" in command else CheckStatus.FAILURE
            results.append(CheckResult(name="scopes", state=state, message=f"{command} lacks {', '.join(missing)}.", hint=remedy))
    if use is AccountPurpose.BULK and (missing := missing_scopes(granted, wanted, crm_module=crm_module)):
        results.append(
            CheckResult(name="scopes", state=CheckStatus.FAILURE, message=f"bulk jobs lack {', '.join(missing)}.", hint=remedy)
        )
    rest = f"; not for {', '.join(unwanted)}, because of --for {use}" if unwanted else ""
    return [ok("scopes", f"enough for {', '.join(usable)}{rest}"), *results] if usable else results


async def check_module(crm: CrmSession, crm_module: CrmModule, use: AccountPurpose) -> Iterable[CheckResult]:
    """Check the user's permissions on *crm_module* without changing anything."""
    name = f"module {crm_module.api_name}"
    permissions = [RecordPermission.READ] if use is AccountPurpose.READ else list(RecordPermission)
    reasons = await gather_first_error([_denied(crm, crm_module, permission) for permission in permissions])
    denied = {permission: reason for permission, reason in zip(permissions, reasons, strict=True) if reason is not None}
    allowed = [permission.value for permission in permissions if permission not in denied]
    results = [
        CheckResult(
            name=name,
            state=CheckStatus.FAILURE if permission in _NEEDED[use] else CheckStatus.WARNING,
            message=f"the user may not {permission} records: {reason.message}.",
            hint=reason.hint,
        )
        for permission, reason in denied.items()
    ]
    if crm_module.name.deletable:
        allowed.append("delete")
    elif use is not AccountPurpose.READ:
        results.append(warning(name, "the user may not delete records, according to the CRM.", "Needed only for deletes."))
    return [ok(name, f"{len(crm_module.fields)} fields; the user may {', '.join(allowed) or 'do nothing'}"), *results]


async def _denied(crm: CrmSession, crm_module: CrmModule, permission: RecordPermission) -> AccessError | None:
    """Return why the user lacks *permission*, or None."""
    flags = {
        RecordPermission.READ: True,
        RecordPermission.CREATE: crm_module.name.creatable,
        RecordPermission.UPDATE: crm_module.name.editable,
    }
    if not flags[permission]:
        return AccessError("according to the list of modules", hint=_GRANT)
    reply = await crm.caller.call(lambda: probe_permission(crm.api_client, crm_module.api_name, permission), DEFAULT_COST)
    if not isinstance(reply, Rejected) or not reply.access_denied:
        return None
    if reply.code == "OAUTH_SCOPE_MISMATCH":
        scope = f"ZohoCRM.modules.{permission.upper()}"
        return AccessError(f"the token lacks {scope}", hint="Log in again with that scope: bulkzoho auth login")
    return AccessError(access_error(reply, doing=f"that on {crm_module.api_name}").message.rstrip("."), hint=_GRANT)
