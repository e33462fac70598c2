"""What an export's output is, by its name and ``--format``."""

from __future__ import annotations

import pytest

from bulkzoho.cli.export_cmd import export_command, export_settings
from bulkzoho.domain.model.export import Compression, ExportSettings, OutputFormat
from bulkzoho.errors import UsageError


def _settings(*words: str) -> ExportSettings:
    with export_command.make_context("export", ["Leads", *words]) as context:
        return export_settings(context.params)


@pytest.mark.parametrize(
    ("words", "form", "packed"),
    [
        ((), OutputFormat.CSV, Compression.NONE),
        (("-o", "x.JSONL.gz"), OutputFormat.JSONL, Compression.GZIP),
        (("-o", "x.ndjson.zst"), OutputFormat.JSONL, Compression.ZSTD),
        (("-o", "x.parquet"), OutputFormat.PARQUET, Compression.NONE),
        (("-o", "x.txt"), OutputFormat.CSV, Compression.NONE),
        (("-o", "x.json", "--format", "jsonl"), OutputFormat.JSONL, Compression.NONE),
    ],
)
def test_the_name_says_the_format_unless_an_option_does(words: tuple[str, ...], form: OutputFormat, packed: Compression) -> None:
    settings = _settings(*words)

    assert (settings.format, settings.compression) == (form, packed)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.xlsx", "writes no .xlsx"),
        ("x.json.gz", "writes no .json"),
        ("x.csv.bz2", "writes no .bz2"),
        ("x.parquet.gz", "within itself"),
    ],
)
def test_a_name_that_says_what_an_export_does_not_write_is_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _settings("-o", name)
