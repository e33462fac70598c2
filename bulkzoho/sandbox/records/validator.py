"""Check one record of a call against its module: the first thing that is wrong refuses it."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.records.field_checks import Check, CheckContext, compile_check
from bulkzoho.sandbox.records.record_errors import RecordRefusedError, cleared, invalid, missing, wrong_type
from bulkzoho.sandbox.state.schema import CrmModule
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior

__all__ = ["RecordChecker"]

_NOT_FIELDS = {"id", "Layout", "Wizard"}  # keys of a record that are no fields; so are all that begin with $


class RecordChecker:
    """The checks of one module, made once."""

    def __init__(self, crm_module: CrmModule, context: CheckContext) -> None:
        self._checks: dict[str, Check] = {
            each.api_name: compile_check(each, context) for each in crm_module.fields if each.writable
        }
        self._read_only = {each.api_name for each in crm_module.fields if not each.writable}
        self._mandatory = tuple(each.api_name for each in crm_module.fields if each.mandatory)
        self._strict = context.strict

    def values(self, record: Any) -> dict[str, Any]:
        """Give what *record* asks to be stored, by field; None clears a field.

        Raises:
            RecordRefusedError: a value, or the record itself, is not acceptable.
        """
        if type(record) is not dict:
            raise wrong_type("jsonobject")
        checks, values, name = self._checks, {}, ""
        try:
            for name, value in record.items():
                if name not in checks:
                    self._refuse_unknown(name)
                else:
                    values[name] = None if value is None else checks[name](value)
        except RecordRefusedError as refused:
            refused.api_name = name
            raise
        return values

    def refusals(self, record: dict[str, Any], *, is_new: bool) -> list[RecordRefusedError]:
        """Give everything that is wrong with *record*, where a bulk write tells it all; ``values`` stops at the first."""
        found = []
        for name, value in record.items():
            check = self._checks.get(name)
            if check is not None and value is not None:
                try:
                    check(value)
                except RecordRefusedError as refused:
                    refused.api_name = name
                    found.append(refused)
        needed = self._mandatory if is_new else [each for each in self._mandatory if each in record]
        return [*(missing(each) for each in needed if record.get(each) in (None, "")), *found]

    def refuse_incomplete(self, values: dict[str, Any]) -> None:
        """Refuse a new record that lacks a mandatory field.

        Raises:
            RecordRefusedError: MANDATORY_NOT_FOUND, naming the first.
        """
        for name in self._mandatory:
            if values.get(name) is None:
                raise missing(name)

    def refuse_clearing(self, values: dict[str, Any]) -> None:
        """Refuse a change that clears a mandatory field.

        Raises:
            RecordRefusedError: MANDATORY_NOT_FOUND or what the settings say, naming the first.
        """
        for name in self._mandatory:
            if name in values and values[name] is None:
                raise cleared(name, self._strict.clearing_code)

    def _refuse_unknown(self, name: str) -> None:
        if name in _NOT_FIELDS or name.startswith("$"):
            return
        handling = self._strict.read_only_fields if name in self._read_only else self._strict.unknown_fields
        if handling is HandlingBehavior.REFUSE:
            raise invalid()
