"""Route table of the API; the first matching pattern wins."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from bulkzoho.sandbox.routes import (
    bulk_read,
    bulk_write,
    convert_lead,
    coql,
    delete_records,
    deleted_records,
    get_record,
    list_records,
    mass_update,
    metadata,
    organization,
    recycle_bin,
    search,
    upload,
    write_records,
)
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
_DOWNLOAD = (
    r"/{1,2}v[2-8](?:\.1)?/crm/(?:org)?[0-9]+/bulk-write/(?P<id>[0-9]+)/(?P=id)\.zip"  # Zoho's SDK doubles the first slash
)
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
        ("/settings/recycle_bin", recycle_bin.MANY),
        (rf"/settings/recycle_bin{_ID}", recycle_bin.ONE),
        ("/settings/recycle_bin/actions/count", recycle_bin.COUNT),
        ("/settings/recycle_bin/actions/empty", recycle_bin.EMPTY),
        ("/settings/recycle_bin/actions/restore", recycle_bin.RESTORE_MANY),
        (rf"/settings/recycle_bin{_ID}/actions/restore", recycle_bin.RESTORE_ONE),
        (rf"{_MODULE}/upsert", write_records.UPSERT),
        (rf"{_MODULE}/deleted", deleted_records.DELETED),
        (rf"{_MODULE}/search", search.SEARCH),
        (rf"{_MODULE}/actions/count", search.COUNT),
        (rf"{_MODULE}/actions/mass_update", mass_update.MASS_UPDATE),
        (rf"/(?P<crm_module>Leads){_ID}/actions/convert", convert_lead.CONVERT),
        (rf"{_MODULE}{_ID}", get_record.ONE + write_records.ONE + delete_records.ONE),
        (_MODULE, list_records.MANY + write_records.MANY + delete_records.MANY),
        (rf"{_MODULE}/[^/]+", get_record.MALFORMED),
    )
)


@lru_cache(maxsize=4096)
def resolve(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a call and the named groups of its path.

    Raises:
        ApiError: 404 for an unknown path, 400 for another method.
    """
    for fits, routes in ADDRESSES:
        found = fits(path)
        if found is not None:
            for route in routes:
                if route.method == method:
                    return route, found.groupdict()
            raise invalid_method()
    raise invalid_url()
