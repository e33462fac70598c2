"""Routes of the organization and its users (zoho-api, section 6.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bulkzoho.sandbox.routes.list_records import paging
from bulkzoho.sandbox.settings import Edition
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.schema import ID_PREFIX
from bulkzoho.sandbox.wire.errors import invalid_data
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["ORG", "USERS"]

_USER_TYPES: dict[str, Callable[[Crm, User], bool]] = {
    "AllUsers": lambda _crm, _user: True,
    "ActiveUsers": lambda _crm, user: user.active,
    "DeactiveUsers": lambda _crm, user: not user.active,
    "ConfirmedUsers": lambda _crm, _user: True,
    "NotConfirmedUsers": lambda _crm, _user: False,
    "DeletedUsers": lambda _crm, _user: False,
    "ActiveConfirmedUsers": lambda _crm, user: user.active,
    "AdminUsers": lambda _crm, user: user.admin,
    "ActiveConfirmedAdmins": lambda _crm, user: user.active and user.admin,
    "CurrentUser": lambda crm, user: user is crm.current_user,
}


async def _org(request: Request) -> Response:
    crm = request.crm
    settings = crm.settings
    paid = settings.edition is not Edition.FREE
    organization = {
        "id": str(ID_PREFIX + 1_001),
        "zgid": settings.org_id,
        "company_name": "Sandbox Company",
        "domain_name": f"org{settings.org_id}",
        "type": settings.org_type,
        "primary_email": crm.current_user.email,
        "primary_zuid": "900",
        "time_zone": crm.zone.name,
        "iso_code": "SEK",
        "currency": "Swedish Krona - SEK",
        "currency_symbol": "kr",
        "currency_locale": "sv_SE",
        "country_code": "SE",
        "created_time": crm.zone.format(1_700_000_000),
        "mc_status": False,
        "license_details": {
            "paid_expiry": None,
            "users_license_purchased": settings.licences,
            "portal_users_license_purchased": 0,
            "trial_type": None,
            "trial_expiry": None,
            "paid": paid,
            "paid_type": settings.edition.value,
        },
        "privacy_settings": False,
        "hipaa_compliance_enabled": False,
        "translation_enabled": False,
    }
    return json_response({"org": [organization]})


def _describe(crm: Crm, user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "zuid": str(user.id % 10_000),
        "full_name": user.full_name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "role": {"name": "CEO", "id": str(ID_PREFIX + 26_005)},
        "profile": {
            "name": "Administrator" if user.admin else "Standard",
            "id": str(ID_PREFIX + (26_011 if user.admin else 26_014)),
        },
        "status": "active" if user.active else "inactive",
        "confirm": True,
        "time_zone": crm.zone.name,
        "date_format": "MMM d, yyyy",
        "locale": "en_US",
        "language": "en_US",
        "country_locale": "en_US",
    }


async def _users(request: Request) -> Response:
    crm = request.crm
    matches = _USER_TYPES.get(request.query.get("type", "AllUsers"))
    if matches is None:
        raise invalid_data(param_name="type")
    page, per_page = paging(request)
    found = [each for each in crm.users if matches(crm, each)]
    page_users = found[(page - 1) * per_page : page * per_page]
    if not page_users:
        return no_content()
    more = len(found) > page * per_page
    info = {"per_page": per_page, "count": len(page_users), "page": page, "more_records": more}
    return json_response({"users": [_describe(crm, each) for each in page_users], "info": info})


ORG = (Route(operation="org", method="GET", handler=_org, scope="org.READ"),)
USERS = (Route(operation="users", method="GET", handler=_users, scope="users.READ"),)
