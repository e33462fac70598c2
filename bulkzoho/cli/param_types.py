"""Parse and check the values of options, such as ``90s``, ``30%``, ``22:00-06:00`` and ``COLUMN=Field``."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import time
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import click

from bulkzoho.domain.model.settings import ErrorThreshold, RunWindow

__all__ = [
    "AUTOMATIONS",
    "CREDITS",
    "DELIMITER",
    "DURATION",
    "ENCODING",
    "FAULT",
    "LIMIT_OR_NONE",
    "MAX_ERRORS",
    "SHARE",
    "TIME_ZONE",
    "TRIGGER",
    "WINDOW",
    "AssignmentType",
    "choice_of",
]

AUTOMATIONS: Final = (
    "workflow",
    "approval",
    "blueprint",
    "pathfinder",
    "orchestration",
)  # Zoho docs "Upsert Records", trigger (v8)
MAX_RESERVE: Final = 0.95  # a larger reserve would leave no quota for the run

_UNITS_S: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)%", re.ASCII)
_RATE = re.compile(r"(?:0|1|0?\.\d+|1\.0+)", re.ASCII)
_WINDOW = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", re.ASCII)
_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", r"\t": "\t"}


if TYPE_CHECKING:
    _ClickType = click.ParamType[Any]
else:
    _ClickType = click.ParamType  # generic from click 8.5 on


class _ParamType(_ClickType):
    """A type whose name is shown unchanged on the help page."""

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002  click's signature
        return self.name


class ParsedParamType(_ParamType):
    """A value that is parsed from text; defaults are used unchanged."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value.strip())
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def parse(self, text: str) -> Any:
        """Return the value of *text*.

        Raises:
            ValueError: It is invalid; the message says what is valid.
        """
        raise NotImplementedError


class _Duration(ParsedParamType):
    name = "DURATION"

    def parse(self, text: str) -> float:
        match = _DURATION.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not a duration such as 90s, 15m, 6h or 1d.")
        return float(match[1]) * _UNITS_S[match[2]]


class _Share(ParsedParamType):
    name = "PERCENT"

    def parse(self, text: str) -> float:
        match = _PERCENT.fullmatch(text)
        share = float(match[1]) / 100 if match else -1.0
        if not 0 <= share <= MAX_RESERVE:
            raise ValueError(f"{text!r} is not a percentage from 0% to {MAX_RESERVE:.0%}.")
        return share


class _MaxErrors(ParsedParamType):
    name = "N|N%"

    def parse(self, text: str) -> ErrorThreshold:
        match = _PERCENT.fullmatch(text)
        if match and float(match[1]) <= 100:  # noqa: PLR2004  per cent
            return ErrorThreshold(share=float(match[1]) / 100)
        return ErrorThreshold(rows=_whole_number(text, least=0, what="a number of rows or a percentage, such as 500 or 2%"))


class _Window(ParsedParamType):
    name = "HH:MM-HH:MM"

    def parse(self, text: str) -> RunWindow:
        match = _WINDOW.fullmatch(text)
        try:
            hours = [int(part) for part in match.groups()] if match else []
            window = RunWindow(start=time(hours[0], hours[1]), end=time(hours[2], hours[3]))
        except (ValueError, IndexError):
            raise ValueError(f"{text!r} is not a time window such as 22:00-06:00.") from None
        if window.start == window.end:
            raise ValueError(f"{text!r} is empty: start and end are equal.")
        return window


class _Delimiter(_ParamType):
    name = "CHAR"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        character = _DELIMITERS.get(value.casefold(), value)
        if len(character) != 1 or character in '"\r\n ' or character.isalnum():
            self.fail(
                f"{value!r} is not a delimiter: use one character such as ; or the word comma, semicolon, tab or pipe.",
                param,
                ctx,
            )
        return character


class _Encoding(ParsedParamType):
    name = "NAME"

    def parse(self, text: str) -> str:
        try:
            codecs.lookup(text)
            "".encode(text)  # lookup also finds codecs from bytes to bytes, such as base64
        except (LookupError, ValueError, TypeError):
            raise ValueError(f"{text!r} is not an encoding such as utf-8, utf-16, latin-1 or cp1252.") from None
        return text


class _TimeZone(ParsedParamType):
    name = "ZONE"

    def parse(self, text: str) -> str:
        from zoneinfo import ZoneInfo  # slow, and rarely needed

        try:
            ZoneInfo(text)
        except (ValueError, OSError, LookupError):  # an absolute path, a folder, no such zone
            raise ValueError(f"{text!r} is not a time zone such as Europe/Berlin or UTC.") from None
        return text


class _Trigger(ParsedParamType):
    name = "none|all|LIST"

    def parse(self, text: str) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(word.strip().casefold() for word in text.split(",")))
        if words == ("none",):
            return ()
        if words == ("all",):
            return AUTOMATIONS
        for word in words:
            if word not in AUTOMATIONS:
                raise ValueError(f"unknown automation {word!r}: use none, all, or a list of {', '.join(AUTOMATIONS)}.")
        return words


class _Fault(ParsedParamType):
    name = "KIND=RATE"

    def parse(self, text: str) -> tuple[str, float]:
        kind, _, rate = text.partition("=")
        if not kind or not _RATE.fullmatch(rate):
            raise ValueError(f"{text!r} is not a fault and its rate, such as 500=0.01.")
        return kind, float(rate)


class _NumberOrNone(ParsedParamType):
    """A whole number, or the string ``none``, since None already means "not set"."""

    name = "N|none"

    def parse(self, text: str) -> int | str:
        if text.casefold() == "none":
            return "none"
        return _whole_number(text, least=1, what="a positive number or 'none'")


class AssignmentType(_ParamType):
    """``LEFT=RIGHT`` as a pair.

    A column name may contain an equals sign, a field name may not: the field decides which sign separates.
    """

    def __init__(self, name: str, *, split_at_last: bool, allow_empty: bool = False) -> None:
        """Split at the last sign or at the first; with *allow_empty* the right side may be empty."""
        self.name = name
        self._split_at_last = split_at_last
        self._allow_empty = allow_empty

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return the two sides; the name of the field is stripped."""
        if isinstance(value, tuple):  # a default that click has converted before
            return (value[0], value[1])
        left, sign, right = value.rpartition("=") if self._split_at_last else value.partition("=")
        field = right if self._split_at_last else left
        if not sign or not left.strip() or not (field.strip() or self._allow_empty):
            self.fail(f"{value!r} does not have the form {self.name}.", param, ctx)
        return (left, right.strip()) if self._split_at_last else (left.strip(), right)


def choice_of(words: Iterable[StrEnum], *more: str) -> click.Choice[str]:
    """Return a choice of *more* and the values of *words*; click itself would use the names of the enum."""
    return click.Choice([*more, *(word.value for word in words)])


def _whole_number(text: str, *, least: int, what: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise ValueError(f"{text!r} is not {what}.")
    return int(text)


DURATION = _Duration()
SHARE = _Share()
MAX_ERRORS = _MaxErrors()
WINDOW = _Window()
DELIMITER = _Delimiter()
ENCODING = _Encoding()
TIME_ZONE = _TimeZone()
TRIGGER = _Trigger()
FAULT = _Fault()
CREDITS = LIMIT_OR_NONE = _NumberOrNone()
