"""Wrong uses of the public API are refused by a type checker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]

#: line of a program -> the mypy error code that it must have
WRONG = {
    'crm.import_rows([{"Last_Name": "A"}])': "call-arg",  # no module
    'crm.import_rows([{"Last_Name": "A"}], "Leads")': "call-arg",  # the module by position
    'crm.import_rows("leads.csv", crm_module="Leads")': "arg-type",
    'crm.import_rows([{1: "A"}], crm_module="Leads")': "dict-item",
    'crm.import_rows([], crm_module="Leads", match_on=5)': "arg-type",
    'crm.import_rows([], crm_module="Leads", stop=True)': "arg-type",
    'crm.import_files(7, crm_module="Leads")': "arg-type",
    'crm.export("Leads", fields=[1])': "list-item",
    "crm.replay(5)": "arg-type",
    "bulkzoho.connect(5)": "call-arg",
    "bulkzoho.conect()": "attr-defined",
    "crm.resume().tally": "attr-defined",  # not awaited
}


def test_wrong_keywords_and_types_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import bulkzoho\n\ncrm = bulkzoho.connect()\n" + "".join(f"{line}\n" for line in WRONG), encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-error-summary",
        "--hide-error-context",
        "--disable-error-code=unused-coroutine",
    ]

    checked = subprocess.run([*words, str(program)], cwd=TOP, capture_output=True, text=True, check=False)

    said = checked.stdout.splitlines()
    missing = [
        f"{line}: {code}"
        for number, (line, code) in enumerate(WRONG.items(), start=4)
        if not any(f"program.py:{number}:" in found and found.endswith(f"[{code}]") for found in said)
    ]
    assert missing == [], checked.stdout + checked.stderr
