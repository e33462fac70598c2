"""The doctor's checks of what the account may do: scopes by command, permissions on a module."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from bulkzoho.assembly.connecting import Connected
from bulkzoho.assembly.diagnosing import login_command
from bulkzoho.assembly.findings import Finding, State, ok, warning
from bulkzoho.core.judging import access_error
from bulkzoho.errors import AccessError
from bulkzoho.model.metadata import CrmModule
from bulkzoho.model.plans import Price
from bulkzoho.model.replies import Refused
from bulkzoho.profiles.choosing import Chosen
from bulkzoho.zoho.permissions import Right, try_right
from bulkzoho.zoho.scopes import COMMAND_SCOPES, SCOPES_OF_USE, Use, lacking

__all__ = ["check_module", "check_scopes"]

_DENIED: Final = (401, 403)
_GRANT: Final = "Have an administrator grant it (Setup, Security Control, Profiles, the user's profile, the module)."
_NEEDED: Final = {
    Use.READ: frozenset({Right.READ}),
    Use.IMPORT: frozenset(Right),
    Use.BULK: frozenset(Right),
}


def check_scopes(granted: tuple[str, ...], *, chosen: Chosen, use: Use, crm_module: str | None) -> list[Finding]:
    """Hold the token's scopes against each command; what *use* needs and is not there is a failure."""
    if not granted:
        return [ok("scopes", "the accounts server does not tell them; the calls below do")]
    wanted = SCOPES_OF_USE[use]
    remedy = f"Log in again with it: {login_command(chosen, '--for', use.value)}"
    findings, well, unwanted = list[Finding](), list[str](), list[str]()
    for command, needed in COMMAND_SCOPES.items():
        missing = lacking(granted, needed, crm_module=crm_module)
        if not missing:
            well.append(command)
        elif set(missing) == set(lacking(wanted, missing)):  # the use never asked for any of them
            unwanted.append(command)
        else:
            state = State.WARNING if "delete" in command else State.FAILURE
            findings.append(Finding(name="scopes", state=state, message=f"{command} lacks {', '.join(missing)}.", hint=remedy))
    if use is Use.BULK and (missing := lacking(granted, wanted, crm_module=crm_module)):
        findings.append(Finding(name="scopes", state=State.FAILURE, message=f"bulk jobs lack {', '.join(missing)}.", hint=remedy))
    rest = f"; not for {', '.join(unwanted)}, as --for {use} wants it" if unwanted else ""
    return [ok("scopes", f"enough for {', '.join(well)}{rest}"), *findings] if well else findings


async def check_module(crm: Connected, crm_module: CrmModule, use: Use) -> Iterable[Finding]:
    """See what the user may do with *crm_module*; nothing is changed by it."""
    place = f"module {crm_module.api_name}"
    rights = [Right.READ] if use is Use.READ else list(Right)
    async with asyncio.TaskGroup() as group:
        tried = [(right, group.create_task(_denied(crm, crm_module, right))) for right in rights]
    denied = {right: why for right, task in tried if (why := task.result()) is not None}
    may = [right.value for right in rights if right not in denied]
    findings = [
        Finding(
            name=place,
            state=State.FAILURE if right in _NEEDED[use] else State.WARNING,
            message=f"the user may not {right} records: {why.message}.",
            hint=why.hint,
        )
        for right, why in denied.items()
    ]
    if crm_module.name.deletable:
        may.append("delete")
    elif use is not Use.READ:
        findings.append(warning(place, "the user may not delete records, as the CRM says.", "Needed only to delete."))
    return [ok(place, f"{len(crm_module.fields)} fields; the user may {', '.join(may) or 'do nothing'}"), *findings]


async def _denied(crm: Connected, crm_module: CrmModule, right: Right) -> AccessError | None:
    """Give the reason why not; None when the user may."""
    flags = {Right.READ: True, Right.CREATE: crm_module.name.creatable, Right.UPDATE: crm_module.name.editable}
    if not flags[right]:
        return AccessError("the list of modules says so", hint=_GRANT)
    reply = await crm.courier.deliver(lambda: try_right(crm.transport, crm_module.api_name, right), Price())
    if not isinstance(reply, Refused) or reply.status not in _DENIED:
        return None
    if reply.code == "OAUTH_SCOPE_MISMATCH":
        scope = f"ZohoCRM.modules.{right.upper()}"
        return AccessError(f"the token lacks {scope}", hint="Log in again with that scope: bulkzoho auth login")
    return AccessError(access_error(reply, doing=f"that on {crm_module.api_name}").message.rstrip("."), hint=_GRANT)
