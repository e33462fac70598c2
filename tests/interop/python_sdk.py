"""Use Zoho's Python SDK with the CRM in the environment; print one JSON object.

This script runs in the SDK's own interpreter, which has nothing of this project.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.api.logger import Logger  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api import bulk_read, bulk_write, coql, org, record, recycle_bin, users  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.fields import MinifiedField  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.header_map import HeaderMap  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.modules import MinifiedModule  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.util import Choice, StreamWrapper  # type: ignore[import-not-found]

LEADS = record.RecordOperations("Leads")
ROWS = 5  # leads created; more than one page


def initialize(folder: Path) -> None:
    """Configure the SDK for the CRM in the environment, as a custom data center."""
    results = os.environ
    environment = DataCenter.Environment(
        results["BULKZOHO_API_URL"], results["BULKZOHO_ACCOUNTS_URL"] + "/oauth/v2/token", results["BULKZOHO_UPLOAD_URL"]
    )
    token = OAuthToken(
        client_id=results["BULKZOHO_CLIENT_ID"],
        client_secret=results["BULKZOHO_CLIENT_SECRET"],
        refresh_token=results["BULKZOHO_REFRESH_TOKEN"],
    )
    Initializer.initialize(
        environment=environment,
        token=token,
        store=FileStore(str(folder / "tokens")),
        sdk_config=SDKConfig(auto_refresh_fields=True, pick_list_validation=True),
        resource_path=str(folder),
        logger=Logger.get_instance(level=Logger.Levels.INFO, file_path=str(folder / "log")),
    )


def new_record(values: dict[str, Any], record_id: int | None = None) -> Any:
    """Build an SDK record."""
    one = record.Record()
    if record_id is not None:
        one.set_id(record_id)
    for name, value in values.items():
        one.add_key_value(name, value)
    return one


def body(*records: Any, keys: list[str] | None = None) -> Any:
    """Build the body of a write."""
    wrapped = record.BodyWrapper()
    wrapped.set_data(list(records))
    wrapped.set_trigger([])
    if keys is not None:
        wrapped.set_duplicate_check_fields(keys)
    return wrapped


def write_results(answer: Any) -> dict[str, Any]:
    """Return the write results as parsed by the SDK."""
    results = answer.get_object().get_data()
    return {
        "status": answer.get_status_code(),
        "kinds": [type(each).__name__ for each in results],
        "codes": [each.get_code().get_value() for each in results],
        "ids": [str((each.get_details() or {}).get("id", "")) for each in results],
    }


def parameters(**values: Any) -> Any:
    """Build the parameters of a list or search call."""
    parameter_map = ParameterMap()
    for name, value in values.items():
        owner = record.SearchRecordsParam if name == "criteria" else record.GetRecordsParam
        parameter_map.add(getattr(owner, name), value)
    return parameter_map


def write_records() -> dict[str, Any]:
    """Create, create with an error, update and upsert records."""
    first = {"Last_Name": "Okafor", "External_Id": "p1", "Score": 1.5, "Email": "p1@example.com", "Email_Opt_Out": True}
    created = write_results(
        LEADS.create_records(body(new_record(first), *(new_record({"Last_Name": f"N{n}"}) for n in range(ROWS - 1))), HeaderMap())
    )
    one = int(created["ids"][0])
    account = write_results(
        record.RecordOperations("Accounts").create_records(body(new_record({"Account_Name": "Acme"})), HeaderMap())
    )
    parent = new_record({}, int(account["ids"][0]))
    linked = new_record({"Last_Name": "Vik", "Account_Name": parent})
    return {
        "created": created,
        "mixed": write_results(LEADS.create_records(body(new_record(first), new_record({"Last_Name": "X"})), HeaderMap())),
        "updated": write_results(LEADS.update_records(body(new_record({"City": "Oslo"}, one)), HeaderMap())),
        "updated_one": write_results(LEADS.update_record(one, body(new_record({"State": "Østland"})), HeaderMap())),
        "upserted": write_results(
            LEADS.upsert_records(
                body(
                    new_record({**first, "City": "Rom"}),
                    new_record({"Last_Name": "New", "External_Id": "p2"}),
                    keys=["External_Id"],
                ),
                HeaderMap(),
            )
        ),
        "linked": write_results(record.RecordOperations("Contacts").create_records(body(linked), HeaderMap())),
    }


def read_records(one: int) -> dict[str, Any]:
    """Get one record, list page by page, search, count and query with COQL."""
    got = LEADS.get_record(one, ParameterMap(), HeaderMap()).get_object().get_data()[0]
    pages, names, token = 0, [], None
    while pages == 0 or token:
        more: dict[str, Any] = {"page_token": token} if token else {}
        page = LEADS.get_records(parameters(fields="Last_Name,City", per_page=2, **more), HeaderMap()).get_object()
        names += [each.get_key_value("Last_Name") for each in page.get_data()]
        pages, token = pages + 1, page.get_info().get_next_page_token()
    search = LEADS.search_records(parameters(criteria="(External_Id:equals:p1)"), HeaderMap()).get_object()
    query = coql.BodyWrapper()
    query.set_select_query("select Last_Name, City from Leads where External_Id = 'p1' limit 2")
    rows = coql.CoqlOperations().get_records(query).get_object()
    wrong = coql.BodyWrapper()
    wrong.set_select_query("select Nope from Leads where id is not null")
    refused = coql.CoqlOperations().get_records(wrong).get_object()
    nothing = LEADS.get_record(1, ParameterMap(), HeaderMap())
    return {
        "one": {name: got.get_key_value(name) for name in ("Last_Name", "Score", "City", "State", "Email_Opt_Out")},
        "owner": got.get_key_value("Owner").get_name(),
        "pages": pages,
        "names": names,
        "found": [each.get_key_value("Last_Name") for each in search.get_data()],
        "count": LEADS.record_count(ParameterMap()).get_object().get_count(),
        "coql": [[each.get_key_value("Last_Name"), each.get_key_value("City")] for each in rows.get_data()],
        "coql_refused": [type(refused).__name__, refused.get_code().get_value()],
        "nothing": nothing.get_status_code(),
    }


def orders() -> dict[str, Any]:
    """Create an order with subform rows and read it back."""
    operations = record.RecordOperations("Orders")
    rows = [new_record({"Product": "Oak", "Quantity": 2}), new_record({"Product": "Elm"})]
    created = write_results(operations.create_records(body(new_record({"Name": "First", "Order_Lines": rows})), HeaderMap()))
    got = operations.get_record(int(created["ids"][0]), ParameterMap(), HeaderMap()).get_object().get_data()[0]
    return {
        "codes": created["codes"],
        "rows": [[each.get_key_value("Product"), each.get_key_value("Quantity")] for each in got.get_key_value("Order_Lines")],
    }


def recycle_bin_names() -> list[str]:
    """Return the names of the records in the recycle bin."""
    entries = recycle_bin.RecycleBinOperations().get_recyclebin_records(ParameterMap()).get_object().get_recycle_bin()
    return [each.get_display_name() for each in entries]


def delete_records(ids: list[int]) -> dict[str, Any]:
    """Delete an existing and a missing record, then list deleted records."""
    selection = ParameterMap()
    selection.add(record.DeleteRecordsParam.ids, ",".join(map(str, ids)))
    deleted = write_results(LEADS.delete_records(selection, HeaderMap()))
    removed = LEADS.get_deleted_records(ParameterMap(), HeaderMap()).get_object().get_data()
    return {"deleted": deleted, "removed": [str(each.get_id()) for each in removed]}


def wait_for_job(details: Any) -> Any:
    """Wait until a job ends; *details* fetches its state."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        job = details()
        state = job.get_state().get_value() if hasattr(job, "get_state") else job.get_status()
        if state in ("COMPLETED", "FAILURE", "FAILED"):
            return job
        time.sleep(0.05)
    raise TimeoutError


def module() -> Any:
    """Build the module Leads for bulk calls."""
    leads = MinifiedModule()
    leads.set_api_name("Leads")
    return leads


def unzip_lines(answer: Any) -> list[str]:
    """Return the lines of the CSV in a downloaded zip."""
    content = answer.get_object().get_file().get_stream().content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(archive.namelist()[0]).decode().splitlines()


def export() -> dict[str, Any]:
    """Bulk-read the leads of one city."""
    operations, field, criteria = bulk_read.BulkReadOperations(), MinifiedField(), bulk_read.Criteria()
    field.set_api_name("City")
    criteria.set_field(field)
    criteria.set_comparator(Choice("equal"))
    criteria.set_value("Rom")
    query = bulk_read.Query()
    query.set_module(module())
    query.set_fields(["Last_Name", "City"])
    query.set_criteria(criteria)
    wrapped = bulk_read.BodyWrapper()
    wrapped.set_query(query)
    created = operations.create_bulk_read_job(wrapped)
    [result] = created.get_object().get_data()
    job_id = int(result.get_details()["id"])
    job = wait_for_job(lambda: operations.get_bulk_read_job_details(job_id).get_object().get_data()[0])
    lines = unzip_lines(operations.download_result(job_id))
    return {
        "status": created.get_status_code(),
        "code": result.get_code().get_value(),
        "state": job.get_state().get_value(),
        "count": job.get_result().get_count(),
        "lines": [line.partition(",")[2] for line in lines],
    }


def load() -> dict[str, Any]:
    """Upload two rows and bulk-write them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("leads.csv", "External_Id,Last_Name\np1,Bulk\nb2,\n")
    file = bulk_write.FileBodyWrapper()
    file.set_file(StreamWrapper(name="leads.zip", stream=packed.getvalue()))
    headers = HeaderMap()
    headers.add(bulk_write.UploadFileHeader.feature, "bulk-write")
    headers.add(
        bulk_write.UploadFileHeader.x_crm_org, org.OrgOperations().get_organization().get_object().get_org()[0].get_zgid()
    )
    operations = bulk_write.BulkWriteOperations()
    uploaded = operations.upload_file(file, headers).get_object()
    created = operations.create_bulk_write_job(job_request(str(uploaded.get_details()["file_id"]))).get_object()
    job_id = str(created.get_details()["id"])
    job = wait_for_job(lambda: operations.get_bulk_write_job_details(job_id).get_object())
    lines = unzip_lines(operations.download_bulk_write_result(job.get_result().get_download_url()))
    counts = job.get_resource()[0].get_file()
    return {
        "uploaded": uploaded.get_code().get_value(),
        "created": created.get_code().get_value(),
        "counts": [counts.get_added_count(), counts.get_updated_count(), counts.get_skipped_count(), counts.get_total_count()],
        "lines": lines,
    }


def job_request(file_id: str) -> Any:
    """Build the body that starts a bulk write of an uploaded file."""
    mappings = []
    for index, name in enumerate(("External_Id", "Last_Name")):
        mapping = bulk_write.FieldMapping()
        mapping.set_api_name(name)
        mapping.set_index(index)
        mappings.append(mapping)
    resource = bulk_write.Resource()
    resource.set_type(Choice("data"))
    resource.set_module(module())
    resource.set_file_id(file_id)
    resource.set_file_names(["leads.csv"])
    resource.set_find_by("External_Id")
    resource.set_field_mappings(mappings)
    request = bulk_write.RequestWrapper()
    request.set_operation(Choice("upsert"))
    request.set_character_encoding("UTF-8")
    request.set_resource([resource])
    return request


def main() -> None:
    """Run all operations and print their results."""
    initialize(Path(sys.argv[1]))
    written = write_records()
    one, two = (int(each) for each in written["created"]["ids"][:2])
    results = {
        "user": users.UsersOperations().get_users(ParameterMap(), HeaderMap()).get_object().get_users()[0].get_full_name(),
        "written": written,
        "read": read_records(one),
        "exported": export(),
        "loaded": load(),
        "deleted": delete_records([two, 1]),
        "bin": recycle_bin_names(),
        "orders": orders(),
    }
    print(json.dumps(results))


if __name__ == "__main__":
    main()
