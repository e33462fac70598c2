"""Builders of fields by type, with the maximum lengths of zoho-api section 6.1."""

from __future__ import annotations

from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = [
    "boolean",
    "currency",
    "date",
    "date_time",
    "email",
    "integer",
    "lookup",
    "multi",
    "number",
    "phone",
    "pick",
    "system_fields",
    "text",
    "textarea",
    "website",
]


def text(api_name: str, length: int = 255, *, mandatory: bool = False, unique: bool = False, custom: bool = False) -> Field:
    """Build a single-line text field."""
    return Field(
        api_name=api_name,
        data_type=DataType.TEXT,
        length=length,
        mandatory=mandatory,
        unique=unique,
        custom=custom,
    )


def textarea(api_name: str, length: int = 32_000, *, custom: bool = False) -> Field:
    """Build a multi-line text field."""
    kind = "small" if length <= 2_000 else "large"  # noqa: PLR2004 - the maximum length of "small"
    return Field(api_name=api_name, data_type=DataType.TEXTAREA, length=length, custom=custom, textarea=kind)


def email(api_name: str) -> Field:
    """Build an e-mail field."""
    return Field(api_name=api_name, data_type=DataType.EMAIL, length=100)


def phone(api_name: str, *, custom: bool = False) -> Field:
    """Build a phone number field."""
    return Field(api_name=api_name, data_type=DataType.PHONE, length=30, custom=custom)


def website(api_name: str, *, custom: bool = False) -> Field:
    """Build a URL field."""
    return Field(api_name=api_name, data_type=DataType.WEBSITE, length=450, custom=custom)


def pick(api_name: str, *values: str, restricted: bool = True, mandatory: bool = False, custom: bool = False) -> Field:
    """Build a picklist."""
    return Field(
        api_name=api_name,
        data_type=DataType.PICKLIST,
        length=120,
        values=values,
        restricted=restricted,
        mandatory=mandatory,
        custom=custom,
    )


def multi(api_name: str, *values: str) -> Field:
    """Build a multi-select picklist."""
    return Field(api_name=api_name, data_type=DataType.MULTI_PICKLIST, length=4_000, values=values, custom=True)


def integer(api_name: str, *, big: bool = False, custom: bool = False) -> Field:
    """Build an integer field of 9 or 18 digits."""
    if big:
        return Field(api_name=api_name, data_type=DataType.BIGINT, length=18, custom=custom)
    return Field(api_name=api_name, data_type=DataType.INTEGER, length=9, custom=custom)


def number(api_name: str, *, decimals: int = 9, custom: bool = True) -> Field:
    """Build a decimal field."""
    return Field(api_name=api_name, data_type=DataType.DOUBLE, length=16, decimal_place=decimals, custom=custom)


def currency(api_name: str, *, custom: bool = False) -> Field:
    """Build a currency field; decimals beyond the second are truncated."""
    return Field(api_name=api_name, data_type=DataType.CURRENCY, length=16, decimal_place=2, custom=custom)


def boolean(api_name: str, *, custom: bool = False) -> Field:
    """Build a boolean field."""
    return Field(api_name=api_name, data_type=DataType.BOOLEAN, length=5, custom=custom)


def date(api_name: str, *, custom: bool = False) -> Field:
    """Build a date field."""
    return Field(api_name=api_name, data_type=DataType.DATE, length=20, custom=custom)


def date_time(api_name: str, *, custom: bool = False) -> Field:
    """Build a date-time field."""
    return Field(api_name=api_name, data_type=DataType.DATETIME, length=120, custom=custom)


def lookup(api_name: str, target: str, *, custom: bool = False) -> Field:
    """Build a lookup field."""
    return Field(api_name=api_name, data_type=DataType.LOOKUP, length=120, target=target, custom=custom)


def system_fields(*, full_name: bool = False) -> tuple[Field, ...]:
    """Build the system fields of a module: owner, creator, modifier and both times."""
    fields = [
        Field(api_name="Owner", data_type=DataType.OWNER, length=120),
        Field(api_name="Created_By", data_type=DataType.OWNER, length=120, writable=False),
        Field(api_name="Modified_By", data_type=DataType.OWNER, length=120, writable=False),
        Field(api_name="Created_Time", data_type=DataType.DATETIME, length=120, writable=False),
        Field(api_name="Modified_Time", data_type=DataType.DATETIME, length=120, writable=False),
        Field(api_name="Tag", data_type=DataType.TEXT, length=2_000, writable=False),
    ]
    if full_name:
        fields.append(Field(api_name="Full_Name", data_type=DataType.TEXT, length=120, writable=False))
    return tuple(fields)
