"""Let a shaper know the users before the first row that names one otherwise than by id, and not sooner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bulkzoho.core.shaping import Shaper
from bulkzoho.core.users import Users
from bulkzoho.model.rows import Block

__all__ = ["ReadUsers", "acquaint"]

ReadUsers = Callable[[], Awaitable[Users]]  #: asks the CRM; raises as the courier does


async def acquaint(shaper: Shaper, block: Block, read_users: ReadUsers | None) -> None:
    """Read the users if *block* wants them and nobody did yet.

    Raises:
        BulkZohoError: They cannot be read.
        AdmissionClosedError: The run ends before they were.
    """
    if read_users is not None and shaper.wants_users(block):
        shaper.know(await read_users())
