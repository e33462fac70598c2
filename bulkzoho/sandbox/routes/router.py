"""Every address of the API, and who answers it; the first pattern that fits wins."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from bulkzoho.sandbox.routes import bulk_read, bulk_write, coql, mass_update, metadata, organization, upload
from bulkzoho.sandbox.routes import convert_lead as converting
from bulkzoho.sandbox.routes import delete_records as delete
from bulkzoho.sandbox.routes import deleted_records as removed
from bulkzoho.sandbox.routes import get_record as one_record
from bulkzoho.sandbox.routes import list_records as listing
from bulkzoho.sandbox.routes import recycle_bin as recycling
from bulkzoho.sandbox.routes import search as searching
from bulkzoho.sandbox.routes import write_records as write
from bulkzoho.sandbox.wire.errors import invalid_method, invalid_url
from bulkzoho.sandbox.wire.request import Route

__all__ = ["ADDRESSES", "resolve"]

_VERSION = r"/crm/v[2-8](?:\.1)?"
_MODULE = r"/(?P<crm_module>[A-Za-z][A-Za-z0-9_]*)"
_ID = r"/(?P<id>[0-9]+)"

_BULK = r"/crm/bulk/v[2-8](?:\.1)?"

_BULK_TABLE = (
    ("/read", bulk_read.CREATE),
    (rf"/read{_ID}", bulk_read.STATUS),
    (rf"/read{_ID}/result", bulk_read.RESULT),
    ("/write", bulk_write.CREATE),
    (rf"/write{_ID}", bulk_write.STATUS),
)
_DOWNLOAD = r"/{1,2}v[2-8](?:\.1)?/crm/(?:org)?[0-9]+/bulk-write/(?P<id>[0-9]+)/(?P=id)\.zip"  # the SDK doubles the first slash
_Pattern = tuple[Callable[[str], re.Match[str] | None], tuple[Route, ...]]
ADDRESSES: tuple[_Pattern, ...] = tuple((re.compile(_BULK + pattern).fullmatch, routes) for pattern, routes in _BULK_TABLE)
ADDRESSES += ((re.compile(_DOWNLOAD).fullmatch, bulk_write.RESULT),)
ADDRESSES += tuple(
    (re.compile(_VERSION + pattern).fullmatch, routes)
    for pattern, routes in (
        ("/org", organization.ORG),
        ("/users", organization.USERS),
        ("/coql", coql.COQL),
        ("/upload", upload.UPLOAD),
        ("/files", upload.FILES),
        ("/settings/fields", metadata.FIELDS),
        (rf"/settings/fields{_ID}", metadata.ONE_FIELD),
        ("/settings/modules", metadata.MODULES),
        (rf"/settings/modules{_MODULE}", metadata.ONE_MODULE),
        ("/settings/custom_views", metadata.VIEWS),
        ("/settings/recycle_bin", recycling.MANY),
        (rf"/settings/recycle_bin{_ID}", recycling.ONE),
        ("/settings/recycle_bin/actions/count", recycling.COUNT),
        ("/settings/recycle_bin/actions/empty", recycling.EMPTY),
        ("/settings/recycle_bin/actions/restore", recycling.RESTORE_MANY),
        (rf"/settings/recycle_bin{_ID}/actions/restore", recycling.RESTORE_ONE),
        (rf"{_MODULE}/upsert", write.UPSERT),
        (rf"{_MODULE}/deleted", removed.REMOVED),
        (rf"{_MODULE}/search", searching.SEARCH),
        (rf"{_MODULE}/actions/count", searching.COUNT),
        (rf"{_MODULE}/actions/mass_update", mass_update.MASS_UPDATE),
        (rf"/(?P<crm_module>Leads){_ID}/actions/convert", converting.CONVERT),
        (rf"{_MODULE}{_ID}", one_record.ONE + write.ONE + delete.ONE),
        (_MODULE, listing.MANY + write.MANY + delete.MANY),
        (rf"{_MODULE}/[^/]+", one_record.MALFORMED),
    )
)


@lru_cache(maxsize=4096)
def resolve(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Find the route of a call, and the named pieces of its path.

    Raises:
        Refusal: 404 for an unknown address, 400 for a known one with another method.
    """
    for fits, routes in ADDRESSES:
        found = fits(path)
        if found is not None:
            for route in routes:
                if route.method == method:
                    return route, found.groupdict()
            raise invalid_method()
    raise invalid_url()
