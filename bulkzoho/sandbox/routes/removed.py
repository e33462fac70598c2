"""What was deleted (zoho-api, section 5.8)."""

from __future__ import annotations

from itertools import islice

from bulkzoho.sandbox.routes.listing import modified_since, paging
from bulkzoho.sandbox.wire.exchange import Exchange, Price, Route
from bulkzoho.sandbox.wire.refusals import invalid_data
from bulkzoho.sandbox.wire.replies import Reply, json_reply, no_content

__all__ = ["REMOVED"]

CREDITS = 2  # Zoho docs, older table; v8 says 1 or 2 (UNVERIFIED), so the dearer one


async def _removed(exchange: Exchange) -> Reply:
    store, crm = exchange.store(), exchange.crm
    kind = exchange.query.get("type", "all")
    if kind not in ("all", "recycle", "permanent"):
        raise invalid_data(param_name="type")
    page, per_page = paging(exchange)
    since_s = modified_since(exchange) or 0.0
    wanted = () if kind == "permanent" else reversed(store.deleted.items())  # nothing is purged here
    found = ((record_id, each) for record_id, each in wanted if each.at_s >= since_s)
    taken = list(islice(found, (page - 1) * per_page, page * per_page + 1))
    more, taken = len(taken) > per_page, taken[:per_page]
    if not taken:
        return no_content()
    me = crm.me.reference()
    data = [
        {
            "deleted_by": me,
            "id": str(record_id),
            "display_name": each.display_name,
            "type": "recycle",
            "created_by": me,
            "deleted_time": crm.zone.text(each.at_s),
        }
        for record_id, each in taken
    ]
    return json_reply({"data": data, "info": {"per_page": per_page, "count": len(data), "page": page, "more_records": more}})


REMOVED = (
    Route(
        operation="deleted",
        method="GET",
        handler=_removed,
        scope="modules.{}.READ",
        price=lambda _exchange: Price(credits=CREDITS),
    ),
)
