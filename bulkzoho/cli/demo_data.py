"""Generate the file of the demo: customers as another system exports them, some with mistakes, and the correct records."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

__all__ = ["MAPPING", "Customer", "customers", "differences", "fix_rejected_rows", "write_messy_file"]

MAPPING: Final = """\
[columns]
"Customer no." = "External_Id"
"First name" = "First_Name"
"Surname" = "Last_Name"
"Firm" = "Company"
"E-mail" = "Email"
"Telephone" = "Phone"
"Staff" = "No_of_Employees"
"Turnover" = "Annual_Revenue"
"Born" = "Birthday"
"Town" = "City"
"Remarks" = "Description"

[formats]
"Born" = "%d.%m.%Y"

[set]
Lead_Source = "Trade Show"
"""

_COLUMNS: Final = tuple(line.split('"')[1] for line in MAPPING.splitlines() if line.startswith('"') and "%" not in line)
_LEAD_SOURCE: Final = "Trade Show"

_FIRST_NAMES: Final = (
    "Anna",
    "Björn",
    "Chloé",
    "Dmitrij",
    "Émile",
    "Fatima",
    "Grzegorz",
    "Hana",
    "Íris",
    "José",
    "Kenji 健二",
    "Łucja",
)
_SURNAMES: Final = (
    "O'Neill",
    "Müller-Lüdenscheidt",
    "Nguyễn",
    "Çelik",
    "van der Berg",
    "Þórsdóttir",
    "Αλεξίου",
    "山田",
    "Smith",
    "Иванов",
)
_FIRMS: Final = ("Nord & Süd", "Ünlü, Kaya & Co", 'The "Blue" Door', "Zwölf Ltd", "Å Data", "=Equals Inc", "Quick; Brown; Fox")
_TOWNS: Final = ("Kraków", "São Paulo", "Malmö", "København", "서울", "Zürich", "Reykjavík", "New York, NY")
_REMARKS: Final = (
    "",
    "",
    "Met at the fair.\nCall back in May.",
    'Said: "send no mail"',
    "Prefers e-mail; no calls",
    "Two lines:\r\nand a third,\nwith a comma",
)


@dataclass(frozen=True, slots=True)
class Customer:
    """One row of the file, and the correct record."""

    cells: Sequence[str]
    record: Mapping[str, Any]


def customers(count: int, *, seed: int = 1) -> Iterator[Customer]:
    """Yield *count* customers, the same for the same *seed*; about 2 in 100 have a mistake."""
    chance = random.Random(seed)  # noqa: S311  the demo is the same every time
    for number in range(1, count + 1):
        record = _record(number, chance)
        cells = _cells(record)
        spoil = _SPOILS.get(number % _SPOIL_EVERY)
        yield Customer(spoil(cells) if spoil else cells, record)


def write_messy_file(path: Path, rows: Iterator[Customer]) -> None:
    """Write *rows* as CSV with a byte order mark, as spreadsheets do."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(_COLUMNS)
        writer.writerows(row.cells for row in rows)


def fix_rejected_rows(dead_letter_file: Path, fixed: Path, rows: Sequence[Customer]) -> int:
    """Write the rejected rows to *fixed* with their correct records; return their number."""
    count = 0
    with dead_letter_file.open(encoding="utf-8") as source, fixed.open("w", encoding="utf-8") as target:
        for line in source:
            row = json.loads(line)
            row["record"] = rows[row["row"] - 1].record
            target.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def differences(rows: Sequence[Customer], stored: Iterator[Mapping[str, Any]], *, most: int = 5) -> list[str]:
    """Compare every value in the CRM with the correct records; return the first *most* differences."""
    return list(islice(_differences(rows, stored), most))


def _differences(rows: Sequence[Customer], stored: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    wanted = {row.record["External_Id"]: row.record for row in rows}
    for found in stored:
        record = wanted.pop(found.get("External_Id", ""), None)
        if record is None:
            yield f"record {found['id']}: not in the file, or a duplicate"
            continue
        for field, value in record.items():
            if _plain(found.get(field)) != _plain(value):
                yield f"record {found['id']}: {field} differs"
    for key in wanted:
        yield f"customer {key}: not in the CRM"


def _plain(value: Any) -> Any:
    """Return *value* so that 12.50 and 12.5 are equal."""
    return Decimal(str(value)) if isinstance(value, int | float | Decimal) else value


def _record(number: int, chance: random.Random) -> dict[str, Any]:
    first, surname = chance.choice(_FIRST_NAMES), chance.choice(_SURNAMES)
    record: dict[str, Any] = {
        "External_Id": f"K-{number:06}",
        "First_Name": first,
        "Last_Name": f"{surname} {number}",
        "Company": chance.choice(_FIRMS),
        "Email": f"customer{number}@example.com",
        "Phone": f"+49 30 {chance.randrange(10_000, 99_999)}",
        "No_of_Employees": chance.randrange(1, 5_000),
        "Annual_Revenue": chance.randrange(1_000, 90_000_000) / 100,
        "Birthday": f"{chance.randrange(1940, 2006)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
        "City": chance.choice(_TOWNS),
        "Description": chance.choice(_REMARKS),
        "Lead_Source": _LEAD_SOURCE,
    }
    return {field: value for field, value in record.items() if value != ""}


def _cells(record: Mapping[str, Any]) -> list[str]:
    """Return the cells of *record* as the other system writes them: own column order, day first, two decimals."""
    year, month, day = record["Birthday"].split("-")
    return [
        record["External_Id"],
        record["First_Name"],
        record["Last_Name"],
        record["Company"],
        record["Email"],
        record["Phone"],
        str(record["No_of_Employees"]),
        f"{record['Annual_Revenue']:.2f}",
        f"{day}.{month}.{year}",
        record["City"],
        record.get("Description", ""),
    ]


def _with(cells: list[str], column: str, text: str) -> list[str]:
    spoiled = cells.copy()
    spoiled[_COLUMNS.index(column)] = text
    return spoiled


_SPOIL_EVERY: Final = 400
_SPOILS: Final[Mapping[int, Callable[[list[str]], list[str]]]] = {
    31: lambda cells: _with(cells, "Surname", ""),
    77: lambda cells: _with(
        cells, "Surname", "Someone with a name that is much longer than what the CRM takes for a name, which is eighty"
    ),
    123: lambda cells: _with(cells, "Staff", "about 50"),
    171: lambda cells: _with(cells, "Born", "31.02.1980"),
    219: lambda cells: _with(cells, "E-mail", "anna(at)example.com"),
    263: lambda cells: _with(cells, "Customer no.", "K-000001"),
    311: lambda cells: cells[:4],
    # without line breaks: a row with a wrong number of columns and a cell over several lines is rejected line by line
    367: lambda cells: [*_with(cells, "Remarks", "Met at the fair."), "a cell too many"],
}
