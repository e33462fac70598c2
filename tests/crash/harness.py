"""Run the program and a sandbox as processes; the program can be killed at any moment or run under strace."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

__all__ = ["FAST", "CommandResult", "CrmProcess", "Workspace"]

PROGRAM = str(Path(sys.executable).with_name("bulkzoho"))  # the console script, installed beside this interpreter
FAST = ("--calls-per-minute", "60000", "--json", "--progress", "none")
LARGE_QUOTAS = ("--edition", "ultimate", "--licences", "1000")
EXIT_TIMEOUT_S = 10.0
NO_VARIABLES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """Result of a command; a negative status is the signal that killed it."""

    command: tuple[str, ...]
    status: int
    out: str
    err: str

    @property
    def killed(self) -> bool:
        """Whether it was killed with SIGKILL (strace exits like the program it runs)."""
        return self.status in (-9, 137)

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON object on standard output."""
        assert self.out.count("\n") == 1, f"not one line: {self}"
        summary: dict[str, Any] = json.loads(self.out)
        return summary


@dataclass(slots=True)
class Workspace:
    """A working folder with its own state folder and one CRM."""

    folder: Path
    environment: Mapping[str, str]
    other_home: Path | None = None  #: another state folder to use instead
    _commands_started: int = field(default=0)

    @property
    def home(self) -> Path:
        """The state folder."""
        return self.other_home or self.folder / "home"

    def runs(self) -> list[Path]:
        """Return the folders of all runs, oldest first."""
        return sorted((self.home / "runs").glob("*"))

    async def start(
        self, *words: str, under: Sequence[str] = (), environment: Mapping[str, str] = NO_VARIABLES, cwd: Path | None = None
    ) -> tuple[asyncio.subprocess.Process, Path]:
        """Start a command, optionally *under* another one; return the process and the folder of its output."""
        self._commands_started += 1
        output = self.folder / f"output-{self._commands_started}"
        output.mkdir(parents=True)
        outside = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
        variables = {**outside, **self.environment, "BULKZOHO_HOME": str(self.home), **environment}
        with (output / "out").open("wb") as out, (output / "err").open("wb") as err:
            process = await asyncio.create_subprocess_exec(
                *under,
                PROGRAM,
                *words,
                cwd=cwd or self.folder,
                env=variables,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        return process, output

    async def run(
        self,
        *words: str,
        under: Sequence[str] = (),
        environment: Mapping[str, str] = NO_VARIABLES,
        kill_when: Callable[[], Coroutine[Any, Any, None]] | None = None,
        timeout_s: float = 120.0,
    ) -> CommandResult:
        """Run a command to its end, or kill it when *kill_when* returns."""
        process, output = await self.start(*words, under=under, environment=environment)
        try:
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                killer = group.create_task(_kill(process, kill_when)) if kill_when is not None else None
                await process.wait()
                if killer is not None:
                    killer.cancel()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise AssertionError(f"{words}: still running after {timeout_s} s: {(output / 'err').read_text()[-2000:]}") from None
        return self.result_of(process, output, *words)

    def delete_quota_ledger(self) -> None:
        """Delete the quota ledger, so that the next process need not wait for the quota of a killed one."""
        shutil.rmtree(self.home / "quota", ignore_errors=True)

    def result_of(self, process: asyncio.subprocess.Process, output: Path, *words: str) -> CommandResult:
        """Return the result of *process*; a traceback is a failure."""
        assert process.returncode is not None
        out, err = ((output / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
        assert "Traceback" not in err, f"{words}: {err}"
        return CommandResult(command=words, status=process.returncode, out=out, err=err)


async def _kill(process: asyncio.subprocess.Process, when: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await when()
    if process.returncode is None:
        process.kill()


class CrmProcess:
    """``bulkzoho.sandbox`` as a process, with its control calls."""

    def __init__(self, process: asyncio.subprocess.Process, environment: Mapping[str, str]) -> None:
        self._process = process
        self.environment = environment
        self.url = environment["BULKZOHO_API_URL"]

    @classmethod
    async def start(cls, *flags: str) -> Self:
        """Start a sandbox with large quotas."""
        words = [sys.executable, "-m", "bulkzoho.sandbox", "--port", "0", *LARGE_QUOTAS, *flags]
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        environment: dict[str, str] = {}
        assert process.stdout is not None
        while "BULKZOHO_UPLOAD_URL" not in environment:
            line = (await process.stdout.readline()).decode()
            assert line, "the sandbox did not start"
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                environment[name] = value
        crm = cls(process, environment)
        crm.change(token_requests=None)  # many processes, and tokens revoked at random
        return crm

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.terminate()
        await asyncio.wait_for(self._process.wait(), EXIT_TIMEOUT_S)

    def records(self, crm_module: str = "Leads") -> list[dict[str, Any]]:
        """Return all records of a module, oldest first."""
        return [json.loads(line) for line in self._control(f"records/{crm_module}").splitlines()]

    def add(self, crm_module: str, records: Iterable[Mapping[str, Any]]) -> list[str]:
        """Insert records without an API call and return their ids."""
        lines = "\n".join(json.dumps(record) for record in records)
        results = [json.loads(line) for line in self._control(f"records/{crm_module}", lines).splitlines()]
        return [result["details"]["id"] for result in results]

    def random_faults(self, seed: int, rates: Mapping[str, float]) -> None:
        """Inject random faults; empty rates remove them."""
        self._control("faults", json.dumps({"random": {"seed": seed, "rates": rates}} if rates else {}))

    def change(self, **settings: object) -> None:
        """Change settings."""
        self._control("settings", json.dumps(settings))

    def call_count(self) -> int:
        """Return the number of calls so far."""
        return int(json.loads(self._control("state"))["calls"]["total"])

    def violations(self) -> Mapping[str, int]:
        """Return the client rules broken so far, with counts."""
        violations: dict[str, int] = json.loads(self._control("state"))["violations"]["by_kind"]
        return violations

    def _control(self, what: str, body: str | None = None) -> str:
        request = urllib.request.Request(f"{self.url}/__sandbox/{what}", data=None if body is None else body.encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            text: str = answer.read().decode()
            return text
