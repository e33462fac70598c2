"""Routes of uploads: zips for bulk write and files (zoho-api, sections 9.3 and 10)."""

from __future__ import annotations

import io
import zipfile

from bulkzoho.sandbox.bulk.job_requests import step_price
from bulkzoho.sandbox.state.uploads import StoredFile
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, parameter_missing, scope_mismatch
from bulkzoho.sandbox.wire.multipart import read_parts
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response, no_content

__all__ = ["FILES", "UPLOAD"]

MAX_ZIP_BYTES = 25 * 2**20  # Zoho docs, "Bulk Write limitations"
MAX_FILES, MAX_FILE_BYTES = 10, 20 * 2**20  # OpenAPI 3.1, "files"
UPLOAD_SCOPE = "ZohoFiles.files.ALL"


async def _upload(request: Request) -> Response:
    crm, headers = request.crm, request.headers
    if UPLOAD_SCOPE not in crm.settings.scopes:
        raise scope_mismatch()
    if headers.get("feature") != "bulk-write" or headers.get("X-CRM-ORG") != crm.settings.org_id:
        return _gateway_error()
    parts = [each for each in read_parts(headers.get("Content-Type", ""), request.body) if each.name == "file"]
    if not parts:
        raise ApiError(400, "MANDATORY_NOT_FOUND", "required key file is not found in request", api_name="file")
    content = parts[0].content
    if len(content) > MAX_ZIP_BYTES:
        raise ApiError(413, "FILE_TOO_LARGE", "File size too large to process")
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise ApiError(400, "INVALID_FILE_FORMAT", "invalid file format. only zip format is supported")
    if crm.settings.strict.csv_size_limited and _largest_file_size(content) > MAX_ZIP_BYTES:
        raise ApiError(413, "FILE_TOO_LARGE", "File size too large to process")
    file_id = str(crm.next_id())
    crm.uploads.delete_until(crm.clock.wall() - crm.settings.upload_life_s)
    crm.uploads.put(file_id, StoredFile(name=parts[0].file_name, content=content, uploaded_s=crm.clock.wall()))
    details = {"file_id": file_id, "created_time": crm.zone.format(crm.now_s())}
    return json_response({"status": "success", "code": "FILE_UPLOAD_SUCCESS", "message": "file uploaded.", "details": details})


def _largest_file_size(content: bytes) -> int:
    """Return the size of the largest file in a zip; a damaged zip is rejected when a job uses it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return max((each.file_size for each in archive.infolist()), default=0)
    except zipfile.BadZipFile:
        return 0


def _gateway_error() -> Response:
    """Return the error of the gateway in front of the upload host for wrong headers."""
    body = {
        "ERROR_CODE": 400,
        "ERROR_MESSAGE": "Bad Request",
        "x-error": "check if headers [feature, X-CRM-ORG] are present and valid",
        "info": "Forbidden",
        "x-info": "Link not valid",
        "http_status": "400",
    }
    return json_response(body, 400)


async def _put_files(request: Request) -> Response:
    crm = request.crm
    parts = [each for each in read_parts(request.headers.get("Content-Type", ""), request.body) if each.name == "file"]
    if not parts or len(parts) > MAX_FILES:
        raise invalid_data(api_name="file", maximum_length=MAX_FILES)
    if any(len(each.content) > MAX_FILE_BYTES for each in parts):
        raise ApiError(415, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE", "file size is more than allowed", limit=MAX_FILE_BYTES)
    results = []
    for part in parts:
        file_id = f"{crm.rng.getrandbits(256):064x}"
        crm.files.put(file_id, StoredFile(name=part.file_name, content=part.content, uploaded_s=crm.clock.wall()))
        message = f"{part.file_name} uploaded Succesfully"
        details = {"name": part.file_name, "id": file_id}
        results.append({"code": "SUCCESS", "details": details, "message": message, "status": "success"})
    return json_response({"data": results})


async def _get_file(request: Request) -> Response:
    file_id = request.query.get("id")
    if not file_id:
        raise parameter_missing("id")
    file = request.crm.files.find(file_id)
    if file is None:
        return no_content()
    disposition = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(status=200, body=file.content, content_type="application/x-download", headers=disposition)


UPLOAD = (Route(operation="upload", method="POST", handler=_upload, scope="", price=step_price),)
FILES = (
    Route(operation="put_files", method="POST", handler=_put_files, scope="files.CREATE"),
    Route(operation="get_file", method="GET", handler=_get_file, scope="files.READ"),
)
