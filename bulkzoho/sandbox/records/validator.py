"""Validate one record of a call against its module; the first error rejects it."""

from __future__ import annotations

from typing import Any

from bulkzoho.sandbox.records.field_checks import Check, CheckContext, compile_check
from bulkzoho.sandbox.records.record_errors import RecordRefusedError, cleared, invalid, missing, wrong_type
from bulkzoho.sandbox.state.schema import CrmModule
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior

__all__ = ["RecordChecker"]

_NOT_FIELDS = {"id", "Layout", "Wizard"}  # keys that are not fields, like all keys that begin with $


class RecordChecker:
    """Compiled validators of one module."""

    def __init__(self, crm_module: CrmModule, context: CheckContext) -> None:
        self._checks: dict[str, Check] = {
            each.api_name: compile_check(each, context) for each in crm_module.fields if each.writable
        }
        self._read_only = {each.api_name for each in crm_module.fields if not each.writable}
        self._mandatory = tuple(each.api_name for each in crm_module.fields if each.mandatory)
        self._strict = context.strict

    def values(self, record: Any) -> dict[str, Any]:
        """Return the values to store, by field; None clears a field.

        Raises:
            RecordRefusedError: the record or a value is invalid.
        """
        if type(record) is not dict:
            raise wrong_type("jsonobject")
        checks, values, name = self._checks, {}, ""
        try:
            for name, value in record.items():
                if name not in checks:
                    self._check_unknown(name)
                else:
                    values[name] = None if value is None else checks[name](value)
        except RecordRefusedError as rejection:
            rejection.api_name = name
            raise
        return values

    def all_errors(self, record: dict[str, Any], *, is_new: bool) -> list[RecordRefusedError]:
        """Return all errors of *record*; ``values`` stops at the first."""
        errors = []
        for name, value in record.items():
            check = self._checks.get(name)
            if check is not None and value is not None:
                try:
                    check(value)
                except RecordRefusedError as rejection:
                    rejection.api_name = name
                    errors.append(rejection)
        required = self._mandatory if is_new else [each for each in self._mandatory if each in record]
        return [*(missing(each) for each in required if record.get(each) in (None, "")), *errors]

    def require_mandatory(self, values: dict[str, Any]) -> None:
        """Check that a new record has all mandatory fields.

        Raises:
            RecordRefusedError: MANDATORY_NOT_FOUND for the first missing field.
        """
        for name in self._mandatory:
            if values.get(name) is None:
                raise missing(name)

    def forbid_clearing(self, values: dict[str, Any]) -> None:
        """Check that a change clears no mandatory field.

        Raises:
            RecordRefusedError: the code of the switch ``clearing_code`` for the first cleared field.
        """
        for name in self._mandatory:
            if name in values and values[name] is None:
                raise cleared(name, self._strict.clearing_code)

    def _check_unknown(self, name: str) -> None:
        if name in _NOT_FIELDS or name.startswith("$"):
            return
        handling = self._strict.read_only_fields if name in self._read_only else self._strict.unknown_fields
        if handling is HandlingBehavior.REFUSE:
            raise invalid()
