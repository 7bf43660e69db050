"""The examples and defaults of the spec, and the schema that each of them should satisfy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

JSON = Any


class Example(NamedTuple):
    """A value at a place (a JSON pointer) and its schema."""

    pointer: str
    schema: JSON
    value: JSON


def examples(raw: JSON) -> Iterator[Example]:
    """Every example and default of a spec, in its order."""
    for section in ("paths", "webhooks"):
        for path, item in raw.get(section, {}).items():
            where = f"#/{section}/{_escaped(path)}"
            yield from _parameters(item, where)
            for method, operation in item.items():
                if isinstance(operation, dict) and "responses" in operation:
                    yield from _operation(operation, f"{where}/{method}")
    components = raw.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        yield from _schema(schema, f"#/components/schemas/{name}")
    for name, row in components.get("parameters", {}).items():
        yield from _holder(row, f"#/components/parameters/{name}")


def _operation(operation: JSON, where: str) -> Iterator[Example]:
    yield from _parameters(operation, where)
    yield from _content(operation.get("requestBody", {}), f"{where}/requestBody")
    for status, response in operation["responses"].items():
        yield from _content(response, f"{where}/responses/{status}")


def _parameters(owner: JSON, where: str) -> Iterator[Example]:
    for number, row in enumerate(owner.get("parameters", [])):
        yield from _holder(row, f"{where}/parameters/{number}")


def _content(owner: JSON, where: str) -> Iterator[Example]:
    for media, row in owner.get("content", {}).items():
        yield from _holder(row, f"{where}/content/{_escaped(media)}")


def _holder(row: JSON, where: str) -> Iterator[Example]:
    """A parameter or a media type: its own examples and those of its schema."""
    schema = row.get("schema")
    if schema is None:
        return
    if "example" in row:
        yield Example(f"{where}/example", schema, row["example"])
    for name, example in row.get("examples", {}).items():
        yield Example(f"{where}/examples/{_escaped(name)}/value", schema, example["value"])
    yield from _schema(schema, f"{where}/schema")


def _schema(schema: JSON, where: str) -> Iterator[Example]:
    if "example" in schema:
        yield Example(f"{where}/example", schema, schema["example"])
    if "default" in schema:
        yield Example(f"{where}/default", schema, schema["default"])
    for name, part in schema.get("properties", {}).items():
        yield from _schema(part, f"{where}/properties/{_escaped(name)}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _schema(schema[name], f"{where}/{name}")
    for name in ("allOf", "oneOf", "anyOf"):
        for number, part in enumerate(schema.get(name, [])):
            yield from _schema(part, f"{where}/{name}/{number}")


def _escaped(name: str) -> str:
    return str(name).replace("~", "~0").replace("/", "~1")
