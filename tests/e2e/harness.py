"""A sandbox and the installed program, each a process of its own."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

__all__ = ["PROGRAM", "SOAK", "Ended", "Program", "Running", "SandboxMaker", "SandboxProcess", "wait_until", "write_csv"]

PROGRAM = str(Path(sys.executable).with_name("bulkzoho"))  # the console script, installed beside this interpreter
SOAK = os.environ.get("BULKZOHO_SOAK") == "1"  # `make soak`: the slowest tests in their full form
END_WAIT_S = 10.0
NOTHING: Mapping[str, str] = {}


def wait_until(holds: Callable[[], object], *, timeout_s: float = 30.0, what: str = "it") -> None:
    """Wait until *holds* returns something true."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, f"{what} did not come within {timeout_s} s"
        time.sleep(0.01)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """Write a plain CSV file and return its path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


class SandboxProcess:
    """``bulkzoho.sandbox`` as a process, and its control calls."""

    def __init__(self, *flags: str) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
        words = [sys.executable, "-m", "bulkzoho.sandbox", "--port", "0", *flags]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=clean)
        self.environment: dict[str, str] = {}
        assert self._process.stdout is not None
        while "BULKZOHO_UPLOAD_URL" not in self.environment:
            line = self._process.stdout.readline()
            assert line, "the sandbox did not start"
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                self.environment[name] = value
        self.url = self.environment["BULKZOHO_API_URL"]

    def __enter__(self) -> Self:
        return self

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait(END_WAIT_S)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(END_WAIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def state(self) -> dict[str, Any]:
        """Return counts and peaks."""
        state: dict[str, Any] = json.loads(self._ask("state"))
        return state

    def count(self, crm_module: str = "Leads") -> int:
        """Return the number of records of a module."""
        return int(self.state()["records"][crm_module])

    def records(self, crm_module: str = "Leads") -> list[dict[str, Any]]:
        """Return all records of a module, oldest first."""
        return [json.loads(line) for line in self._ask(f"records/{crm_module}").splitlines()]

    def calls(self) -> list[dict[str, Any]]:
        """Return the log of calls."""
        return [json.loads(line) for line in self._ask("calls?since=0").splitlines()]

    def writes(self) -> list[dict[str, Any]]:
        """Return the calls that write records."""
        return [call for call in self.calls() if call["operation"] in ("insert", "update", "upsert", "delete")]

    def put(self, crm_module: str, records: Iterable[Mapping[str, object]]) -> list[dict[str, Any]]:
        """Add records without a call; return the result of each."""
        lines = "\n".join(json.dumps(record) for record in records)
        return [json.loads(line) for line in self._ask(f"records/{crm_module}", lines).splitlines()]

    def delete(self, crm_module: str, *ids: str) -> None:
        """Delete records as another user does."""
        address = f"{self.url}/__sandbox/records/{crm_module}?ids={','.join(ids)}"
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=30).close()

    def script(self, *faults: Mapping[str, object]) -> None:
        """Set the scripted faults; an empty script clears them."""
        self._ask("faults", json.dumps({"script": faults} if faults else {}))

    def random_faults(self, seed: int, rates: Mapping[str, float]) -> None:
        """Set random faults."""
        self._ask("faults", json.dumps({"random": {"seed": seed, "rates": rates}}))

    def change(self, **settings: object) -> None:
        """Change settings."""
        self._ask("settings", json.dumps(settings))

    def revoke(self, *, refresh: bool = False) -> None:
        """Revoke the access tokens, and the refresh token too if requested."""
        self._ask("revoke", json.dumps({"refresh": refresh}))

    def code(self) -> str:
        """Return a grant code, as the API console does."""
        return str(json.loads(self._ask("code", "{}"))["code"])

    def wall(self) -> float:
        """Return its time, in seconds since 1970."""
        return float(json.loads(self._ask("clock", "{}"))["now_s"])

    def advance(self, seconds: float) -> None:
        """Set its clock forward."""
        self._ask("clock", json.dumps({"advance_s": seconds}))

    def _ask(self, what: str, body: str | None = None) -> str:
        request = urllib.request.Request(f"{self.url}/__sandbox/{what}", data=None if body is None else body.encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            text: str = answer.read().decode()
            return text


SandboxMaker = Callable[..., SandboxProcess]


@dataclass(frozen=True, slots=True)
class Ended:
    """The result of a command."""

    words: tuple[str, ...]
    status: int
    out: str
    err: str
    peak_kb: int = 0  #: peak resident memory

    @property
    def summary(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert self.out.count("\n") == 1, f"not one line: {self.out!r}; {self.err}"
        summary: dict[str, Any] = json.loads(self.out)
        return summary

    def expect(self, status: int) -> Self:
        """Check that it ended with *status*."""
        assert self.status == status, f"{' '.join(self.words)}: {self.status}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err
        return self


class Running:
    """A running command."""

    def __init__(self, process: subprocess.Popen[bytes], words: tuple[str, ...], folder: Path) -> None:
        self.process = process
        self._words = words
        self._folder = folder

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, timeout_s: float = 60.0) -> Ended:
        """Wait for its end."""
        end = time.monotonic() + timeout_s
        while True:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"{' '.join(self._words)}: no end within {timeout_s} s\n{self.err()}")
            time.sleep(0.005)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        out = (self._folder / "out").read_text(encoding="utf-8")
        return Ended(self._words, self.process.returncode, out, self.err(), usage.ru_maxrss)

    def err(self) -> str:
        """Return its standard error so far."""
        return (self._folder / "err").read_text(encoding="utf-8", errors="replace")


@dataclass(slots=True)
class Program:
    """The installed program in a working folder, with a state directory of its own and one sandbox."""

    folder: Path
    environment: dict[str, str]
    _started: int = field(default=0)

    @property
    def home(self) -> Path:
        """The state directory."""
        return self.folder / "home"

    def run(
        self,
        *words: str,
        text: str | bytes = "",
        timeout_s: float = 60.0,
        environment: Mapping[str, str] = NOTHING,
        out: int | None = None,
        under: Sequence[str] = (),
    ) -> Ended:
        """Run one command to its end; *text* is its standard input, *out* a descriptor for its standard output."""
        return self.start(*words, text=text, environment=environment, out=out, under=under).wait(timeout_s)

    def start(
        self,
        *words: str,
        text: str | bytes = "",
        environment: Mapping[str, str] = NOTHING,
        out: int | None = None,
        given: int | None = None,
        under: Sequence[str] = (),
    ) -> Running:
        """Start one command; an environment value of "" takes the variable away, *given* is a descriptor to read from.

        *under* is the command line of a program that starts it, with fewer resources.
        """
        self._started += 1
        streams = self.folder / f"streams-{self._started}"
        streams.mkdir()
        (streams / "in").write_bytes(text.encode() if isinstance(text, str) else text)
        told = {**self.environment, "BULKZOHO_HOME": str(self.home), **environment}
        with (streams / "in").open("rb") as kept_text, (streams / "out").open("wb") as kept, (streams / "err").open("wb") as err:
            process = subprocess.Popen(
                [*under, PROGRAM, *words],
                cwd=self.folder,
                env={**_outside(), **{name: value for name, value in told.items() if value}},
                stdin=kept_text if given is None else given,
                stdout=kept if out is None else out,
                stderr=err,
            )
        return Running(process, words, streams)

    def file(self, name: str, content: str | bytes) -> Path:
        """Write a file into the working folder."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def leads(self, name: str, count: int, *, start: int = 1) -> Path:
        """Write a CSV of good leads with unique e-mail addresses and external ids."""
        rows = ([f"Lead {n}", f"lead{n}@example.com", f"X-{n}", "Acme"] for n in range(start, start + count))
        return write_csv(self.folder / name, ["Last_Name", "Email", "External_Id", "Company"], rows)

    def lines(self, path: str | Path) -> list[dict[str, Any]]:
        """Read a file of JSON Lines."""
        return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
