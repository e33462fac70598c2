"""Record errors with Zoho's code, details and message (zoho-api, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["RecordRefusedError", "cleared", "duplicate", "invalid", "missing", "several", "too_long", "wrong_type"]


class RecordRefusedError(Exception):
    """One record of a call is rejected; the others are not affected."""

    def __init__(self, code: str, message: str, api_name: str = "", **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.api_name = api_name
        self.details = details
        self.path_suffix = ""  #: appended to the field in ``json_path``

    def result(self, position: int) -> dict[str, Any]:
        """Return the result for the record at *position* of the call."""
        details = dict(self.details)
        if self.api_name:
            details["api_name"] = self.api_name
            details["json_path"] = f"$.data[{position}].{self.api_name}{self.path_suffix}"
        elif self.code == "INVALID_DATA" and "id" not in details:
            details["json_path"] = f"$.data[{position}]"
        return {"code": self.code, "details": details, "message": self.message, "status": "error"}


def invalid(**details: Any) -> RecordRefusedError:
    """Build the error for an invalid value."""
    return RecordRefusedError("INVALID_DATA", "invalid data", **details)


def wrong_type(expected: str) -> RecordRefusedError:
    """Build the error for a value whose JSON type is not *expected* (Zoho's type name)."""
    return invalid(expected_data_type=expected)


def too_long(maximum: int) -> RecordRefusedError:
    """Build the error for a value with more than *maximum* characters or digits."""
    return invalid(maximum_length=maximum)


def missing(api_name: str) -> RecordRefusedError:
    """Build the error for an empty mandatory field."""
    return RecordRefusedError("MANDATORY_NOT_FOUND", "required field not found", api_name)


def cleared(api_name: str, code: str) -> RecordRefusedError:
    """Build the error for a change that clears a mandatory field; *code* is a switch."""
    found = missing(api_name)
    return found if code == found.code else RecordRefusedError(code, "invalid data", api_name)


def several(errors: Sequence[dict[str, Any]]) -> RecordRefusedError:
    """Build the error for a record with several errors."""
    return RecordRefusedError("MULTIPLE_OR_MULTI_ERRORS", "multiple errors", errors=list(errors))


def duplicate(
    api_name: str, record_id: int, owner: dict[str, Any], crm_module: dict[str, str], *, more: bool
) -> RecordRefusedError:
    """Build the error for a value that another record already has."""
    return RecordRefusedError(
        "DUPLICATE_DATA",
        "duplicate data",
        api_name,
        id=str(record_id),
        duplicate_record={"id": str(record_id), "Owner": owner, "module": crm_module},
        more_records=more,
    )
