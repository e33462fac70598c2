"""``bulkzoho demo``."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from .harness import Program, wait_until

MOST_S = 30.0


@pytest.fixture
def alone(tmp_path: Path) -> Program:
    """Return the program without a CRM, with its own folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    return Program(tmp_path, {"TMPDIR": str(tmp_path / "tmp")})


def test_the_demo_ends_with_equal_crm_and_file(alone: Program) -> None:
    began = time.monotonic()

    # bulkzoho demo
    ended = alone.run("demo").expect(0)

    assert time.monotonic() - began < MOST_S
    assert "CRM and file agree: 10,000 records" in ended.out
    shown = [line for line in ended.out.splitlines() if line.startswith("$ ")]
    assert [line.split()[2] for line in shown] == ["sandbox", "import", "replay", "replay", "runs"]
    assert "RAGGED_ROW" in ended.err
    assert list((alone.folder / "tmp").iterdir()) == []
    assert not alone.home.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_nothing_behind(alone: Program, number: signal.Signals) -> None:
    # bulkzoho demo, and Ctrl-C
    running = alone.start("demo")
    printed = alone.folder / "streams-1" / "out"
    wait_until(lambda: "$ bulkzoho import" in printed.read_text(), what="the import")
    running.signal(number)
    ended = running.wait().expect(5)

    port = ended.out.split("http://127.0.0.1:")[1].split()[0]
    assert list((alone.folder / "tmp").iterdir()) == []
    assert f":{int(port):04X} 00000000:0000 0A" not in Path("/proc/net/tcp").read_text()  # the sandbox no longer listens
