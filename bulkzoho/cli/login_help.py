"""Instructions for the login: what to click in Zoho's API console, and which scopes to request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bulkzoho.domain.model.account import LoginMethod

__all__ = ["steps_for"]

_CLIENT = "Copy Client ID and Client Secret (tab Client Secret)."


def steps_for(method: LoginMethod, *, console: str, scopes: Sequence[str], redirect_uri: str) -> str:
    """Return the numbered steps; *console* is the host of the API console."""
    first = f"Open https://{console} and sign in as the user that bulkzoho acts for."
    listed = ",".join(scopes)
    match method:
        case LoginMethod.SELF_CLIENT:
            steps = [
                first,
                "Click Add Client (or Get Started), Self Client, Create, OK.",
                _CLIENT,
                f"On the tab Generate Code, enter the scope: {listed}",
                "Choose 10 minutes, enter any description, click Create, choose the CRM organization, click Create.",
                "Copy the code, or download it and use the file with --file.",
            ]
        case LoginMethod.BROWSER:
            steps = [
                first,
                "Click Add Client, Server-based Applications.",
                f"Enter Homepage URL {redirect_uri.rpartition('/')[0]} and Authorized Redirect URI {redirect_uri}, click Create.",
                _CLIENT,
                f"The browser asks you to grant: {listed}",
            ]
        case LoginMethod.CLIENT_CREDENTIALS:
            steps = [
                first,
                "Click Add Client, Self Client, Create, OK.",
                _CLIENT,
                "Use the organization id (a number) as --org. The CRM shows it under Setup, Company Settings.",
                f"The token is requested with: {listed}",
            ]
        case LoginMethod.REFRESH_TOKEN:
            steps = [
                f"You need a refresh token with these scopes: {listed}",
                f"Open https://{console} and choose its client. {_CLIENT}",
            ]
        case _:
            assert_never(method)
    return "\n".join(f"  {number}. {step}" for number, step in enumerate(steps, start=1))
