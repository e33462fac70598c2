"""The import key: which fields can be one, and what stands in it."""

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


def stamp(name: str = "Import_Key", *, sources: int = 1, letters: bool = False) -> ImportKey:
    return resolve_import_key(name, MODULE, Operation.INSERT, run=RUN, sources=sources, letters=letters)


def transformer(stamp: ImportKey, *given: tuple[str, str]) -> RowTransformer:
    return RowTransformer(crm_module=MODULE, mapping=MappingSettings(set=given), operation=Operation.INSERT, import_key=stamp)


def block(*header: str, rows: list[list[str]]) -> RowBlock:
    return RowBlock(header=header, rows=rows, numbers=range(8, 8 + len(rows)))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Impor_Key", "did you mean Import_Key?"),
        ("Notes", "type textarea"),
        ("Short", "holds 30 characters"),
        ("Given", "does not write it"),
    ],
)
def test_a_field_that_cannot_hold_run_and_row_is_refused(name: str, why: str) -> None:
    with pytest.raises(RefusedError, match="--import-key") as refused:
        stamp(name)

    assert why in refused.value.message


def test_an_upsert_needs_a_field_that_may_be_written_either_way() -> None:
    assert stamp("Once").field == "Once"

    with pytest.raises(RefusedError, match="upsert"):
        resolve_import_key("Once", MODULE, Operation.UPSERT, run=RUN, sources=1)


def test_each_record_names_run_and_row() -> None:
    shaped = transformer(stamp()).transform(block("Last_Name", rows=[["A"], ["B"]]))

    assert shaped.records == [{"Last_Name": "A", "Import_Key": f"{RUN}:8"}, {"Last_Name": "B", "Import_Key": f"{RUN}:9"}]


def test_with_several_sources_the_source_is_named_too() -> None:
    shaped = transformer(stamp(sources=3)).transform(block("Last_Name", rows=[["A"]]), source=2)

    assert shaped.records[0]["Import_Key"] == f"{RUN}:3:8"


def test_a_refused_row_carries_its_stamp_into_its_letter() -> None:
    (refused,) = transformer(stamp()).transform(block("Last_Name", rows=[[""]])).rejected

    assert refused.record["Import_Key"] == f"{RUN}:8"


def test_a_column_or_a_set_that_fills_the_field_is_refused() -> None:
    with pytest.raises(RefusedError, match=r'f\.csv: column "Import Key" fills Import_Key'):
        transformer(stamp()).plan_header(("Last_Name", "Import Key"), source="f.csv")
    with pytest.raises(RefusedError, match="--set fills Import_Key"):
        transformer(stamp(), ("Import_Key", "x")).plan_header(("Last_Name",), source="f.csv")


def test_rows_that_fill_the_field_in_a_column_that_turns_up_late_are_refused() -> None:
    shaped = transformer(stamp()).transform(block("Last_Name", "Import_Key", rows=[["A", "mine"], ["B", ""]]))

    assert [row.number for row in shaped.rejected] == [8]
    assert shaped.records == [{"Last_Name": "B", "Import_Key": f"{RUN}:9"}]


def test_a_letter_keeps_the_stamp_it_carries() -> None:
    replay = transformer(stamp(letters=True))
    replay.plan_header(("Last_Name", "Import_Key"), source="d.jsonl")

    carried = replay.transform(block("Last_Name", "Import_Key", rows=[["A", "earlier:4"]]))
    bare = replay.transform(block("Last_Name", rows=[["A"]]))

    assert carried.records[0]["Import_Key"] == "earlier:4"
    assert bare.records[0]["Import_Key"] == f"{RUN}:8"
