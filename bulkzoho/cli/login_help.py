"""What to click in Zoho's API console, and which scopes to ask for: the words of the login."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from bulkzoho.zoho.auth.profile import LoginMethod

__all__ = ["steps_for"]

_CLIENT = "Copy Client ID and Client Secret (tab Client Secret)."


def steps_for(method: LoginMethod, *, console: str, scopes: Sequence[str], redirect_uri: str) -> str:
    """Give the steps, numbered; *console* is a host."""
    first = f"Open https://{console} and sign in as the user whose rights bulkzoho is to have."
    listed = ",".join(scopes)
    match method:
        case LoginMethod.SELF_CLIENT:
            steps = [
                first,
                "Add Client (or Get Started), Self Client, Create, OK.",
                _CLIENT,
                f"Tab Generate Code, Scope: {listed}",
                "Time Duration: 10 minutes; Scope Description: bulkzoho; Create; choose the CRM organization; Create.",
                "Copy the code, or Download it: --file takes the downloaded file as it is.",
            ]
        case LoginMethod.BROWSER:
            steps = [
                first,
                "Add Client, Server-based Applications.",
                f"Homepage URL: {redirect_uri.rpartition('/')[0]}; Authorized Redirect URIs: {redirect_uri}; Create.",
                _CLIENT,
                f"The browser will ask you to agree to: {listed}",
            ]
        case LoginMethod.CLIENT_CREDENTIALS:
            steps = [
                first,
                "Add Client, Self Client, Create, OK.",
                _CLIENT,
                "In the CRM: Setup, Company Settings (or Developer Hub): the organization's id, a number, is --org.",
                f"The token will be asked for with: {listed}",
            ]
        case LoginMethod.REFRESH_TOKEN:
            steps = [
                f"Have the refresh token of a client at hand that was made with: {listed}",
                f"Open https://{console}, choose the client. {_CLIENT}",
            ]
        case _:
            assert_never(method)
    return "\n".join(f"  {number}. {step}" for number, step in enumerate(steps, start=1))
