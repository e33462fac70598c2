"""Whole-call errors: status, code and message in one place (zoho-api, section 3.4)."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ApiError",
    "invalid_module",
    "invalid_token",
    "invalid_url",
    "parameter_missing",
    "scope_mismatch",
    "too_many_requests",
]


class ApiError(Exception):
    """The call as a whole is answered with an error."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """Give the four keys of an error."""
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}


def invalid_url() -> ApiError:
    """No such address."""
    return ApiError(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


def invalid_method() -> ApiError:
    """The address exists, not with this method."""
    return ApiError(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def invalid_token() -> ApiError:
    """The access token is dead or was never alive."""
    return ApiError(401, "INVALID_TOKEN", "invalid oauth token")


def no_token() -> ApiError:
    """There is no access token in the header."""
    return ApiError(401, "AUTHENTICATION_FAILURE", "Authentication failed")


def scope_mismatch() -> ApiError:
    """The token is alive, but was given for other things."""
    return ApiError(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def no_permission(permission: str) -> ApiError:
    """The user's profile does not allow it."""
    return ApiError(403, "NO_PERMISSION", "permission denied", permissions=[permission])


def too_many_requests(which: str = "") -> ApiError:
    """A quota is used up; the service does not say which, or at most in the text."""
    named = f" ({which})" if which else ""
    return ApiError(429, "TOO_MANY_REQUESTS", f"too many requests. please try again after some time{named}")


def invalid_module() -> ApiError:
    """No such module."""
    return ApiError(400, "INVALID_MODULE", "the module name given seems to be invalid", resource_path_index=0)


def parameter_missing(name: str) -> ApiError:
    """A parameter that must be there is not."""
    return ApiError(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name=name)


def invalid_data(**details: Any) -> ApiError:
    """The call as a whole cannot be read or holds something wrong."""
    return ApiError(400, "INVALID_DATA", "invalid data", **details)


def internal_error() -> ApiError:
    """The service failed."""
    return ApiError(500, "INTERNAL_ERROR", "Internal server error occurred.")


def too_large() -> ApiError:
    """The body is longer than the service takes."""
    return ApiError(413, "REQUEST_ENTITY_TOO_LARGE", "request entity too large")
