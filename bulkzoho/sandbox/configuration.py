"""Load sandbox settings and faults from a configuration file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bulkzoho.sandbox.settings import SandboxSettings, reject_unknown_names
from bulkzoho.sandbox.state.faults import FaultPlan
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior

__all__ = ["Configuration", "read_configuration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Settings and faults of a sandbox process."""

    settings: Mapping[str, Any] = field(default_factory=dict)  #: keyed by the field names of ``SandboxSettings``
    script: Any = ()  #: scripted faults
    rates: Any = field(default_factory=dict)  #: random faults, by kind

    def build_settings(self) -> SandboxSettings:
        """Build the settings.

        Raises:
            ValueError: a name is unknown, or a value is out of range.
        """
        values = dict(self.settings)
        reject_unknown_names("setting", values, SandboxSettings)
        if isinstance(values.get("strict"), Mapping):
            reject_unknown_names("setting strict.", values["strict"], UnverifiedBehavior)
            values["strict"] = UnverifiedBehavior(**values["strict"])
        return SandboxSettings(**values)

    def apply_faults(self, faults: FaultPlan) -> None:
        """Load the faults into a plan.

        Raises:
            ValueError: a fault is invalid.
        """
        faults.script(self.script)
        faults.random(self.settings.get("seed", 0), self.rates)


def read_configuration(path: Path) -> Configuration:
    """Load a configuration file: JSON if its name ends in .json, otherwise TOML.

    Raises:
        OSError: the file cannot be read.
        ValueError: the content is invalid; the message does not name the file.
    """
    raw = path.read_bytes()
    try:
        content: Any = orjson.loads(raw) if path.suffix == ".json" else tomllib.loads(raw.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"is not valid UTF-8: invalid byte at position {error.start}") from error
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not valid TOML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError("does not contain a table of settings")  # noqa: TRY004 - the file is wrong, not the call
    faults = content.pop("faults", {})
    if not isinstance(faults, dict) or faults.keys() - {"script", "random"}:
        raise ValueError("the table faults accepts only script and random")
    return Configuration(settings=content, script=faults.get("script", []), rates=faults.get("random", {}))
