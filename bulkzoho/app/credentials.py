"""Select the account of a command from options, environment and profiles."""

from __future__ import annotations

import os
from contextlib import suppress

from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.storage.store.home import current_home
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount, resolve_account
from bulkzoho.zoho.auth.profile_store import ProfileStore

__all__ = ["profile_store", "select_account"]


def profile_store() -> ProfileStore:
    """Return the profiles of this state directory."""
    return ProfileStore(current_home().path)


def select_account(account: AccountSelection) -> ResolvedAccount:
    """Return the account that a command uses; create the state directory, readable only by its owner, if it is missing.

    Raises:
        BulkZohoError: There is no such account, or it is incomplete.
    """
    with suppress(OSError):  # the first write reports the problem
        current_home().make()
    return resolve_account(account, os.environ, profile_store())
