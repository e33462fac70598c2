"""What an export writes, an import reads back: random records of all types, from one CRM into another."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .rig import Program, SandboxProcess

PLENTY = ("--edition", "ultimate", "--licences", "1000")
# what the CRM keeps as it is: no blanks at the ends, no control characters but line ends and tabs
_LETTERS = st.one_of(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), st.sampled_from("\n\t ,;\"'\\%=é名🙂"))


_EARLIEST = datetime(1970, 2, 1)  # noqa: DTZ001  hypothesis adds the zone later
_LATEST = datetime(2100, 1, 1)  # noqa: DTZ001  likewise


def _texts(length: int) -> st.SearchStrategy[str]:
    return st.text(_LETTERS, max_size=length // 4).map(lambda text: text.strip() or "x")


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def _stamp(moment: datetime) -> str:
    return moment.replace(microsecond=0, tzinfo=timezone(timedelta(hours=1))).isoformat()


RECORD = st.fixed_dictionaries({
    "Last_Name": _texts(80),
    "City": _maybe(_texts(100)),
    "Description": _maybe(_texts(200)),
    "No_of_Employees": _maybe(st.integers(-999_999_999, 999_999_999)),
    "Annual_Revenue": _maybe(st.decimals(-(10**9), 10**9, places=2).map(float)),
    "Score": _maybe(st.floats(-(10**6), 10**6).map(lambda value: round(value, 6))),
    "Email_Opt_Out": st.booleans(),
    "Birthday": _maybe(st.dates().map(str)),
    "Last_Contacted": _maybe(st.datetimes(min_value=_EARLIEST, max_value=_LATEST).map(_stamp)),
    "Languages": _maybe(st.lists(st.sampled_from(["English", "French", "Swedish"]), min_size=1, unique=True)),
    "Lead_Source": _maybe(st.sampled_from(["Web", "Cold Call"])),
})  # fmt: skip


@pytest.mark.parametrize("name", ["leads.csv", "leads.jsonl"])
@settings(max_examples=3, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(records=st.lists(RECORD, min_size=12, max_size=12))
def test_what_an_export_writes_an_import_reads_back(name: str, records: list[dict[str, Any]]) -> None:
    keyed = [
        {**{key: value for key, value in one.items() if value is not None}, "External_Id": f"X-{n}"}
        for n, one in enumerate(records)
    ]
    with tempfile.TemporaryDirectory() as folder, SandboxProcess(*PLENTY) as first, SandboxProcess(*PLENTY) as second:
        results = first.put("Leads", keyed)
        assert {one["code"] for one in results} == {"SUCCESS"}, results

        # bulkzoho export Leads -o leads.csv; bulkzoho import leads.csv --module Leads --ignore-readonly
        out, back = Path(folder) / "out", Path(folder) / "back"
        out.mkdir()
        back.mkdir()
        Program(out, dict(first.environment)).run("export", "Leads", "-o", name).expect(0)
        words = ("import", str(out / name), "--module", "Leads", "--ignore-readonly")
        Program(back, dict(second.environment)).run(*words).expect(0)

        assert _plain(second) == _plain(first)


def _plain(sandbox: SandboxProcess) -> dict[str, dict[str, Any]]:
    system = ("id", "Created_Time", "Modified_Time", "Owner")  # an owner that nobody named is not in the sandbox's own list
    return {
        str(record["External_Id"]): {name: value for name, value in record.items() if name not in system}
        for record in sandbox.records("Leads")
    }
