"""One connection to one account: session, token, transport, put together and closed together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkzoho.model.rows import Operation
from bulkzoho.model.settings import ConnectionSettings
from bulkzoho.zoho.line import MAX_CONNECTIONS, Line
from bulkzoho.zoho.metadata import ZohoCrm
from bulkzoho.zoho.records import RecordsRoute
from bulkzoho.zoho.token_cache import TokenCache
from bulkzoho.zoho.tokens import TokenKeeper
from bulkzoho.zoho.transport import Transport

__all__ = ["Connection", "connected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open connection; good until the context that gave it ends."""

    settings: ConnectionSettings
    crm: ZohoCrm  #: the ``Crm`` port
    transport: Transport

    def records_route(
        self, *, crm_module: str, operation: Operation, match_on: Sequence[str] = (), trigger: Sequence[str] = ()
    ) -> RecordsRoute:
        """Give the ``Route`` port for one module (API name) and operation."""
        return RecordsRoute(self.transport, crm_module=crm_module, operation=operation, match_on=match_on, trigger=trigger)


@contextlib.asynccontextmanager
async def connected(
    settings: ConnectionSettings, *, token_folder: Path | None, max_connections: int = MAX_CONNECTIONS
) -> AsyncIterator[Connection]:
    """Open a connection; makes no call yet.

    *token_folder* keeps access tokens between processes (None: each run asks for its own); *max_connections* must not be below
    the calls in flight that the quota allows.
    """
    async with Line(connect_timeout_s=settings.connect_timeout_s, max_connections=max_connections) as line:
        cache = None if token_folder is None else TokenCache(token_folder, settings)
        tokens = TokenKeeper(settings, line=line, cache=cache)
        transport = Transport(settings, line=line, tokens=tokens)
        yield Connection(settings=settings, crm=ZohoCrm(transport, tokens=tokens), transport=transport)
