"""``bulkzoho sandbox``."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from .harness import Program, wait_until

LAST_LINE = "BULKZOHO_UPLOAD_URL"


@pytest.fixture
def alone(tmp_path: Path) -> Program:
    """Return the program without a CRM."""
    return Program(tmp_path, {})


def test_the_sandbox_prints_its_address_and_an_environment_that_works(alone: Program) -> None:
    # bulkzoho sandbox --port 0
    running = alone.start("sandbox", "--port", "0")
    printed = alone.folder / "streams-1" / "out"
    wait_until(lambda: LAST_LINE in printed.read_text(), what="the environment")
    first, *exports = printed.read_text().splitlines()
    environment = dict(line.removeprefix("export ").split("=", 1) for line in exports)
    alone.leads("leads.csv", 3)

    imported = alone.run("import", "leads.csv", "--module", "Leads", "--json", environment=environment)
    running.signal(signal.SIGINT)
    ended = running.wait()

    assert first == f"# Zoho CRM sandbox at {environment['BULKZOHO_API_URL']} (Ctrl-C stops it)"
    assert imported.expect(0).summary["rows"]["accepted"] == 3
    assert (ended.status, ended.err) == (0, "")


def test_the_sandbox_uses_the_given_port_and_reports_a_taken_one_in_one_line(alone: Program) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        # bulkzoho sandbox --port <taken>
        ended = alone.run("sandbox", "--port", str(port))

    assert ended.status == 1
    assert ended.err.splitlines()[0] == f"bulkzoho: cannot serve on 127.0.0.1:{port}: Address already in use."


def test_scripted_faults_affect_an_import(alone: Program) -> None:
    alone.file("faults.json", '[{"kind": "429", "on_call": 1}]')
    alone.leads("leads.csv", 3)

    # bulkzoho sandbox --script faults.json
    running = alone.start("sandbox", "--script", "faults.json", "--latency", "0.01", "--jitter", "0.001", "--retry-after")
    printed = alone.folder / "streams-1" / "out"
    wait_until(lambda: LAST_LINE in printed.read_text(), what="the environment")
    environment = dict(line.removeprefix("export ").split("=", 1) for line in printed.read_text().splitlines()[1:])
    imported = alone.run("import", "leads.csv", "--module", "Leads", "--json", environment=environment)
    running.signal(signal.SIGTERM)

    assert imported.expect(0).summary["calls"]["throttled"] == 1
    assert running.wait().status == 0
