"""Route that lists deleted records (zoho-api, section 5.8)."""

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
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["DELETED"]


async def _list_deleted(request: Request) -> Response:
    store, crm = request.store(), request.crm
    kind = request.query.get("type", "all")
    if kind not in ("all", "recycle", "permanent"):
        raise invalid_data(param_name="type")
    page, per_page = paging(request)
    since_s = modified_since(request) or 0.0
    store.purge_until(crm.now_s() - KEPT_DELETED_S)
    found = (
        (record_id, each)
        for record_id, each in reversed(store.deleted.items())
        if each.at_s >= since_s and kind in ("all", _deletion_type(each))
    )
    page_items = list(islice(found, (page - 1) * per_page, page * per_page + 1))
    more, page_items = len(page_items) > per_page, page_items[:per_page]
    if not page_items:
        return no_content()
    data = [
        {
            "deleted_by": (crm.user(each.by) or crm.administrator).reference(),
            "id": str(record_id),
            "display_name": each.display_name if each.record is not None or crm.settings.strict.purged_names else None,
            "type": _deletion_type(each),
            "created_by": _creator(crm, each),
            "deleted_time": crm.zone.format(each.at_s),
        }
        for record_id, each in page_items
    ]
    return json_response({"data": data, "info": {"per_page": per_page, "count": len(data), "page": page, "more_records": more}})


def _deletion_type(deleted: Deleted) -> str:
    return "permanent" if deleted.record is None else "recycle"


def _creator(crm: Crm, deleted: Deleted) -> dict[str, Any]:
    creator_id = None if deleted.record is None else orjson.loads(deleted.record).get("Created_By")
    return ((creator_id and crm.user(creator_id)) or crm.administrator).reference()


DELETED = (
    Route(
        operation="deleted",
        method="GET",
        handler=_list_deleted,
        scope="modules.{}.READ",
        price=lambda request: Price(credits=request.crm.settings.strict.deleted_credits),
    ),
)
