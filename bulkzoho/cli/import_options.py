"""From the options of ``bulkzoho import`` to the settings of one import."""

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
    "refuse_same_paths",
    "require_separate_log_file",
]

STANDARD_INPUT = "-"


def import_settings(given: Mapping[str, Any]) -> ImportSettings:
    """Give the settings that the parsed options *given* ask for; paths become absolute.

    Raises:
        UsageError: Options contradict each other, or one that another needs is missing.
        RefusedError: The mapping file cannot be used.
    """
    inputs = tuple(path if path == STANDARD_INPUT else absolute(path) for path in given["files"])
    dead_letter, results = optional_path(given["dead_letter"]), optional_path(given["results"])
    _refuse_repeats(given["files"], inputs)
    refuse_same_paths(inputs, dead_letter, results)
    require_separate_log_file((*inputs, dead_letter, results))
    operation = Operation(given["operation"])
    _refuse_misfits(operation, given)
    return ImportSettings(
        inputs=inputs,
        crm_module=given["crm_module"],
        operation=operation,
        match_on=tuple(given["match_on"]),
        files=InputSettings(format=InputFormat(given["input_format"]), encoding=given["encoding"], delimiter=given["delimiter"]),
        shape=_shape(given),
        quota=QuotaSettings(**quota_changes(given)),
        limit=given["limit"],
        batch_records=given["batch_size"],
        trigger=tuple(given["trigger"]),
        on_doubt=InDoubtPolicy(given["on_doubt"]),
        import_key=given["import_key"],
        owner_fallback=owner_fallback(given),
        settle_wait_s=given["settle_wait"],
        dead_letter=dead_letter,
        results=results,
        again=given["again"],
        **timing_changes(given),
    )


def owner_fallback(given: Mapping[str, Any]) -> str | None:
    """Give who stands in for users that are not there.

    Raises:
        UsageError: Nobody is named.
    """
    who: str | None = given["owner_fallback"]
    if who is not None and not who.strip():
        raise UsageError("--owner-fallback names nobody.", hint="Give a user's id, e-mail address or full name.")
    return who


def absolute(path: str) -> str:
    """Give *path* as one that means the same file wherever a resume runs; symbolic links stay links."""
    return os.path.abspath(path)  # noqa: PTH100  Path.resolve would follow links, Path.absolute would keep ".."


def refuse_same_paths(inputs: Sequence[str], dead_letter: str | None, results: str | None) -> None:
    """See that no file is written over another.

    Raises:
        UsageError: Two of the paths are one.
    """
    if dead_letter is not None and dead_letter == results:
        raise UsageError("--dead-letter and --results name the same file.", hint="Give each its own.")
    for option, path in (("--dead-letter", dead_letter), ("--results", results)):
        if path is not None and path in inputs:
            raise UsageError(f"{option} names an input: it would be written over.", hint="Give another path.")


def require_separate_log_file(paths: Sequence[str | None]) -> None:
    """Check that ``--log-file`` is none of the files that the command reads or writes.

    Raises:
        UsageError: It is one of them.
    """
    log_file = log_file_of(click.get_current_context(silent=True))
    if log_file is not None and log_file in paths:
        raise UsageError("--log-file names a file that this command reads or writes.", hint="Choose another path.")


def optional_path(path: str | None) -> str | None:
    """Give *path* as an absolute one, if there is one.

    Raises:
        UsageError: It cannot be the path of a file.
    """
    if path is not None and (not path or path == STANDARD_INPUT or path.endswith(os.sep)):
        raise UsageError(f"{path!r} is not a path of a file.", hint="Give --dead-letter and --results a file's path.")
    return None if path is None else absolute(path)


def _refuse_misfits(operation: Operation, given: Mapping[str, Any]) -> None:
    """See that the operation has what it needs, and nothing that is for others."""
    if operation is Operation.UPSERT and not given["match_on"]:
        raise UsageError(
            "--operation upsert needs --match-on FIELD: the field that recognises a record.", hint="As in --match-on Email."
        )
    if operation is not Operation.UPSERT and given["match_on"]:
        raise UsageError(
            f"--match-on is for upserts: --operation {operation.value} looks for no record by it.",
            hint="Add --operation upsert, or leave it out.",
        )
    if given["import_key"] is not None and operation not in (Operation.INSERT, Operation.UPSERT):
        raise UsageError(
            f"--import-key is for records that are made: --operation {operation.value} makes none.", hint="Leave it out."
        )
    if given["owner_fallback"] is not None and operation is Operation.DELETE:
        raise UsageError(
            "--owner-fallback is for records that are written: --operation delete writes none.", hint="Leave it out."
        )


def _refuse_repeats(names: Sequence[str], inputs: Sequence[str]) -> None:
    for index, path in enumerate(inputs):
        if path in inputs[:index]:
            what = "standard input" if path == STANDARD_INPUT else names[index]
            raise UsageError(f"{what} is named twice: its rows would be sent twice.", hint="Name each input once.")
        if not names[index]:
            raise UsageError("an input has an empty name.", hint="Give a file's path, or - for standard input.")


def _shape(given: Mapping[str, Any]) -> MappingSettings:
    mappings = read_mapping_file(given["mapping"]) if given["mapping"] else MappingFile()
    return MappingSettings(
        map=pairs("--map", mappings.columns, given["map"]),
        set=pairs("--set", mappings.set, given["set"]),
        null_text=given["null_text"],
        date_format=given["date_format"],
        column_formats=mappings.formats,
        time_zone=given["time_zone"],
        ignore_unknown=given["ignore_unknown"],
        ignore_readonly=given["ignore_readonly"],
    )


def pairs(
    option: str, from_file: Sequence[tuple[str, str]], from_flags: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Put flags over what the file says; a name given twice on the command line is a contradiction."""
    flags = dict(from_flags)
    if len(flags) < len(from_flags):
        twice = next(name for index, (name, _) in enumerate(from_flags) if name in dict(from_flags[:index]))
        raise UsageError(f"{option} gives {twice!r} twice.", hint="Give it once.")
    return tuple({**dict(from_file), **flags}.items())
