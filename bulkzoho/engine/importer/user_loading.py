"""Let a shaper know the users before the first row that names one otherwise than by id, and not sooner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bulkzoho.domain.model.rows import RowBlock
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.domain.transform.user_directory import UserDirectory

__all__ = ["ReadUsers", "ensure_users"]

ReadUsers = Callable[[], Awaitable[UserDirectory]]  #: asks the CRM; raises as the courier does


async def ensure_users(shaper: RowTransformer, block: RowBlock, read_users: ReadUsers | None) -> None:
    """Read the users if *block* wants them and nobody did yet.

    Raises:
        BulkZohoError: They cannot be read.
        StopRequestedError: The run ends before they were.
    """
    if read_users is not None and shaper.needs_users(block):
        shaper.set_users(await read_users())
