"""Build what speaks to Zoho: the line, the token's keeper, the transport, the CRM."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bulkzoho.assembly.homes import home_folder
from bulkzoho.profiles.choosing import Chosen
from bulkzoho.zoho.line import Line
from bulkzoho.zoho.metadata import ZohoCrm
from bulkzoho.zoho.token_cache import TokenCache
from bulkzoho.zoho.tokens import TokenKeeper
from bulkzoho.zoho.transport import Transport

__all__ = ["Wires", "token_cache_of", "wired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """The parts between an account and its CRM; none of them waits for a quota."""

    chosen: Chosen
    line: Line
    tokens: TokenKeeper
    transport: Transport
    crm: ZohoCrm


@asynccontextmanager
async def wired(chosen: Chosen, *, oldest_token_s: float = math.inf) -> AsyncIterator[Wires]:
    """Give the parts for the account that was *chosen* while the context lasts."""
    settings = chosen.settings
    async with Line(connect_timeout_s=settings.connect_timeout_s) as line:
        cache = token_cache_of(chosen)
        tokens = TokenKeeper(settings, line=line, cache=cache, server=chosen.server, oldest_s=oldest_token_s)
        transport = Transport(settings, line=line, tokens=tokens)
        yield Wires(chosen=chosen, line=line, tokens=tokens, transport=transport, crm=ZohoCrm(transport))


def token_cache_of(chosen: Chosen) -> TokenCache:
    """Give the place of its access token, which all processes of this home share."""
    organization = chosen.server.organization if chosen.server else ""
    return TokenCache(home_folder() / "tokens", chosen.settings, organization=organization)
