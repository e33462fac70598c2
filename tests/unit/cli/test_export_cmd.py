"""The format of an export, from the name of its output and ``--format``."""

from __future__ import annotations

import pytest

from bulkzoho.cli.export_cmd import export_command, export_settings
from bulkzoho.domain.model.export import Compression, ExportSettings, OutputFormat
from bulkzoho.errors import UsageError


def _settings(*words: str) -> ExportSettings:
    with export_command.make_context("export", ["Leads", *words]) as context:
        return export_settings(context.params)


@pytest.mark.parametrize(
    ("words", "output_format", "compression"),
    [
        ((), OutputFormat.CSV, Compression.NONE),
        (("-o", "x.JSONL.gz"), OutputFormat.JSONL, Compression.GZIP),
        (("-o", "x.ndjson.zst"), OutputFormat.JSONL, Compression.ZSTD),
        (("-o", "x.parquet"), OutputFormat.PARQUET, Compression.NONE),
        (("-o", "x.txt"), OutputFormat.CSV, Compression.NONE),
        (("-o", "x.json", "--format", "jsonl"), OutputFormat.JSONL, Compression.NONE),
    ],
)
def test_the_name_sets_the_format_unless_an_option_does(
    words: tuple[str, ...], output_format: OutputFormat, compression: Compression
) -> None:
    settings = _settings(*words)

    assert (settings.format, settings.compression) == (output_format, compression)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x.xlsx", "unsupported output format .xlsx"),
        ("x.json.gz", "unsupported output format .json"),
        ("x.csv.bz2", "unsupported output format .bz2"),
        ("x.parquet.gz", "already compressed"),
    ],
)
def test_a_name_of_an_unsupported_format_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _settings("-o", name)
