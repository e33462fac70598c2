"""Where the sandbox knowingly differs from Zoho's OpenAPI 3.0 files, and why.

The reasons are other sources of Zoho's own: later files, pages, and what its SDK can read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["DEVIATIONS", "NOT_IN_THE_FILES", "PARTIAL", "UNDESCRIBED", "aligned", "aligned_error"]

#: What the whole check passes over, with the reason for each.
DEVIATIONS = {
    "nullable": "empty fields are null in every page's sample, and the files forget to say so: nulls are left out of the check",
    "message texts": "Zoho's own pages differ in them (letter case, wording); only codes are checked",
    "oneOf": "the files' alternatives overlap, so that one must not exclude the other: they are taken as anyOf",
    "attributes of metadata": "those given are checked, not that the hundred others are there which no client of records reads",
    "modules.generated_type": "subform is one of the 3.1 files, not of the 3.0 ones",
    "org.type": "the 3.0 files write Sandbox; the 3.1 files and the pages write sandbox",
    "users.time_zone": "an object in the files, a text on every page",
    "count": "a text in the 3.0 files; the 3.1 files and the SDK's class have a number",
    "file_id": "a number in the 3.0 files; the pages, and the SDK's own setter, have a text",
    "bulk read query": "the files want every key; pages leave out what was not asked for, and the SDK reads both",
    "bulk read criteria": "the files want a type, and objects as values; the pages have neither",
    "bulk read result": "the files know it finished only; a failed job has error_message there, and the last page has no token",
    "QUEUED": "a state of the v7 and v8 pages that the files lack",
    "INPROGRESS": "the files write IN PROGRESS; every sample of the pages writes INPROGRESS",
    "job id": "the upload's answer has a file_id and no id; the files want both in one schema",
    "maximum_length": "a text in the 3.0 files, a number in the later files and on the pages",
    "default_value": "an object's value is an object in the files; the pages and the SDK's own requests have a text",
    "gateway": "the gateway before the upload host has keys of its own, which the files mix with those of the API",
    "COQL rows": "the files give a row no id, every page does",
}

#: What the files at hand do not describe at all.
UNDESCRIBED = {
    "count": "a number that the 3.0 files take for a text",
    "custom_views": "its file is not at hand",
    "recycle_bin": "its file is not at hand",
    "purge": "its file is not at hand",
    "restore": "its file is not at hand",
    "recycle_bin_count": "its file is not at hand",
    "convert": "its file is not at hand",
    "put_files": "its file is not at hand",
    "get_file": "a file, and no JSON",
    "bulk_read_result": "a file, and no JSON, unless it is an error",
    "bulk_write_result": "a file, and no JSON, unless it is an error",
}

#: Codes of the pages that the lists of codes in the files lack, with where they stand.
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

#: Files of which only what is there is checked, not that all is: see "attributes of metadata".  The patterns there are those of
#: somebody's test data (an e-mail address of nine letters and five).
PARTIAL = {"org.json", "users.json", "fields.json", "modules.json"}


def aligned(operation: str, body: Any) -> Any:
    """Give *body* (a copy of its own) without what is told above."""
    align = _ALIGNERS.get(operation)
    if align is not None:
        align(body)
    return body


def aligned_error(body: dict[str, Any]) -> dict[str, Any]:
    """Give an error, or a refused record, without what is told above."""
    details = body.get("details")
    if isinstance(details, dict):
        body["details"] = {name: str(value) if name in _TEXTS else value for name, value in details.items()}
    return body


_TEXTS = {"maximum_length"}


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


_ALIGNERS: dict[str, Callable[[Any], None]] = {
    "org": _org,
    "users": _users,
    "modules": _modules,
    "module": _modules,
    "upload": _upload,
    "bulk_read_status": _read_jobs,
    "bulk_write_status": _write_jobs,
}
