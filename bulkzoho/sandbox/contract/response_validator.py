"""Validate recorded responses against Zoho's OpenAPI files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from bulkzoho.sandbox.contract.deviations import NOT_IN_THE_FILES, error_without_deviations, without_deviations
from bulkzoho.sandbox.contract.openapi import OpenApiDescription

__all__ = ["DESCRIBED", "ResponseValidator", "check_answers"]

_RECORD = "record.json"
_RESULTS = ("Success_Response", "API_Exception")
# operation -> file and schemas of the response body; _ELEMENTS has those of each element of ``data``
_BODIES: dict[str, tuple[str, tuple[str, ...]]] = {
    "list": (_RECORD, ("Response_Wrapper",)),
    "get": (_RECORD, ("Response_Wrapper",)),
    "search": (_RECORD, ("Response_Wrapper",)),
    "deleted": (_RECORD, ("Deleted_Records_Wrapper",)),
    "coql": ("coql.json", ("Response_Wrapper",)),
    "fields": ("fields.json", ("Response_Wrapper",)),
    "modules": ("modules.json", ("Response_Wrapper",)),
    "module": ("modules.json", ("Response_Wrapper",)),
    "org": ("org.json", ("Response_Wrapper",)),
    "users": ("users.json", ("Response_Wrapper",)),
    "bulk_read_status": ("bulk_read.json", ("Response_Wrapper",)),
    "bulk_read_result": ("bulk_read.json", ()),
    "bulk_write_result": ("bulk_write.json", ()),
    "upload": ("bulk_write.json", ("Success_Response",)),
    "bulk_write": ("bulk_write.json", ("Success_Response",)),
    "bulk_write_status": ("bulk_write.json", ("Bulk_Write_Response",)),
}
_ELEMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "insert": (_RECORD, _RESULTS),
    "update": (_RECORD, _RESULTS),
    "upsert": (_RECORD, _RESULTS),
    "delete": (_RECORD, _RESULTS),
    "mass_update": (_RECORD, (*_RESULTS, "Mass_Update_Success_Response")),
    "mass_update_status": (_RECORD, ("Mass_Update",)),
    "bulk_read": ("bulk_read.json", ("Success_Response",)),
}

DESCRIBED = _BODIES.keys() | _ELEMENTS.keys()


class ResponseValidator:
    """Validator of responses against the OpenAPI files of a folder.

    Raises:
        ImportError: jsonschema is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._description = OpenApiDescription(folder)

    def violation(self, operation: str, body: Any) -> str:
        """Return the violation found in one response, or an empty string."""
        file, schemas = _BODIES.get(operation) or _ELEMENTS.get(operation) or (_RECORD, ())
        if "ERROR_CODE" in body:  # a gateway response: see the deviation "gateway"
            return ""
        if "code" in body and body.get("status") == "error":
            return self._error_violation(body, file)
        if operation in _ELEMENTS:
            violations = [self._element_violation(each, file, schemas) for each in body.get("data", [])]
            return next((each for each in violations if each), "")
        return self._description.violation(without_deviations(operation, body), file, schemas) if schemas else ""

    def _element_violation(self, element: Any, file: str, schemas: tuple[str, ...]) -> str:
        if element.get("code") in NOT_IN_THE_FILES:
            return ""
        return self._description.violation(error_without_deviations(element), file, schemas)

    def _error_violation(self, body: dict[str, Any], file: str) -> str:
        if body["code"] in NOT_IN_THE_FILES:
            return ""
        general = f"{_RECORD}#API_Exception"
        return self._description.violation(
            error_without_deviations(body), file, (*self._description.error_schemas(file), general)
        )


def check_answers(answers: Path, descriptions: Path) -> list[str]:
    """Validate all responses recorded in *answers* against the files in *described*; return one line per violation."""
    validator, violations = ResponseValidator(descriptions), []
    for path in sorted(answers.glob("*.json")):
        operation, status, _ = path.name.split(".", 2)
        violation = validator.violation(operation, orjson.loads(path.read_bytes()))
        if violation:
            violations.append(f"{operation} {status}: {violation}")
    return violations
