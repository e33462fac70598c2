"""Convert a lead to an account, a contact and optionally a deal; the lead becomes read-only.

Documented are the price (zoho-api, section 4.2) and the effect on the lead (sections 5.1, 5.4, 12.14); body and response
follow the names in Zoho's SDK.
"""

from __future__ import annotations

from typing import Any

import orjson

from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Writer
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import CONVERTED_AT, display_name
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response

__all__ = ["CONVERT"]

CREDITS = 5  # Zoho docs, "API limits"
_TO_CONTACT = ("First_Name", "Last_Name", "Email", "Phone", "Mobile", "Lead_Source", "Description")


async def _convert(request: Request) -> Response:
    crm, leads = request.crm, request.store()
    lead_id = int(request.parts["id"])
    if lead_id not in leads:
        raise ApiError(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=1)
    if lead_id in leads.converted:
        raise ApiError(400, "ID_ALREADY_CONVERTED", "id already converted", id=str(lead_id))
    records = request.records()
    choices = records[0] if records and type(records[0]) is dict else {}
    lead = leads.values(lead_id)
    account = _existing_record(crm, "Accounts", choices) or _create_record(
        crm, "Accounts", {"Account_Name": lead.get("Company") or lead["Last_Name"]}
    )
    values = {name: lead[name] for name in _TO_CONTACT if name in lead}
    contact = _existing_record(crm, "Contacts", choices) or _create_record(
        crm, "Contacts", {**values, "Account_Name": {"id": str(account)}}
    )
    deal = choices.get("Deals")
    deal_id = None
    if type(deal) is dict:
        links = {"Account_Name": {"id": str(account)}, "Contact_Name": {"id": str(contact)}}
        deal_id = _create_record(crm, "Deals", {**links, **deal})
    leads.update(lead_id, {CONVERTED_AT: crm.zone.format(crm.now_s())}, crm.now_s())
    details = {
        "Accounts": _reference(crm, "Accounts", account),
        "Contacts": _reference(crm, "Contacts", contact),
        "Deals": None if deal_id is None else _reference(crm, "Deals", deal_id),
    }
    message = "The record has been converted successfully"
    return json_response({"data": [{"code": "SUCCESS", "details": details, "message": message, "status": "success"}]})


def _existing_record(crm: Crm, crm_module: str, choices: dict[str, Any]) -> int | None:
    """Return the existing record to use instead of a new one."""
    choice = choices.get(crm_module)
    if choice is None:
        return None
    record_id = record_id_of(choice.get("id") if type(choice) is dict else choice)
    if record_id is None or record_id not in crm.stores[crm_module]:
        raise invalid_data(api_name=crm_module, json_path=f"$.data[0].{crm_module}.id")
    return record_id


def _create_record(crm: Crm, crm_module: str, record: dict[str, Any]) -> int:
    result = Writer(crm, crm.stores[crm_module]).insert(record, 0)
    element = orjson.loads(result.encoded)
    if not result.accepted:
        raise ApiError(400, element["code"], element["message"], **element["details"])
    return int(element["details"]["id"])


def _reference(crm: Crm, crm_module: str, record_id: int) -> dict[str, Any]:
    store = crm.stores[crm_module]
    return {"name": display_name(store.crm_module, store.values(record_id)), "id": str(record_id)}


def _price(_request: Request) -> Price:
    return Price(credits=CREDITS, heavy=True, records=1)


CONVERT = (Route(operation="convert", method="POST", handler=_convert, scope="modules.{}.UPDATE", price=_price),)
