"""Every address of the API, and who answers it; the first pattern that fits wins."""

from __future__ import annotations

import re
from functools import lru_cache

from bulkzoho.sandbox.routes import coql, delete, listing, metadata, organization, removed, searching, write
from bulkzoho.sandbox.wire.exchange import Route
from bulkzoho.sandbox.wire.refusals import invalid_method, invalid_url

__all__ = ["resolve"]

_VERSION = r"/crm/v[2-8](?:\.1)?"
_MODULE = r"/(?P<crm_module>[A-Za-z][A-Za-z0-9_]*)"
_ID = r"/(?P<id>[0-9]+)"

_TABLE = tuple(
    (re.compile(_VERSION + pattern).fullmatch, routes)
    for pattern, routes in (
        ("/org", organization.ORG),
        ("/users", organization.USERS),
        ("/coql", coql.COQL),
        ("/settings/fields", metadata.FIELDS),
        ("/settings/modules", metadata.MODULES),
        (rf"/settings/modules{_MODULE}", metadata.ONE_MODULE),
        (rf"{_MODULE}/upsert", write.UPSERT),
        (rf"{_MODULE}/deleted", removed.REMOVED),
        (rf"{_MODULE}/search", searching.SEARCH),
        (rf"{_MODULE}/actions/count", searching.COUNT),
        (rf"{_MODULE}{_ID}", listing.ONE + write.ONE + delete.ONE),
        (_MODULE, listing.MANY + write.MANY + delete.MANY),
    )
)


@lru_cache(maxsize=4096)
def resolve(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Find the route of a call, and the named pieces of its path.

    Raises:
        Refusal: 404 for an unknown address, 400 for a known one with another method.
    """
    for fits, routes in _TABLE:
        found = fits(path)
        if found is not None:
            for route in routes:
                if route.method == method:
                    return route, found.groupdict()
            raise invalid_method()
    raise invalid_url()
