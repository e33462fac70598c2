"""Convert a lead: it becomes an account, a contact and perhaps a deal, and can be changed no more.

What is known of this call is its price (zoho-api, section 4.2) and what becomes of the lead (sections 5.1, 5.4, 12.14); its
body and answer follow the names that Zoho's SDK gives them.
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
from bulkzoho.sandbox.wire.responses import Response, json_reply

__all__ = ["CONVERT"]

CREDITS = 5  # Zoho docs, "API limits"
_TO_CONTACT = ("First_Name", "Last_Name", "Email", "Phone", "Mobile", "Lead_Source", "Description")


async def _convert(exchange: Request) -> Response:
    crm, leads = exchange.crm, exchange.store()
    lead_id = int(exchange.parts["id"])
    if lead_id not in leads:
        raise ApiError(400, "INVALID_DATA", "the id given seems to be invalid", resource_path_index=1)
    if lead_id in leads.converted:
        raise ApiError(400, "ID_ALREADY_CONVERTED", "id already converted", id=str(lead_id))
    asked = exchange.records()
    wishes = asked[0] if asked and type(asked[0]) is dict else {}
    lead = leads.values(lead_id)
    account = _chosen(crm, "Accounts", wishes) or _made(
        crm, "Accounts", {"Account_Name": lead.get("Company") or lead["Last_Name"]}
    )
    values = {name: lead[name] for name in _TO_CONTACT if name in lead}
    contact = _chosen(crm, "Contacts", wishes) or _made(crm, "Contacts", {**values, "Account_Name": {"id": str(account)}})
    deal = wishes.get("Deals")
    made_deal = None
    if type(deal) is dict:
        links = {"Account_Name": {"id": str(account)}, "Contact_Name": {"id": str(contact)}}
        made_deal = _made(crm, "Deals", {**links, **deal})
    leads.update(lead_id, {CONVERTED_AT: crm.zone.text(crm.now_s())}, crm.now_s())
    details = {
        "Accounts": _reference(crm, "Accounts", account),
        "Contacts": _reference(crm, "Contacts", contact),
        "Deals": None if made_deal is None else _reference(crm, "Deals", made_deal),
    }
    message = "The record has been converted successfully"
    return json_reply({"data": [{"code": "SUCCESS", "details": details, "message": message, "status": "success"}]})


def _chosen(crm: Crm, crm_module: str, wishes: dict[str, Any]) -> int | None:
    """Give the record that is to be used instead of a new one."""
    wish = wishes.get(crm_module)
    if wish is None:
        return None
    record_id = record_id_of(wish.get("id") if type(wish) is dict else wish)
    if record_id is None or record_id not in crm.stores[crm_module]:
        raise invalid_data(api_name=crm_module, json_path=f"$.data[0].{crm_module}.id")
    return record_id


def _made(crm: Crm, crm_module: str, record: dict[str, Any]) -> int:
    result = Writer(crm, crm.stores[crm_module]).insert(record, 0)
    told = orjson.loads(result.encoded)
    if not result.accepted:
        raise ApiError(400, told["code"], told["message"], **told["details"])
    return int(told["details"]["id"])


def _reference(crm: Crm, crm_module: str, record_id: int) -> dict[str, Any]:
    store = crm.stores[crm_module]
    return {"name": display_name(store.crm_module, store.values(record_id)), "id": str(record_id)}


def _price(_exchange: Request) -> Price:
    return Price(credits=CREDITS, heavy=True, records=1)


CONVERT = (Route(operation="convert", method="POST", handler=_convert, scope="modules.{}.UPDATE", price=_price),)
