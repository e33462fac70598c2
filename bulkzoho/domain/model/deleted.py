"""What the CRM says of records that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["DeletedPage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedPage:
    """One page of a module's deleted records (zoho-api: ``/deleted``)."""

    at_s: Mapping[str, float | None]  #: by record id: when it was deleted, in seconds since the epoch; None where it is not said
    more: bool  #: whether there is a further page
