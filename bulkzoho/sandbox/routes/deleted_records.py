"""What was deleted (zoho-api, section 5.8)."""

from __future__ import annotations

from itertools import islice
from typing import Any

import orjson

from bulkzoho.sandbox.records.writer import KEPT_DELETED_S
from bulkzoho.sandbox.routes.list_records import modified_since, paging
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.module_store import Deleted
from bulkzoho.sandbox.wire.errors import invalid_data
from bulkzoho.sandbox.wire.request import Price, Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply, no_content

__all__ = ["REMOVED"]


async def _removed(exchange: Request) -> Response:
    store, crm = exchange.store(), exchange.crm
    kind = exchange.query.get("type", "all")
    if kind not in ("all", "recycle", "permanent"):
        raise invalid_data(param_name="type")
    page, per_page = paging(exchange)
    since_s = modified_since(exchange) or 0.0
    store.purge_until(crm.now_s() - KEPT_DELETED_S)
    found = (
        (record_id, each)
        for record_id, each in reversed(store.deleted.items())
        if each.at_s >= since_s and kind in ("all", _kind(each))
    )
    taken = list(islice(found, (page - 1) * per_page, page * per_page + 1))
    more, taken = len(taken) > per_page, taken[:per_page]
    if not taken:
        return no_content()
    data = [
        {
            "deleted_by": (crm.user(each.by) or crm.founder).reference(),
            "id": str(record_id),
            "display_name": each.display_name if each.record is not None or crm.settings.strict.purged_names else None,
            "type": _kind(each),
            "created_by": _maker(crm, each),
            "deleted_time": crm.zone.text(each.at_s),
        }
        for record_id, each in taken
    ]
    return json_reply({"data": data, "info": {"per_page": per_page, "count": len(data), "page": page, "more_records": more}})


def _kind(deleted: Deleted) -> str:
    return "permanent" if deleted.record is None else "recycle"


def _maker(crm: Crm, deleted: Deleted) -> dict[str, Any]:
    made_by = None if deleted.record is None else orjson.loads(deleted.record).get("Created_By")
    return ((made_by and crm.user(made_by)) or crm.founder).reference()


REMOVED = (
    Route(
        operation="deleted",
        method="GET",
        handler=_removed,
        scope="modules.{}.READ",
        price=lambda exchange: Price(credits=exchange.crm.settings.strict.deleted_credits),
    ),
)
