"""The import key: its field and its value in each record."""

from __future__ import annotations

import pytest

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo
from bulkzoho.domain.model.rows import Operation, RowBlock
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.import_key import ImportKey, resolve_import_key
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.errors import RefusedError

RUN = "20261124-101500-leads-7f3a"
MODULE = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        FieldMetadata(api_name="Last_Name", label="Last Name", data_type="text", json_type="string", length=80, mandatory=True),
        FieldMetadata(api_name="Import_Key", label="Import Key", data_type="text", json_type="string", length=255),
        FieldMetadata(api_name="Short", label="Short", data_type="text", json_type="string", length=30),
        FieldMetadata(api_name="Notes", label="Notes", data_type="textarea", json_type="string", length=2_000),
        FieldMetadata(api_name="Given", label="Given", data_type="text", json_type="string", read_only=True, api_create=False),
        FieldMetadata(api_name="Once", label="Once", data_type="text", json_type="string", api_update=False),
    ),
)


def import_key(name: str = "Import_Key", *, sources: int = 1, is_replay: bool = False) -> ImportKey:
    return resolve_import_key(name, MODULE, Operation.INSERT, run=RUN, sources=sources, is_replay=is_replay)


def transformer(key: ImportKey, *given: tuple[str, str]) -> RowTransformer:
    return RowTransformer(crm_module=MODULE, mapping=MappingSettings(set=given), operation=Operation.INSERT, import_key=key)


def block(*header: str, rows: list[list[str]]) -> RowBlock:
    return RowBlock(header=header, rows=rows, numbers=range(8, 8 + len(rows)))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Impor_Key", "did you mean Import_Key?"),
        ("Notes", "type textarea"),
        ("Short", "holds 30 characters"),
        ("Given", "cannot be written"),
    ],
)
def test_a_field_that_cannot_hold_run_and_row_is_refused(name: str, why: str) -> None:
    with pytest.raises(RefusedError, match="--import-key") as error:
        import_key(name)

    assert why in error.value.message


def test_an_upsert_needs_a_field_that_insert_and_update_can_write() -> None:
    assert import_key("Once").field == "Once"

    with pytest.raises(RefusedError, match="upsert"):
        resolve_import_key("Once", MODULE, Operation.UPSERT, run=RUN, sources=1)


def test_each_record_holds_run_and_row() -> None:
    transformed = transformer(import_key()).transform(block("Last_Name", rows=[["A"], ["B"]]))

    assert transformed.records == [{"Last_Name": "A", "Import_Key": f"{RUN}:8"}, {"Last_Name": "B", "Import_Key": f"{RUN}:9"}]


def test_with_several_sources_the_key_holds_the_source() -> None:
    transformed = transformer(import_key(sources=3)).transform(block("Last_Name", rows=[["A"]]), source=2)

    assert transformed.records[0]["Import_Key"] == f"{RUN}:3:8"


def test_a_rejected_row_has_its_import_key() -> None:
    (rejected,) = transformer(import_key()).transform(block("Last_Name", rows=[[""]])).rejected

    assert rejected.record["Import_Key"] == f"{RUN}:8"


def test_a_column_or_a_set_that_fills_the_field_is_refused() -> None:
    with pytest.raises(RefusedError, match=r'f\.csv: column "Import Key" fills Import_Key'):
        transformer(import_key()).plan_header(("Last_Name", "Import Key"), source="f.csv")
    with pytest.raises(RefusedError, match="--set fills Import_Key"):
        transformer(import_key(), ("Import_Key", "x")).plan_header(("Last_Name",), source="f.csv")


def test_a_later_column_for_the_field_rejects_rows_that_fill_it() -> None:
    transformed = transformer(import_key()).transform(block("Last_Name", "Import_Key", rows=[["A", "mine"], ["B", ""]]))

    assert [row.number for row in transformed.rejected] == [8]
    assert transformed.records == [{"Last_Name": "B", "Import_Key": f"{RUN}:9"}]


def test_a_replayed_row_keeps_its_import_key() -> None:
    replay = transformer(import_key(is_replay=True))
    replay.plan_header(("Last_Name", "Import_Key"), source="d.jsonl")

    kept = replay.transform(block("Last_Name", "Import_Key", rows=[["A", "earlier:4"]]))
    filled = replay.transform(block("Last_Name", rows=[["A"]]))

    assert kept.records[0]["Import_Key"] == "earlier:4"
    assert filled.records[0]["Import_Key"] == f"{RUN}:8"
