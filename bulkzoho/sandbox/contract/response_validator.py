"""Whether answers that were kept are as Zoho's files describe them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from bulkzoho.sandbox.contract.deviations import NOT_IN_THE_FILES, aligned, aligned_error
from bulkzoho.sandbox.contract.openapi import OpenApiDescription

__all__ = ["DESCRIBED", "ResponseValidator", "check_answers"]

_RECORD = "record.json"
_RESULTS = ("Success_Response", "API_Exception")
# what each operation answers: the file, and the schemas of the body, or of each element of ``data`` where so said
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
    """Check answers against the files of a folder.

    Raises:
        ImportError: jsonschema is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._description = OpenApiDescription(folder)

    def wrong(self, operation: str, body: Any) -> str:
        """Tell what is wrong with one answer, or nothing."""
        file, schemas = _BODIES.get(operation) or _ELEMENTS.get(operation) or (_RECORD, ())
        if "ERROR_CODE" in body:  # of the gateway: see the deviation of that name
            return ""
        if "code" in body and body.get("status") == "error":
            return self._wrong_error(body, file)
        if operation in _ELEMENTS:
            found = [self._wrong_element(each, file, schemas) for each in body.get("data", [])]
            return next((each for each in found if each), "")
        return self._description.wrong(aligned(operation, body), file, schemas) if schemas else ""

    def _wrong_element(self, element: Any, file: str, schemas: tuple[str, ...]) -> str:
        if element.get("code") in NOT_IN_THE_FILES:
            return ""
        return self._description.wrong(aligned_error(element), file, schemas)

    def _wrong_error(self, body: dict[str, Any], file: str) -> str:
        if body["code"] in NOT_IN_THE_FILES:
            return ""
        general = f"{_RECORD}#API_Exception"
        return self._description.wrong(aligned_error(body), file, (*self._description.errors_of(file), general))


def check_answers(answers: Path, described: Path) -> list[str]:
    """Check all answers kept in *answers* against the files in *described*; give one line for each that is wrong."""
    checker, found = ResponseValidator(described), []
    for path in sorted(answers.glob("*.json")):
        operation, status, _ = path.name.split(".", 2)
        wrong = checker.wrong(operation, orjson.loads(path.read_bytes()))
        if wrong:
            found.append(f"{operation} {status}: {wrong}")
    return found
