"""Known differences between the sandbox and Zoho's OpenAPI 3.0 files, with their reasons.

Each reason is another source of Zoho's: later files, documentation pages, or the parsers of its SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["DEVIATIONS", "NOT_IN_THE_FILES", "PARTIAL", "UNDESCRIBED", "error_without_deviations", "without_deviations"]

#: Differences that the whole check ignores, with the reason for each.
DEVIATIONS = {
    "nullable": "every page's sample has null for empty fields, the files do not declare it: nulls are not checked",
    "message texts": "Zoho's pages differ in case and wording: only codes are checked",
    "oneOf": "the alternatives in the files overlap: they are checked as anyOf",
    "attributes of metadata": "only present attributes are checked; the files require many that record clients do not read",
    "modules.generated_type": "the 3.1 files allow subform, the 3.0 files do not",
    "org.type": "the 3.0 files write Sandbox; the 3.1 files and the pages write sandbox",
    "users.time_zone": "an object in the files, a string on every page",
    "count": "a string in the 3.0 files; a number in the 3.1 files and in the SDK's class",
    "file_id": "a number in the 3.0 files; a string on the pages and in the SDK's setter",
    "bulk read query": "the files require every key; the pages omit keys that were not requested, and the SDK accepts both",
    "bulk read criteria": "the files require a type, and objects as values; the pages have neither",
    "bulk read result": "the files describe only finished jobs; a failed job has error_message, and the last page has no token",
    "QUEUED": "a state on the v7 and v8 pages that is missing from the files",
    "INPROGRESS": "IN PROGRESS in the files, INPROGRESS in every sample of the pages",
    "job id": "the upload response has a file_id and no id; the files require both",
    "maximum_length": "a string in the 3.0 files, a number in the later files and on the pages",
    "default_value": "the value is an object in the files, a string on the pages and in the SDK's requests",
    "gateway": "the gateway in front of the upload host has its own keys, which the files mix with those of the API",
    "COQL rows": "rows have no id in the files, but on every page",
}

#: Operations that the available files do not describe.
UNDESCRIBED = {
    "count": "a number that the 3.0 files declare as a string",
    "custom_views": "its file is not available",
    "recycle_bin": "its file is not available",
    "purge": "its file is not available",
    "restore": "its file is not available",
    "recycle_bin_count": "its file is not available",
    "convert": "its file is not available",
    "put_files": "its file is not available",
    "get_file": "a file, not JSON",
    "bulk_read_result": "a file, not JSON, unless it is an error",
    "bulk_write_result": "a file, not JSON, unless it is an error",
}

#: Codes that the files do not list, with the page that documents them.
NOT_IN_THE_FILES = {
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED": "Get Records (v7)",
    "PAGINATION_LIMIT_EXCEEDED": "Get Records (v7)",
    "TOKEN_BOUND_DATA_MISMATCH": "Get Records (v7)",
    "EXPIRED_VALUE": "Get Records (v7), Create Bulk Read Job (v7)",
    "ALREADY_MODIFIED": "Update Records (v7)",
    "AMBIGUITY_DURING_PROCESSING": "Get Records (v7)",
    "TOO_MANY_REQUESTS": "Status codes",
    "REQUEST_ENTITY_TOO_LARGE": "Status codes",
    "LIMIT_REACHED": "Search Records (v7)",
    "EXPECTED_PARAM_MISSING": "Get Record Count (v8)",
    "INVALID_QUERY": "Search Records (v7)",
    "OAUTH_SCOPE_MISMATCH": "every page",
    "FILE_NOT_FOUND": "Create Bulk Write Job (v7)",
    "FILE_SIZE_MORE_THAN_ALLOWED_SIZE": "Upload files (v8)",
    "AUTHENTICATION_FAILURE": "every page",
    "REQUEST_BODY_NOT_SUPPORTED": "Create Bulk Write Job (v7)",
    "INVALID_CALLBACK_URL": "Create Bulk Write Job (v7)",
}

#: Files whose required keys and patterns are not checked: see "attributes of metadata".  Their patterns fit only
#: Zoho's test data (such as an e-mail address of nine and five letters).
PARTIAL = {"org.json", "users.json", "fields.json", "modules.json"}


def without_deviations(operation: str, body: Any) -> Any:
    """Return *body*, changed in place, without the differences listed above."""
    remove = _REMOVERS.get(operation)
    if remove is not None:
        remove(body)
    return body


def error_without_deviations(body: dict[str, Any]) -> dict[str, Any]:
    """Return an error or rejected record, changed in place, without the differences listed above."""
    details = body.get("details")
    if isinstance(details, dict):
        body["details"] = {name: str(value) if name in _NUMBERS_AS_STRINGS else value for name, value in details.items()}
    return body


_NUMBERS_AS_STRINGS = {"maximum_length"}


def _org(body: Any) -> None:
    for each in body["org"]:
        each["type"] = each["type"].capitalize()


def _modules(body: Any) -> None:
    for each in body["modules"]:
        if each.get("generated_type") == "subform":
            each["generated_type"] = "custom"


def _users(body: Any) -> None:
    for each in body["users"]:
        each.pop("time_zone", None)


def _upload(body: Any) -> None:
    if "details" in body:
        body["details"] |= {"file_id": int(body["details"]["file_id"]), "id": "1", "created_by": {"name": "-", "id": "1"}}


def _read_jobs(body: Any) -> None:
    for job in body["data"]:
        if job["state"] == "QUEUED":
            job["state"] = "ADDED"
        whole = {"page": 1, "per_page": 1, "count": 0, "download_url": "", "more_records": False, "next_page_token": ""}
        job["result"] = {**whole, **{name: value for name, value in job.get("result", {}).items() if name != "error_message"}}
        job["query"] = {"cvid": "1", "file_type": "ics", **job["query"], "criteria": {"type": "value"}}


def _write_jobs(body: Any) -> None:
    for each in body["resource"]:
        each["status"] = each["status"].replace("INPROGRESS", "IN PROGRESS")
        each["file"]["status"] = each["file"]["status"].replace("INPROGRESS", "IN PROGRESS")
        for mapping in each["field_mappings"]:
            mapping["default_value"] = None


_REMOVERS: dict[str, Callable[[Any], None]] = {
    "org": _org,
    "users": _users,
    "modules": _modules,
    "module": _modules,
    "upload": _upload,
    "bulk_read_status": _read_jobs,
    "bulk_write_status": _write_jobs,
}
