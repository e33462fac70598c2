"""``bulkzoho export`` to standard output: readers that close the pipe, and terminals."""

from __future__ import annotations

import csv
import io
import os
import signal

from .harness import Program, SandboxProcess, wait_until
from .terminal import Terminal


def _names(text: str) -> list[str]:
    return [row["Last_Name"] for row in csv.DictReader(io.StringIO(text, newline=""))]


def test_an_export_without_a_reader_is_not_done_and_the_cursor_stays(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}"} for n in range(1, 301)))
    sandbox.advance(3_600)
    words = ("export", "Leads", "--fields", "Last_Name", "--since", "last", "--json")
    reader, writer = os.pipe()
    os.close(reader)

    # bulkzoho export Leads --since last | true
    ended = bulkzoho.run(*words, out=writer)
    os.close(writer)

    assert "standard output: the reader closed the pipe" in ended.expect(1).err
    run = next(folder.name for folder in (bulkzoho.home / "runs").iterdir())
    assert f"`bulkzoho resume {run}`" in ended.err

    assert sorted(_names(bulkzoho.run("resume").expect(0).out)) == sorted(f"Lead {n}" for n in range(1, 301))
    assert _names(bulkzoho.run(*words).expect(0).out) == []


def test_on_a_terminal_no_progress_bar_is_between_the_records(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}"} for n in range(1, 4)))
    environment = {**os.environ, **bulkzoho.environment, "BULKZOHO_HOME": str(bulkzoho.home)}

    # bulkzoho export Leads --fields Last_Name
    words = ("export", "Leads", "--fields", "Last_Name", "--progress", "bar")
    with Terminal(*words, folder=bulkzoho.folder, environment=environment, term="xterm") as terminal:
        assert terminal.end() == 0
        shown = terminal.screen

    # bulkzoho export Leads --format parquet
    with Terminal("export", "Leads", "--format", "parquet", folder=bulkzoho.folder, environment=environment) as terminal:
        assert terminal.end() == 2
        refused = terminal.screen

    records = shown[shown.index("id,Last_Name") :]
    assert shown.split("id,Last_Name")[0].endswith(("\n", "\x1b[2K", "\x1b[?25h")), repr(shown)
    assert "\x1b" not in records[: records.index("Lead 3") + 6]
    assert "Parquet cannot be written to a terminal" in refused


def test_a_bulk_export_whose_result_expired_is_finished_by_another_job(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}"} for n in range(30)))
    sandbox.change(job_time_s=3.0)

    # bulkzoho export Leads -o leads.csv --route bulk; kill -9; a day later bulkzoho resume, twice
    running = bulkzoho.start("export", "Leads", "-o", "leads.csv", "--route", "bulk", "--fields", "Last_Name")
    wait_until(lambda: any(one["operation"] == "bulk_read_status" for one in sandbox.calls()), what="a look at the job")
    running.signal(signal.SIGKILL)
    running.wait()
    sandbox.advance(26 * 3_600)
    gone = bulkzoho.run("resume").expect(1)
    bulkzoho.run("resume").expect(0)

    assert "Resume: a new job is created." in gone.err
    assert len(_names((bulkzoho.folder / "leads.csv").read_text())) == 30


def test_a_file_with_the_longest_possible_name_is_written(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", [{"Last_Name": "Lead"}])
    name = "x" * 251 + ".csv"
    for one, other in (("a", "b"), ("b", "a")):
        (bulkzoho.folder / one).symlink_to(other)

    # bulkzoho export Leads -o xxx...xxx.csv; bulkzoho export Leads -o a, where a leads to b and b to a
    bulkzoho.run("export", "Leads", "--fields", "Last_Name", "-o", name).expect(0)
    refused = bulkzoho.run("export", "Leads", "--fields", "Last_Name", "-o", "a").expect(4)

    assert _names((bulkzoho.folder / name).read_text()) == ["Lead"]
    assert "the link has no target" in refused.err
