"""Which proxy leads to a host, as the system says.  Only for https: there the proxy sees neither token nor record."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

__all__ = ["proxy_for"]


def proxy_for(url: str) -> str | None:
    """Give the URL of the proxy for *url*, or None; plain http (loopback alone) never goes through one."""
    if not url.startswith("https:"):
        return None
    return _proxy_for_host(urlsplit(url).hostname or "")


@lru_cache(maxsize=64)  # the environment of a process does not change while it runs
def _proxy_for_host(host: str) -> str | None:
    proxy = getproxies().get("https")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
