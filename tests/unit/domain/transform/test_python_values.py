"""Python rows are encoded exactly, or refused with row and field."""

from __future__ import annotations

import enum
import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from bulkzoho.domain.transform.python_values import RowEncoder


class Colour(str, enum.Enum):  # noqa: UP042  its str() is another text than its value
    """Texts whose str() is not the value."""

    RED = "red"


class Level(enum.IntEnum):
    """Numbers with a name."""

    HIGH = 3


class Nothing(enum.Enum):
    """A member whose value is not a value."""

    NAN = float("nan")


class Text(str):
    """A str that shows another text."""

    __slots__ = ()

    def __str__(self) -> str:
        return "something else"


@dataclass
class Point:
    """A dataclass, which orjson would encode."""

    x: float


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (5, "5"),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        (0.1, "0.1"),
        (1e16, "1e+16"),
        ("é\n", '"é\\n"'),
        ("a\\u0000b", '"a\\\\u0000b"'),
        ("NaN", '"NaN"'),
        (Text("a"), '"a"'),
        (Decimal("1200.50"), "1200.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 1, 2), '"2026-01-02"'),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '"2026-01-02T03:04:05+00:00"'),
        (time(3, 4), '"03:04:00"'),
        (Colour.RED, '"red"'),
        (Level.HIGH, "3"),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (["a", None, 0.5], '["a",null,0.5]'),
        (("a", "b"), '["a","b"]'),
        ({"id": Decimal("0.10")}, '{"id":0.10}'),
        (types.MappingProxyType({"id": np.int64(1)}), '{"id":1}'),
        ([], "[]"),
        ({}, "{}"),
        (np.int64(5), "5"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.bool_(True), "true"),
        (np.str_("x"), '"x"'),
        (np.float64(0.1), "0.1"),
        (np.float32(0.1), "0.1"),
        (np.float32(1e20), "1e+20"),
        (np.float16(0.1), "0.1"),
        (np.longdouble("0.1"), "0.1"),
        (np.datetime64("2026-01-02"), '"2026-01-02"'),
        (np.datetime64("2026-01-02T03"), '"2026-01-02T03:00:00"'),
        (np.datetime64("2026-01-02T03:04:05.123456789"), '"2026-01-02T03:04:05.123456789"'),
        (pd.Timestamp("2026-01-02T03:04:05Z"), '"2026-01-02T03:04:05+00:00"'),
    ],
)
def test_a_value_is_encoded_exactly(value: Any, text: str) -> None:
    assert RowEncoder().encode({"F": value}).decode() == f'{{"F":{text}}}'


MISSING = [
    (float("nan"), "nan"),
    (float("inf"), "inf"),
    (float("-inf"), "-inf"),
    (Decimal("NaN"), "nan"),
    (Decimal("sNaN"), "nan"),
    (Decimal("-Infinity"), "-inf"),
    (np.float64("nan"), "nan"),
    (np.float32("nan"), "nan"),
    (np.float32("-inf"), "-inf"),
    (np.longdouble("inf"), "inf"),
    (np.datetime64("NaT"), "NaT"),
    (np.timedelta64("NaT"), "NaT"),
    (pd.NaT, "NaT"),
    (pd.NA, "pandas.NA"),
    (Nothing.NAN, "nan"),
]


@pytest.mark.parametrize(("value", "name"), MISSING)
def test_a_missing_value_is_refused_with_row_field_and_remedy(value: Any, name: str) -> None:
    encoder = RowEncoder()
    encoder.encode({"Rate": 1})

    with pytest.raises(ValueError, match=f"^row 2, field 'Rate': {name} is not a value. Use None to clear the field"):
        encoder.encode({"Name": "x", "Rate": value})


@pytest.mark.parametrize(("value", "_name"), MISSING)
def test_a_missing_value_that_is_skipped_leaves_no_key(value: Any, _name: str) -> None:
    encoder = RowEncoder("skip")

    assert encoder.encode({"Name": None, "Rate": value}) == b'{"Name":null}'
    assert encoder.encode({"Line": {"Rate": value, "id": "1"}}) == b'{"Line":{"id":"1"}}'
    assert encoder.encode({"Line": {"Rate": value}}) == b"{}"
    with pytest.raises(ValueError, match=r"^row 4, field 'Tags'\[1\]: .* Remove it from the list\."):
        encoder.encode({"Tags": ["a", value]})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0.5, float("nan")], r"'F'\[1\]: nan is not a value. Remove it from the list"),
        ([{"Quantity": float("nan")}], r"'F'\[0\]\['Quantity'\]: nan is not a value. Use None"),
        ("a\0b", r"'F': the text contains a NUL character \(U\+0000\). Remove it."),
        (np.str_("\0b"), "'F': the text contains a NUL"),
        (["\0"], r"'F'\[0\]: the text contains a NUL"),
        ("\ud800", "'F': the text contains half of a surrogate pair"),
        ({"a\0": 1}, r"'F'\['a\\x00'\]: the text contains a NUL"),
        ({"k": {1: 2}}, r"'F'\['k'\]: a key of the mapping is a int, not a str"),
        (b"x", "'F': a value of type bytes cannot be sent. Convert it"),
        ({"a"}, "'F': a value of type set"),
        (1j, "'F': a value of type complex"),
        (timedelta(1), "'F': a value of type datetime.timedelta"),
        (Point(float("nan")), "'F': a value of type .*Point cannot be sent"),
        (np.array([1.0]), "'F': a value of type numpy.ndarray"),
        (np.timedelta64(1, "D"), "'F': a value of type numpy.timedelta64"),
        (np.datetime64("2026-01"), "'F': a numpy.datetime64 without a day"),
        pytest.param(10**5000, "'F': the number has too many digits", id="digits"),
    ],
)
def test_an_invalid_value_is_refused_with_row_and_field(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^row 1, field {message}"):
        RowEncoder().encode({"F": value})


def test_values_nested_too_deeply_are_refused() -> None:
    deep: list[Any] = []
    endless: list[Any] = []
    endless.append(endless)
    for _ in range(400):
        deep = [deep]

    for value in (deep, endless):
        with pytest.raises(ValueError, match=r"^row 1.*nested too deeply"):
            RowEncoder().encode({"F": value})


@pytest.mark.parametrize("row", ["Last_Name", ("a", "b"), None, dict, 5])
def test_a_row_that_is_not_a_mapping_is_refused_with_its_number(row: Any) -> None:
    encoder = RowEncoder()
    encoder.encode({})

    with pytest.raises(ValueError, match=r"^row 2 is a .*, not a mapping from field names to values"):
        encoder.encode(row)


@pytest.mark.parametrize("row", [types.MappingProxyType({"A": 1}), pd.Series({"A": 1}), {np.str_("A"): 1}])
def test_any_mapping_is_a_row(row: Mapping[str, Any]) -> None:
    assert RowEncoder().encode(row) == b'{"A":1}'


def test_a_key_that_is_not_a_text_is_converted_to_one_unless_it_repeats() -> None:
    assert RowEncoder().encode({7: 1}) == b'{"7":1}'
    with pytest.raises(ValueError, match=r"^row 1, field '7': two keys"):
        RowEncoder().encode({7: 1, "7": 2})
    with pytest.raises(ValueError, match=r"^row 1, field 'a\\ud800': .* surrogate"):
        RowEncoder().encode({"a\ud800": 1})


def test_rows_of_a_data_frame_keep_their_numbers_and_missing_values_apart() -> None:
    frame = pd.DataFrame({"Name": ["a", "b"], "Rate": [0.1, float("nan")], "Since": [pd.Timestamp("2026-01-02"), pd.NaT]})
    encoder = RowEncoder("skip")

    lines = [encoder.encode(row) for row in frame.to_dict("records")]

    assert lines == [b'{"Name":"a","Rate":0.1,"Since":"2026-01-02T00:00:00"}', b'{"Name":"b"}']


def test_an_unknown_setting_for_missing_values_is_refused() -> None:
    word: Any = "ignore"

    with pytest.raises(ValueError, match='missing=\'ignore\': give "error" or "skip"'):
        RowEncoder(word)
