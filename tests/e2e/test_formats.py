"""Input files of all formats."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from .harness import Program, SandboxProcess

NOTE = 'Two lines:\nand "a quote"; an ümlaut, a 山'
HEADER = ["Last_Name", "Email", "Description"]
LATIN_NOTE = NOTE.replace("山", "é")


def _cells(count: int, note: str = NOTE) -> list[list[str]]:
    return [[f"Lead {n}", f"lead{n}@example.com", note] for n in range(count)]


def _text(delimiter: str = ",", end: str = "\n", note: str = NOTE) -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    return "".join(delimiter.join(map(cell, row)) + end for row in [HEADER, *_cells(5, note)])


def _json_lines() -> str:
    return "".join(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n" for row in _cells(5))


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", _text().encode(), ()),
        ("crlf.csv", _text(end="\r\n").encode(), ()),
        ("bom.csv", _text().encode("utf-8-sig"), ()),
        ("semicolon.csv", _text(";").encode(), ()),
        ("tab.tsv", _text("\t").encode(), ()),
        ("pipe.txt", _text("|").encode(), ()),
        ("odd.csv", _text("^").encode(), ("--delimiter", "^")),
        ("utf16.csv", _text().encode("utf-16"), ()),
        ("utf16le.csv", _text().encode("utf-16-le"), ("--encoding", "utf-16-le")),
        ("latin.csv", _text(note=LATIN_NOTE).encode("latin-1"), ("--encoding", "latin-1")),
        ("a.csv.gz", gzip.compress(_text().encode()), ()),
        ("a.csv.zst", _zstd(_text().encode()), ()),
        ("a.jsonl", _json_lines().encode(), ()),
        ("a.ndjson", _json_lines().encode(), ()),
        ("a.jsonl.gz", gzip.compress(_json_lines().encode()), ()),
        ("a.jsonl.zst", _zstd(_json_lines().encode()), ()),
        ("noname", _json_lines().encode(), ()),
        ("lines.data", _json_lines().encode(), ("--input-format", "jsonl")),
    ],
)
def test_each_format_is_read(bulkzoho: Program, sandbox: SandboxProcess, name: str, data: bytes, words: tuple[str, ...]) -> None:
    bulkzoho.file(name, data)

    # bulkzoho import <file> --module Leads
    ended = bulkzoho.run("import", name, "--module", "Leads", "--json", *words)

    assert ended.expect(0).summary["rows"]["accepted"] == 5
    note = LATIN_NOTE if name == "latin.csv" else NOTE
    assert [[record[field] for field in HEADER] for record in sandbox.records()] == _cells(5, note)


@pytest.mark.parametrize("make", [_text, _json_lines])
def test_standard_input_is_read_like_a_file(bulkzoho: Program, sandbox: SandboxProcess, make: Callable[[], str]) -> None:
    # cat leads | bulkzoho import - --module Leads
    ended = bulkzoho.run("import", "-", "--module", "Leads", "--json", text=make())

    assert ended.expect(0).summary["rows"]["accepted"] == 5
    assert sandbox.count() == 5


def test_several_files_of_several_formats_are_one_run(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("a.csv", 150)
    lines = ({"Last_Name": f"B {n}", "Email": f"b{n}@example.com"} for n in range(120))
    bulkzoho.file("b.jsonl.gz", gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))

    # bulkzoho import a.csv b.jsonl.gz --module Leads
    ended = bulkzoho.run("import", "a.csv", "b.jsonl.gz", "--module", "Leads", "--json")

    summary = ended.expect(0).summary
    assert summary["rows"]["accepted"] == sandbox.count() == 270
    results = bulkzoho.lines(summary["results"])
    assert {(line["source"], line["row"]) for line in results} == {("a.csv", n) for n in range(1, 151)} | {
        ("b.jsonl.gz", n) for n in range(1, 121)
    }


def test_an_unreadable_row_is_rejected_and_the_others_are_accepted(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.file("r.csv", b"Last_Name,Email\nA,a@example.com\nB\nC,c@example.com,x\nD\xff,d@example.com\nE,e@example.com\n")
    bulkzoho.file("r.jsonl", '{"Last_Name": "F"}\n{"Last_Name": \n[1]\n{"Last_Name": "G"}\n')

    # bulkzoho import r.csv r.jsonl --module Leads
    ended = bulkzoho.run("import", "r.csv", "r.jsonl", "--module", "Leads", "--json")

    letters = bulkzoho.lines(ended.expect(3).summary["dead_letter"])
    assert sorted((letter["source"], letter["row"], letter["code"], letter["stage"]) for letter in letters) == [
        ("r.csv", 2, "RAGGED_ROW", "read"),
        ("r.csv", 3, "RAGGED_ROW", "read"),
        ("r.csv", 4, "BAD_ENCODING", "read"),
        ("r.jsonl", 2, "BAD_JSON", "read"),
        ("r.jsonl", 3, "BAD_JSON", "read"),
    ]
    assert sorted(record["Last_Name"] for record in sandbox.records()) == ["A", "E", "F", "G"]


def test_an_invalid_value_rejects_its_row_and_clears_nothing(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    held = sandbox.put("Leads", [{"Last_Name": name, "Phone": "1", "Annual_Revenue": 7.5} for name in "ABCDEF"])
    ids = [one["details"]["id"] if "details" in one else one["id"] for one in held]
    table = pa.table({"id": ids[:2], "Annual_Revenue": [1.5, float("nan")]})
    parquet.write_table(table, bulkzoho.file("a.parquet", b""))
    parquet.write_table(pa.table({"id": ids[2:3], "Phone": [float("inf")]}), bulkzoho.file("b.parquet", b""))
    lines = [
        f'{{"id":"{ids[3]}","Annual_Revenue":NaN}}',
        rf'{{"id":"{ids[4]}","Phone":"\u0000"}}',
        f'{{"id":"{ids[5]}","Phone":null}}',
    ]
    bulkzoho.file("c.jsonl", "\n".join(lines))

    # bulkzoho import a.parquet b.parquet c.jsonl --module Leads --operation update
    ended = bulkzoho.run("import", "a.parquet", "b.parquet", "c.jsonl", "--module", "Leads", "--operation", "update", "--json")

    letters = bulkzoho.lines(ended.expect(3).summary["dead_letter"])
    assert sorted((letter["source"], letter["row"], letter["code"], letter["stage"]) for letter in letters) == [
        ("a.parquet", 2, "BAD_VALUE", "read"),
        ("b.parquet", 1, "BAD_VALUE", "read"),
        ("c.jsonl", 1, "BAD_JSON", "read"),
        ("c.jsonl", 2, "BAD_ENCODING", "read"),
    ]
    assert [(one.get("Phone"), one["Annual_Revenue"]) for one in sandbox.records()] == [
        ("1", 1.5),
        *[("1", 7.5)] * 4,
        (None, 7.5),
    ]


def test_a_value_with_too_many_levels_rejects_its_row_only(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    deep = [f'{{"Last_Name":{"[" * levels}{"]" * levels}}}' for levels in (100, 240, 250, 254, 1_000)]
    bulkzoho.file("deep.jsonl", "\n".join(['{"Last_Name":"A"}', *deep, '{"Last_Name":"B"}']))

    # bulkzoho import deep.jsonl --module Leads
    ended = bulkzoho.run("import", "deep.jsonl", "--module", "Leads", "--json")

    letters = bulkzoho.lines(ended.expect(3).summary["dead_letter"])
    assert [letter["row"] for letter in letters if letter["code"] == "BAD_JSON"] == [4, 5, 6]
    assert sorted(letter["row"] for letter in letters) == [2, 3, 4, 5, 6]
    assert [record["Last_Name"] for record in sandbox.records()] == ["A", "B"]


def test_a_quote_that_the_last_line_opens_is_a_rejected_row(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.file("open.csv", 'Last_Name\nA\n"')

    # bulkzoho import open.csv --module Leads
    ended = bulkzoho.run("import", "open.csv", "--module", "Leads", "--json")

    [letter] = bulkzoho.lines(ended.expect(3).summary["dead_letter"])
    assert (letter["row"], letter["code"], letter["stage"]) == (2, "BAD_QUOTE", "read")
    assert "line 3, character 1: a quote opens a cell here, and no quote closes it" in letter["message"]
    assert [record["Last_Name"] for record in sandbox.records()] == ["A"]


STRAY = 'Last Name,Company,City\nWeller,"12"" tube,Oslo\nQuist,Fine,Rome\nZander,"Okay",Ulm\nYdal,Good,Bonn\n'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("stray.csv", STRAY.encode()),
        ("crlf.csv", STRAY.replace("\n", "\r\n").encode()),
        ("cr.csv", STRAY.replace("\n", "\r").encode()),
        ("utf16.csv", STRAY.encode("utf-16")),
        ("stray.csv.gz", gzip.compress(STRAY.encode())),
        ("stray.csv.zst", _zstd(STRAY.encode())),
        ("-", STRAY.encode()),
    ],
)
def test_a_stray_quote_rejects_its_line_and_no_other(bulkzoho: Program, sandbox: SandboxProcess, name: str, data: bytes) -> None:
    if name != "-":
        bulkzoho.file(name, data)

    # bulkzoho import stray.csv --module Leads
    ended = bulkzoho.run("import", name, "--module", "Leads", "--json", text=data if name == "-" else b"")

    summary = ended.expect(3).summary
    assert (summary["rows"]["read"], summary["rows"]["accepted"], summary["rows"]["dead_lettered"]) == (4, 3, 1)
    [letter] = bulkzoho.lines(summary["dead_letter"])
    assert (letter["row"], letter["code"], letter["stage"]) == (1, "BAD_QUOTE", "read")
    assert letter["message"].startswith("line 2, character 8: a quote opens a cell here")
    assert 'Weller,"12"" tube,Oslo' in letter.values()
    fields = ("Last_Name", "Company", "City")
    assert sorted(tuple(record[field] for field in fields) for record in sandbox.records()) == [
        ("Quist", "Fine", "Rome"),
        ("Ydal", "Good", "Bonn"),
        ("Zander", "Okay", "Ulm"),
    ]


def test_a_header_with_a_bad_quote_refuses_the_file(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.file("head.csv", 'Last_Name,"Ci"ty\nA,Rome\n')

    # bulkzoho import head.csv --module Leads
    ended = bulkzoho.run("import", "head.csv", "--module", "Leads")

    assert "head.csv: the header cannot be read: line 1, character 11: a quote opens a cell here" in ended.expect(4).err
    assert sandbox.count() == 0


def test_an_alphabetic_delimiter_is_refused(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.file("t.csv", "Last_NametEmail\nAta@example.com\n")

    # bulkzoho import t.csv --module Leads --delimiter t
    ended = bulkzoho.run("import", "t.csv", "--module", "Leads", "--delimiter", "t")

    assert "'t' is not a delimiter" in ended.expect(2).err
    assert sandbox.calls() == []


def test_a_truncated_file_is_imported_as_far_as_it_goes_and_reported(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    whole = bulkzoho.leads("whole.csv", 5_000).read_bytes()
    bulkzoho.file("cut.csv.gz", gzip.compress(whole)[:-2_000])

    # bulkzoho import cut.csv.gz --module Leads
    ended = bulkzoho.run("import", "cut.csv.gz", "--module", "Leads", "--json", "--calls-per-minute", "6000")

    summary = ended.expect(1).summary
    assert (summary["status"], summary["input_complete"]) == ("failed", False)
    assert 0 < summary["rows"]["accepted"] == sandbox.count() < 5_000
    done = f"Its first {summary['rows']['read']:,} rows are done: leave them out when you import the rest."
    assert done in summary["error"]["hint"]


def test_a_stray_quote_among_two_thousand_rows_rejects_one_row_and_verify_finds_the_others(
    bulkzoho: Program, sandbox: SandboxProcess
) -> None:
    lines = [f"Lead {n},lead{n}@example.com,Rome" for n in range(1, 2_001)]
    lines[500] = 'Lead 501,"lead501@example.com,Rome'
    bulkzoho.file("leads.csv", "\n".join(["Last_Name,Email,City", *lines, ""]))

    # bulkzoho import leads.csv --module Leads; bulkzoho verify RUN
    summary = bulkzoho.run("import", "leads.csv", "--module", "Leads", "--json").expect(3).summary
    verified = bulkzoho.run("verify", summary["run"], "--json").expect(0).summary

    assert (summary["rows"]["read"], summary["rows"]["accepted"], summary["rows"]["dead_lettered"]) == (2_000, 1_999, 1)
    [rejected] = bulkzoho.lines(summary["dead_letter"])
    assert (rejected["row"], rejected["code"], rejected["raw"]) == (501, "BAD_QUOTE", lines[500])
    assert sandbox.count() == 1_999
    assert (verified["verify"]["compared"], verified["verify"]["same"]) == (1_999, 1_999)


def test_verify_misses_no_row_of_a_file_with_a_stray_quote(bulkzoho: Program) -> None:
    bulkzoho.file("stray.csv", STRAY)
    run = bulkzoho.run("import", "stray.csv", "--module", "Leads", "--json").expect(3).summary["run"]

    # bulkzoho verify RUN
    found = bulkzoho.run("verify", run, "--json").expect(0).summary["verify"]

    assert (found["compared"], found["same"], found["differences"]) == (3, 3, None)


def test_a_resume_continues_after_rows_with_stray_quotes(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    lines = [f'Lead {n},"Acme' if n in (2, 3, 9) else f'Lead {n},"Acme"' for n in range(1, 11)]
    bulkzoho.file("leads.csv", "\n".join(["Last_Name,Company", *lines, ""]))
    first = bulkzoho.run("import", "leads.csv", "--module", "Leads", "--limit", "5", "--json").expect(3).summary

    # bulkzoho resume RUN --limit none
    second = bulkzoho.run("resume", first["run"], "--limit", "none", "--json").expect(3).summary

    assert (first["rows"]["read"], first["rows"]["accepted"], first["rows"]["dead_lettered"]) == (5, 3, 2)
    assert (second["rows"]["read"], second["rows"]["accepted"], second["rows"]["dead_lettered"]) == (10, 7, 3)
    assert [(line["row"], line["code"]) for line in bulkzoho.lines(second["dead_letter"])] == [
        (2, "BAD_QUOTE"),
        (3, "BAD_QUOTE"),
        (9, "BAD_QUOTE"),
    ]
    assert sorted(record["Last_Name"] for record in sandbox.records()) == [f"Lead {n}" for n in (1, 10, 4, 5, 6, 7, 8)]
