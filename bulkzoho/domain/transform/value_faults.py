"""The one list of things that look like a value and are none, for every reader.  Pure.

``NaN``, infinity, ``NaT`` and ``pandas.NA`` have no JSON: a JSON encoder turns them into null, which clears a field of the CRM.
A NUL character and half of a surrogate pair are no text.  Readers refuse all of them; only an explicit null clears a field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

__all__ = [
    "BAD_TEXT",
    "BAD_VALUE",
    "NUL_IN_TEXT",
    "BadValueError",
    "Fault",
    "fault_of",
    "fault_of_number",
    "fault_of_text",
    "holds_encoded_nul",
    "is_numpy_scalar",
]

BAD_VALUE: Final = "BAD_VALUE"  # codes of rejected rows
BAD_TEXT: Final = "BAD_ENCODING"

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_NOT_FINITE: Final = frozenset({"nan", "inf", "-inf"})
_PANDAS_MARKERS: Final = {"NaTType": "NaT", "NAType": "pandas.NA"}


@dataclass(frozen=True, slots=True)
class Fault:
    """The reason why something is no value.

    Attributes:
        message: A sentence without its full stop, about the thing alone.
        code: The code of a rejected row.
        is_missing: Whether it marks a value that is not there, which a caller may want to leave out.
    """

    message: str
    code: str = BAD_VALUE
    is_missing: bool = False


class BadValueError(ValueError):
    """Raised where something is no value.

    Attributes:
        fault: The reason.
        path: The keys and indexes that lead to it, outermost first.
    """

    def __init__(self, fault: Fault, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.path = path

    def within(self, step: str | int) -> BadValueError:
        """Return the same error as seen from the list or mapping that holds the value at *step*."""
        return BadValueError(self.fault, (step, *self.path))


NUL_IN_TEXT: Final = Fault("the text contains a NUL character (U+0000)", BAD_TEXT)
_LONE_SURROGATE: Final = Fault("the text contains half of a surrogate pair, which is not valid Unicode", BAD_TEXT)


def fault_of_text(text: str) -> Fault | None:
    """Return the reason why *text* cannot be sent, None when it can."""
    if "\0" in text:
        return NUL_IN_TEXT
    if not text.isascii() and _SURROGATE.search(text):
        return _LONE_SURROGATE
    return None


def fault_of_number(number: float | Decimal) -> Fault | None:
    """Return the reason why *number* cannot be sent, None when it is finite."""
    if number.is_finite() if isinstance(number, Decimal) else math.isfinite(number):
        return None
    is_nan = number.is_nan() if isinstance(number, Decimal) else math.isnan(number)
    return _missing("nan" if is_nan else "inf" if number > 0 else "-inf")


def fault_of(value: Any) -> Fault | None:
    """Return the reason why *value*, of whatever library, cannot be sent; None when nothing is wrong with it itself.

    Lists and mappings are not looked into.
    """
    kind: type = type(value)
    check = _check_of(kind)
    return None if check is None else check(value)


def is_numpy_scalar(kind: type) -> bool:
    """Return whether *kind* is a scalar type of numpy, without importing numpy."""
    return any(base.__name__ == "generic" and base.__module__ == "numpy" for base in kind.__mro__)


@lru_cache(maxsize=256)
def _check_of(kind: type) -> Callable[[Any], Fault | None] | None:
    """Return what looks for faults in values of type *kind*; pandas is recognized by name, so that it need not be imported."""
    if issubclass(kind, str):
        return lambda value: fault_of_text(str.__str__(value))
    if issubclass(kind, float | Decimal):
        return fault_of_number
    if kind.__name__ in _PANDAS_MARKERS and kind.__module__.partition(".")[0] == "pandas":
        fault = _missing(_PANDAS_MARKERS[kind.__name__])
        return lambda _: fault
    return _fault_of_numpy if is_numpy_scalar(kind) else None


def _fault_of_numpy(value: Any) -> Fault | None:
    if value.dtype.kind in "mM":
        return _missing("NaT") if value != value else None  # noqa: PLR0124  NaT is not equal to itself
    is_float = value.dtype.kind == "f"
    return fault_of_number(float(text)) if is_float and (text := str(value)) in _NOT_FINITE else None  # arithmetic would warn


def holds_encoded_nul(encoded: bytes) -> bool:
    r"""Return whether a text in the JSON *encoded* holds ``\u0000``, and not a backslash that is followed by ``u0000``."""
    return b"\\u0000" in encoded and _ESCAPED_NUL.search(encoded) is not None


def _missing(name: str) -> Fault:
    return Fault(f"{name} is not a value", is_missing=True)
