"""Memory does not grow with the file, and every row of a large one is accounted for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from .harness import SOAK, Ended, Program, SandboxProcess

MOST_GROWTH_KB = 20 * 1024
BAD_EVERY = 100
SMALL = 20_000 if SOAK else 10_000
BIG = 10 * SMALL
WORDS = ("--module", "Leads", "--json", "--calls-per-minute", "60000", "--credits-per-day", "none")


def _write(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Last_Name", "First_Name", "Email", "Company", "City", "No_of_Employees", "Description"])
        for n in range(1, count + 1):
            number = "many" if n % BAD_EVERY == 0 else n % 1_000
            writer.writerow([f"Lead {n}", "Anna", f"lead{n}@example.com", "Acme", "Rome", number, f"row {n} of {count}"])


def _imported(bulkzoho: Program, name: str, count: int) -> Ended:
    _write(bulkzoho.folder / name, count)
    return bulkzoho.run("import", name, *WORDS, timeout_s=400).expect(3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_times_the_rows_take_no_more_memory(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(latency_s=0.02)

    # bulkzoho import small.csv --module Leads; bulkzoho import big.csv --module Leads
    small = _imported(bulkzoho, "small.csv", SMALL)
    big = _imported(bulkzoho, "big.csv", BIG)

    rows = big.summary["rows"]
    bad = BIG // BAD_EVERY
    assert (rows["read"], rows["accepted"], rows["dead_lettered"]) == (BIG, BIG - bad, bad)
    assert (rows["in_doubt"], rows["unsent"]) == (0, 0)
    letters = bulkzoho.lines(big.summary["dead_letter"])
    assert {letter["row"]: letter["record"]["Last_Name"] for letter in letters} == {
        n: f"Lead {n}" for n in range(BAD_EVERY, BIG + 1, BAD_EVERY)
    }
    assert sandbox.count() == (BIG + SMALL) * (BAD_EVERY - 1) // BAD_EVERY
    assert big.peak_kb - small.peak_kb < MOST_GROWTH_KB
