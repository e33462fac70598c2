"""A sandbox described in a file: settings by their names, and under ``faults`` what goes wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bulkzoho.sandbox.settings import SandboxSettings, refuse_unknown
from bulkzoho.sandbox.state.faults import FaultPlan
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior

__all__ = ["Configuration", "read_configuration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a process is told before it starts."""

    settings: Mapping[str, Any] = field(default_factory=dict)  #: by the names of ``SandboxSettings``
    script: Any = ()  #: scripted faults
    rates: Any = field(default_factory=dict)  #: random faults, by kind

    def made(self) -> SandboxSettings:
        """Give the settings.

        Raises:
            ValueError: a name is unknown, or a value is out of range.
        """
        given = dict(self.settings)
        refuse_unknown("setting", given, SandboxSettings)
        if isinstance(given.get("strict"), Mapping):
            refuse_unknown("setting strict.", given["strict"], UnverifiedBehavior)
            given["strict"] = UnverifiedBehavior(**given["strict"])
        return SandboxSettings(**given)

    def arm(self, faults: FaultPlan) -> None:
        """Set the faults.

        Raises:
            ValueError: one of them is wrong.
        """
        faults.script(self.script)
        faults.random(self.settings.get("seed", 0), self.rates)


def read_configuration(path: Path) -> Configuration:
    """Read a file: TOML, or JSON if its name ends so.

    Raises:
        OSError: it cannot be read.
        ValueError: it is neither, or not of their form; the message does not name the file.
    """
    raw = path.read_bytes()
    try:
        told: Any = orjson.loads(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"is no text in UTF-8: a wrong byte at {error.start}") from error
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is no TOML: {error}") from error
    if not isinstance(told, dict):
        raise ValueError("holds no table of settings")  # noqa: TRY004 - a wrong file, not a wrong call
    faults = told.pop("faults", {})
    if not isinstance(faults, dict) or faults.keys() - {"script", "random"}:
        raise ValueError("faults has script and random, and nothing else")
    return Configuration(settings=told, script=faults.get("script", []), rates=faults.get("random", {}))
