"""Real files: all accepted, every value exact.

BULKZOHO_DATA_DIR (or a folder ``shared/data`` beside the checkout) holds ``us-500.csv`` (the well-known 500 sample contacts)
and ``sp500-companies.csv`` (the companies of the S&P 500).  Without them, the test writes files with the same columns and
the same peculiarities.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .harness import Program, SandboxProcess, write_csv

DATA_BESIDE = Path(__file__).parents[2].parent / "shared" / "data"
FAST = ("--calls-per-minute", "6000", "--json")

PEOPLE = {
    "first_name": "First_Name",
    "last_name": "Last_Name",
    "company_name": "Company",
    "address": "Street",
    "city": "City",
    "county": "County",
    "state": "State",
    "zip": "Zip_Code",
    "phone1": "Phone",
    "phone2": "Mobile",
    "email": "Email",
    "web": "Website",
}
COMPANIES = {
    "Symbol": "Ticker_Symbol",
    "Security": "Account_Name",
    "GICS Sector": "Industry",
    "GICS Sub-Industry": "Sub_Industry",
    "Headquarters Location": "Headquarters",
    "Date added": "Date_Added",
    "CIK": "CIK",
    "Founded": "Founded",
}


def _people() -> Iterator[list[str]]:
    for n in range(500):
        firm = ("Benton, John B Jr", 'The "Inn"', "O'Hare & Sons", "Chanay, Jeffrey A Esq")[n % 4]
        place = [f"{n} N Blue Gum St #{n}", "New Orleans", "Orleans", "LA", f"{n:05}"]  # a zip code that begins with zeros
        yield [
            f"First{n}",
            f"Last{n}",
            firm,
            *place,
            "504-621-8927",
            f"504-845-{n:04}",
            f"p{n}@example.com",
            f"http://www.{n}.example.com",
        ]


def _companies() -> Iterator[list[str]]:
    for n in range(503):
        founded = ("1902", "2013 (1888)", "1911/1960")[n % 3]
        place = ("Saint Paul, Minnesota", "Zürich, Switzerland")[n % 2]
        yield [
            f"S{n}",
            f"Company {n}",
            "Industrials",
            "Building Products",
            place,
            f"19{n % 40 + 60}-03-{n % 28 + 1:02}",
            str(66740 + n),
            founded,
        ]


def _file(bulkzoho: Program, name: str, columns: Mapping[str, str], make: Callable[[], Iterator[list[str]]]) -> Path:
    folder = os.environ.get("BULKZOHO_DATA_DIR") or DATA_BESIDE
    if (Path(folder) / name).exists():
        return Path(shutil.copy(Path(folder) / name, bulkzoho.folder / name))
    return write_csv(bulkzoho.folder / name, list(columns), make())


def _mapping(bulkzoho: Program, columns: Mapping[str, str]) -> str:
    lines = (f'"{column}" = "{field}"\n' for column, field in columns.items())
    return str(bulkzoho.file("mapping.toml", "[columns]\n" + "".join(lines)))


def _wanted(file: Path, columns: Mapping[str, str], convert: Callable[[str, str], Any]) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    return [{columns[column]: convert(columns[column], cell) for column, cell in row.items() if cell != ""} for row in rows]


def _held(records: list[dict[str, Any]], columns: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{field: record[field] for field in columns.values() if record.get(field) is not None} for record in records]


def _sorted(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: sorted((field, str(value)) for field, value in record.items()))


def test_us_500_goes_into_leads_value_for_value(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = _file(bulkzoho, "us-500.csv", PEOPLE, _people)
    wanted = _wanted(file, PEOPLE, lambda _, cell: cell)

    # bulkzoho import us-500.csv --module Leads --mapping mapping.toml
    words = ("import", file.name, "--module", "Leads", "--mapping", _mapping(bulkzoho, PEOPLE))
    summary = bulkzoho.run(*words, *FAST).expect(0).summary

    assert summary["rows"]["accepted"] == len(wanted) == 500
    assert _sorted(_held(sandbox.records("Leads"), PEOPLE)) == _sorted(wanted)


def test_sp500_goes_into_accounts_value_for_value(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    file = _file(bulkzoho, "sp500-companies.csv", COMPANIES, _companies)
    wanted = _wanted(file, COMPANIES, lambda field, cell: int(cell) if field == "CIK" else cell)

    # bulkzoho import sp500-companies.csv --module Accounts --mapping mapping.toml
    words = ("import", file.name, "--module", "Accounts", "--mapping", _mapping(bulkzoho, COMPANIES))
    summary = bulkzoho.run(*words, *FAST).expect(0).summary

    held = [{**record, "CIK": int(record["CIK"])} for record in _held(sandbox.records("Accounts"), COMPANIES)]
    assert summary["rows"]["accepted"] == len(wanted) > 500
    assert _sorted(held) == _sorted(wanted)
