"""Build what speaks to Zoho: the line, the token's keeper, the transport, the CRM."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bulkzoho.storage.store.run_catalog import home_folder
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.metadata_api import MetadataClient
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount
from bulkzoho.zoho.auth.token_cache import TokenCache
from bulkzoho.zoho.auth.token_provider import TokenProvider
from bulkzoho.zoho.http.http_client import HttpClient

__all__ = ["ApiClientParts", "open_api_client", "token_cache_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClientParts:
    """The parts between an account and its CRM; none of them waits for a quota."""

    chosen: ResolvedAccount
    http: HttpClient
    tokens: TokenProvider
    transport: ApiClient
    crm: MetadataClient


@asynccontextmanager
async def open_api_client(chosen: ResolvedAccount, *, oldest_token_s: float = math.inf) -> AsyncIterator[ApiClientParts]:
    """Give the parts for the account that was *chosen* while the context lasts."""
    settings = chosen.settings
    async with HttpClient(connect_timeout_s=settings.connect_timeout_s) as http:
        cache = token_cache_of(chosen)
        tokens = TokenProvider(
            settings, http=http, cache=cache, client_credentials=chosen.client_credentials, max_age_s=oldest_token_s
        )
        transport = ApiClient(settings, http=http, tokens=tokens)
        yield ApiClientParts(chosen=chosen, http=http, tokens=tokens, transport=transport, crm=MetadataClient(transport))


def token_cache_of(chosen: ResolvedAccount) -> TokenCache:
    """Give the place of its access token, which all processes of this home share."""
    organization = chosen.client_credentials.organization if chosen.client_credentials else ""
    return TokenCache(home_folder() / "tokens", chosen.settings, organization=organization)
