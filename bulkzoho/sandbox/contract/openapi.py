"""Load Zoho's OpenAPI 3.0 files as JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from bulkzoho.sandbox.contract.deviations import PARTIAL

__all__ = ["OpenApiDescription"]

_LOCAL = "oas:/"


class OpenApiDescription:
    """OpenAPI files of one folder.

    Raises:
        ImportError: jsonschema is not installed.
    """

    def __init__(self, folder: Path) -> None:
        from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # noqa: PLC0415 - a test dependency
        from referencing import Registry, Resource  # noqa: PLC0415 - as above
        from referencing.jsonschema import DRAFT202012  # noqa: PLC0415 - as above

        def retrieve(address: str) -> Resource[Any]:
            name = address.removeprefix(_LOCAL)
            dropped_keys = ("nullable", "required", "pattern") if name in PARTIAL else ("nullable",)
            return DRAFT202012.create_resource(self._to_json_schema(self._read(name), dropped_keys))

        self._folder = folder
        self._registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]  # an attrs alias
        self._validator_of = Draft202012Validator
        self.validator = lru_cache(maxsize=256)(self._validator)

    def violation(self, body: Any, file: str, schemas: Sequence[str]) -> str:
        """Return how *body* violates all of the *schemas*, or an empty string if it matches one."""
        if not (self._folder / file).exists():
            return ""
        errors = sorted(self.validator(file, tuple(schemas)).iter_errors(_without_nulls(body)), key=str)
        return "; ".join(f"{each.json_path}: {_most_specific(each)}" for each in errors[:3])

    def error_schemas(self, file: str) -> tuple[str, ...]:
        """Return the names of the error schemas in a file."""
        if not (self._folder / file).exists():
            return ()
        schemas = self._read(file)["components"]["schemas"]
        return tuple(name for name, schema in schemas.items() if "error" in _enum_values(schema, "status"))

    def _validator(self, file: str, schemas: tuple[str, ...]) -> Any:
        choices = [{"$ref": self._address(file, each)} for each in schemas]
        return self._validator_of(choices[0] if len(choices) == 1 else {"anyOf": choices}, registry=self._registry)

    def _address(self, file: str, schema: str) -> str:
        name, _, own = schema.rpartition("#")  # a schema of another file is prefixed with the file name
        return f"{_LOCAL}{name or file}#/components/schemas/{own}"

    @lru_cache(maxsize=32)  # noqa: B019 - one description per process
    def _read(self, name: str) -> Any:
        return json.loads((self._folder / name).read_text(encoding="utf-8"))

    def _to_json_schema(self, node: Any, dropped_keys: tuple[str, ...]) -> Any:
        """Convert an OpenAPI schema to JSON Schema; references to other files become local ones."""
        if isinstance(node, list):
            return [self._to_json_schema(each, dropped_keys) for each in node]
        if not isinstance(node, dict):
            return node
        schema = {
            ("anyOf" if key == "oneOf" else key): self._to_json_schema(value, dropped_keys)
            for key, value in node.items()
            if key not in dropped_keys or isinstance(value, dict)  # a property may have this name
        }
        reference = schema.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            file, _, inside = reference.rpartition("/v8.0/")[2].partition("#")
            if not (self._folder / file).exists():
                return {}  # the file is not available: accept anything
            schema["$ref"] = f"{_LOCAL}{file}#{inside}"
        properties = schema.get("properties")
        if isinstance(properties, dict) and isinstance(properties.get("message"), dict):
            properties["message"].pop("enum", None)
        return schema


def _enum_values(schema: dict[str, Any], name: str) -> list[str]:
    values = schema.get("properties", {}).get(name, {}).get("enum", [])
    return [str(each) for each in values]


def _most_specific(error: Any) -> str:
    """Return the message of the most specific cause of an error."""
    while error.context:
        error = max(error.context, key=lambda each: (len(each.absolute_path), -len(str(each.message))))
    return str(error.message)[:200]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
