"""Build the settings of an import from the options of ``bulkzoho import``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from bulkzoho.cli.log_options import log_file_of
from bulkzoho.cli.mapping_file import MappingFile, read_mapping_file
from bulkzoho.cli.options import quota_changes, timing_changes
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import (
    ImportSettings,
    InDoubtPolicy,
    InputFormat,
    InputSettings,
    MappingSettings,
    QuotaSettings,
)
from bulkzoho.errors import UsageError

__all__ = [
    "STANDARD_INPUT",
    "absolute",
    "import_settings",
    "optional_path",
    "owner_fallback",
    "pairs",
    "require_distinct_files",
    "require_separate_log_file",
]

STANDARD_INPUT = "-"


def import_settings(options: Mapping[str, Any]) -> ImportSettings:
    """Return the settings for the parsed *options*; paths become absolute.

    Raises:
        UsageError: Options contradict each other, or a required one is missing.
        RefusedError: The mapping file is invalid.
    """
    inputs = tuple(path if path == STANDARD_INPUT else absolute(path) for path in options["files"])
    dead_letter, results = optional_path(options["dead_letter"]), optional_path(options["results"])
    _require_distinct_inputs(options["files"], inputs)
    require_distinct_files(inputs, dead_letter, results)
    require_separate_log_file((*inputs, dead_letter, results))
    operation = Operation(options["operation"])
    _require_matching_options(operation, options)
    return ImportSettings(
        inputs=inputs,
        crm_module=options["crm_module"],
        operation=operation,
        match_on=tuple(options["match_on"]),
        files=InputSettings(
            format=InputFormat(options["input_format"]), encoding=options["encoding"], delimiter=options["delimiter"]
        ),
        shape=_mapping_settings(options),
        quota=QuotaSettings(**quota_changes(options)),
        limit=options["limit"],
        batch_records=options["batch_size"],
        trigger=tuple(options["trigger"]),
        on_doubt=InDoubtPolicy(options["on_doubt"]),
        import_key=options["import_key"],
        owner_fallback=owner_fallback(options),
        settle_wait_s=options["settle_wait"],
        dead_letter=dead_letter,
        results=results,
        again=options["again"],
        **timing_changes(options),
    )


def owner_fallback(options: Mapping[str, Any]) -> str | None:
    """Return the fallback user, if there is one.

    Raises:
        UsageError: The name is blank.
    """
    user: str | None = options["owner_fallback"]
    if user is not None and not user.strip():
        raise UsageError("--owner-fallback is blank.", hint="Enter a user's id, e-mail address or full name.")
    return user


def absolute(path: str) -> str:
    """Return *path* as an absolute path, so that a resume in another folder finds the file; keep symbolic links."""
    return os.path.abspath(path)  # noqa: PTH100  Path.resolve would follow links, Path.absolute would keep ".."


def require_distinct_files(inputs: Sequence[str], dead_letter: str | None, results: str | None) -> None:
    """Check that no file is overwritten by another.

    Raises:
        UsageError: Two paths are equal.
    """
    if dead_letter is not None and dead_letter == results:
        raise UsageError("--dead-letter and --results name the same file.", hint="Use two different paths.")
    for option, path in (("--dead-letter", dead_letter), ("--results", results)):
        if path is not None and path in inputs:
            raise UsageError(f"{option} names an input file, which would be overwritten.", hint="Choose another path.")


def require_separate_log_file(paths: Sequence[str | None]) -> None:
    """Check that ``--log-file`` is none of the files that the command reads or writes.

    Raises:
        UsageError: It is one of them.
    """
    log_file = log_file_of(click.get_current_context(silent=True))
    if log_file is not None and log_file in paths:
        raise UsageError("--log-file names a file that this command reads or writes.", hint="Choose another path.")


def optional_path(path: str | None) -> str | None:
    """Return *path* as an absolute path, if there is one.

    Raises:
        UsageError: It is not the path of a file.
    """
    if path is not None and (not path or path == STANDARD_INPUT or path.endswith(os.sep)):
        raise UsageError(f"{path!r} is not a file path.", hint="--dead-letter and --results need the path of a file.")
    return None if path is None else absolute(path)


def _require_matching_options(operation: Operation, options: Mapping[str, Any]) -> None:
    """Check that the operation has the options it needs and no others."""
    if operation is Operation.UPSERT and not options["match_on"]:
        raise UsageError(
            "--operation upsert needs --match-on FIELD, the field that identifies a record.", hint="For example: --match-on Email"
        )
    if operation is not Operation.UPSERT and options["match_on"]:
        raise UsageError(
            f"--match-on is not used by --operation {operation.value}.",
            hint="Add --operation upsert, or omit --match-on.",
        )
    if options["import_key"] is not None and operation not in (Operation.INSERT, Operation.UPSERT):
        raise UsageError(f"--import-key is not used by --operation {operation.value}, which creates no records.", hint="Omit it.")
    if options["owner_fallback"] is not None and operation is Operation.DELETE:
        raise UsageError("--owner-fallback is not used by --operation delete, which writes no fields.", hint="Omit it.")


def _require_distinct_inputs(names: Sequence[str], inputs: Sequence[str]) -> None:
    for index, path in enumerate(inputs):
        if path in inputs[:index]:
            name = "standard input" if path == STANDARD_INPUT else names[index]
            raise UsageError(f"{name} is listed twice; its rows would be sent twice.", hint="List each input once.")
        if not names[index]:
            raise UsageError("an input has an empty name.", hint="Enter a file path, or - for standard input.")


def _mapping_settings(options: Mapping[str, Any]) -> MappingSettings:
    mappings = read_mapping_file(options["mapping"]) if options["mapping"] else MappingFile()
    return MappingSettings(
        map=pairs("--map", mappings.columns, options["map"]),
        set=pairs("--set", mappings.set, options["set"]),
        null_text=options["null_text"],
        date_format=options["date_format"],
        column_formats=mappings.formats,
        time_zone=options["time_zone"],
        ignore_unknown=options["ignore_unknown"],
        ignore_readonly=options["ignore_readonly"],
    )


def pairs(
    option: str, from_file: Sequence[tuple[str, str]], from_flags: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return the pairs of the file, overridden by the flags.

    Raises:
        UsageError: A flag sets the same name twice.
    """
    flags = dict(from_flags)
    if len(flags) < len(from_flags):
        repeated = next(name for index, (name, _) in enumerate(from_flags) if name in dict(from_flags[:index]))
        raise UsageError(f"{option} sets {repeated!r} twice.", hint="Set it once.")
    return tuple({**dict(from_file), **flags}.items())
