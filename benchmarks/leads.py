"""Generate the file that every client sends: leads of twelve fields, reproducible by number of rows."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from benchmarks.stub_server.metadata import SOURCES

HEADER: Final = (
    "Last_Name", "First_Name", "Company", "Designation", "Email", "Phone",
    "Street", "City", "Zip_Code", "Country", "Lead_Source", "No_of_Employees",
)  # fmt: skip
BLOCK: Final = 1000
_SEED: Final = 20261124
_NAMES: Final = (
    "Andersson",
    "Bergström",
    "Carlsson",
    "Dahl",
    "Ek",
    "Fors",
    "García",
    "Holm",
    "Ivanov",
    "Jansen",
    "Kowalski",
    "Lund",
)
_FIRST: Final = ("Anna", "Björn", "Cecilia", "David", "Elin", "Fredrik", "Gunnel", "Håkan", "Ida", "Johan", "Karin", "Lars")
_TITLES: Final = ("Engineer", "Head of purchasing", "Managing director", "Accountant", "Consultant")
_PLACES: Final = (
    ("Stockholm", "Sweden"),
    ("Göteborg", "Sweden"),
    ("Kraków", "Poland"),
    ("Lyon", "France"),
    ("Utrecht", "Netherlands"),
)


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """Yield *count* rows, each with a unique e-mail address."""
    rng = random.Random(_SEED)
    pick = rng.choice
    for number in range(count):
        last, first = pick(_NAMES), pick(_FIRST)
        city, country = pick(_PLACES)
        yield (
            f"{last} {number}", first, f"{last} & Sons {number % 9973} Ltd", pick(_TITLES),
            f"lead.{number}@{last[:3].lower().encode('ascii', 'ignore').decode()}-company.example.com",
            f"+46 8 {rng.randrange(1_000_000, 9_999_999)}", f"{rng.randrange(1, 200)} Long Winding Main Street", city,
            f"{rng.randrange(10_000, 99_999)}", country, pick(SOURCES), str(rng.randrange(1, 5000)),
        )  # fmt: skip


def write_csv(folder: Path, count: int) -> Path:
    """Write the CSV file if it does not exist yet."""
    path = folder / f"leads-{count}.csv"
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(rows(count))
        part.replace(path)
    return path


def write_jsonl(folder: Path, count: int) -> Path:
    """Write the same rows as JSON Lines if the file does not exist yet; the number of employees is a number."""
    path = folder / f"leads-{count}.jsonl"
    if not path.exists():
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            for row in rows(count):
                record = dict(zip(HEADER, row, strict=True))
                file.write(orjson.dumps({**record, "No_of_Employees": int(row[-1])}) + b"\n")
        part.replace(path)
    return path
