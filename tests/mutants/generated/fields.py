"""Every field of every response and webhook that the spec names, as paths such as `rankings.*.userName`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.mutants.fault import SPEC

JSON = Any


@dataclass(frozen=True)
class Field:
    """`path`: `*` stands for all members of a list or map. `types` by JSON Schema; empty when the schema names none."""

    path: str
    types: frozenset[str]
    format: str = ""

    @property
    def holder(self) -> str:
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    def may_be(self, *types: str) -> bool:
        return not self.types or not self.types.isdisjoint(types)


def fields_of(schema: JSON) -> list[Field]:
    """All fields of a schema, each once; what refers to itself is followed once."""
    found: dict[str, Field] = {}
    for field in _walk(schema, "", frozenset()):
        known = found.get(field.path)
        found[field.path] = Field(field.path, known.types | field.types, known.format) if known else field
    return list(found.values())


def _walk(schema: JSON, path: str, seen: frozenset[str]) -> Iterator[Field]:
    if "$ref" in schema:
        if schema["$ref"] not in seen:
            yield from _walk(SPEC.resolve(schema), path, seen | {schema["$ref"]})
        return
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _walk(part, path, seen)
    for name, value in schema.get("properties", {}).items():
        below = f"{path}.{name}" if path else name
        yield Field(below, _types(value), str(value.get("format", "")))
        yield from _walk(value, below, seen)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _walk(schema[name], f"{path}.*" if path else "*", seen)


def _types(schema: JSON) -> frozenset[str]:
    if "$ref" in schema:
        return _types(SPEC.resolve(schema))
    given = schema.get("type", ())
    found = {given} if isinstance(given, str) else set(given)
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        found |= _types(part)
    return frozenset(found)


@cache
def response_fields() -> dict[str, list[Field]]:
    """By operation: the fields of its success."""
    found = {}
    for name, operation in SPEC.operations.items():
        response = operation.raw["responses"][str(operation.success)]
        found[name] = fields_of(response["content"]["application/json"]["schema"])
    return found


@cache
def webhook_fields() -> dict[str, list[Field]]:
    """By type: the fields of its body, and the timestamp that every body carries."""
    stamp = Field("timestamp", frozenset({"string"}), "date-time")
    return {
        kind: [*fields_of(schema), *([] if "timestamp" in schema.get("properties", {}) else [stamp])]
        for kind, schema in SPEC.webhooks.items()
    }
