"""Whole-call errors: status, code and message (zoho-api, section 3.4)."""

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
    """Error response for the whole call."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the response body: code, details, message, status."""
        return {"code": self.code, "details": self.details, "message": self.message, "status": "error"}


def invalid_url() -> ApiError:
    """Build the error for an unknown path."""
    return ApiError(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")


def invalid_method() -> ApiError:
    """Build the error for a known path with another method."""
    return ApiError(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")


def invalid_token() -> ApiError:
    """Build the error for an expired, revoked or unknown access token."""
    return ApiError(401, "INVALID_TOKEN", "invalid oauth token")


def no_token() -> ApiError:
    """Build the error for a missing access token."""
    return ApiError(401, "AUTHENTICATION_FAILURE", "Authentication failed")


def scope_mismatch() -> ApiError:
    """Build the error for a token without the needed scope."""
    return ApiError(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def no_permission(permission: str) -> ApiError:
    """Build the error for a right that the user's profile lacks."""
    return ApiError(403, "NO_PERMISSION", "permission denied", permissions=[permission])


def too_many_requests(quota: str = "") -> ApiError:
    """Build the error for an exceeded quota; *which* names it in the message if the switch says so."""
    suffix = f" ({quota})" if quota else ""
    return ApiError(429, "TOO_MANY_REQUESTS", f"too many requests. please try again after some time{suffix}")


def invalid_module() -> ApiError:
    """Build the error for an unknown module."""
    return ApiError(400, "INVALID_MODULE", "the module name given seems to be invalid", resource_path_index=0)


def parameter_missing(name: str) -> ApiError:
    """Build the error for a missing parameter."""
    return ApiError(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param_name=name)


def invalid_data(**details: Any) -> ApiError:
    """Build the error for an unreadable or invalid call."""
    return ApiError(400, "INVALID_DATA", "invalid data", **details)


def internal_error() -> ApiError:
    """Build the error for a failure of the service."""
    return ApiError(500, "INTERNAL_ERROR", "Internal server error occurred.")


def too_large() -> ApiError:
    """Build the error for a body that is too large."""
    return ApiError(413, "REQUEST_ENTITY_TOO_LARGE", "request entity too large")
