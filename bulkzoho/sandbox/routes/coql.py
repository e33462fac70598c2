"""Route of COQL (zoho-api, section 7)."""

from __future__ import annotations

import re

from bulkzoho.sandbox.query.coql import run
from bulkzoho.sandbox.query.coql_grammar import Dialect, parse
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["COQL"]

_LIMIT = re.compile(r"\blimit\s+(\d+)(?:\s*,\s*(\d+))?", re.IGNORECASE)
_CREDITS = ((200, 1), (1_000, 2))  # (requested rows, credits); Zoho docs v8, "API limits"
MOST_CREDITS = 3


def _price(request: Request) -> Price:
    found = _LIMIT.findall(str(request.json_or_empty().get("select_query", "")))
    rows = int(found[-1][1] or found[-1][0]) if found else request.crm.settings.strict.coql_default_limit
    price = next((price for most, price in _CREDITS if rows <= most), MOST_CREDITS)
    return Price(credits=price, heavy=True)


async def _coql(request: Request) -> Response:
    text = request.json().get("select_query")
    if text is None:
        message = "required field not found"
        raise ApiError(400, "MANDATORY_NOT_FOUND", message, api_name="select_query", json_path="$.select_query")
    if type(text) is not str:
        raise invalid_data(expected_data_type="text", api_name="select_query", json_path="$.select_query")
    rows, more = await run(request.crm, parse(text, _dialect(request.crm.settings.strict)))
    if not rows:
        return no_content()
    return json_response({"data": rows, "info": {"count": len(rows), "more_records": more}})


def _dialect(strict: UnverifiedBehavior) -> Dialect:
    return Dialect(
        quotes=strict.coql_quotes,
        default_limit=strict.coql_default_limit,
        star=strict.coql_star,
        any_case_aggregates=strict.coql_any_case_aggregates,
    )


COQL = (Route(operation="coql", method="POST", handler=_coql, scope="coql.READ", price=_price),)
