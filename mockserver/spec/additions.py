"""Fields that newer official clients require, sent beside the spec's own: the rows of `fixtures/additions.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mockserver.spec.checked import SpecError

COMPOSITES = ("allOf", "oneOf", "anyOf")

Schemas = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Addition:
    """`schema` is a component of the spec, `field` its new field (`list[].field`: in each item of a list)."""

    schema: str
    field: str
    type: dict[str, Any]
    since: str
    why: str


def additions(path: Path) -> list[Addition]:
    """The rows of a file, in its order."""
    return [Addition(**row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["addition"]]


def in_force(schemas: Schemas, rows: Iterable[Addition]) -> list[Addition]:
    """Those that a spec with these component schemas lacks: what it has itself is its own.

    A row about a schema that the spec does not have is no row for this spec. SpecError names a row that
    contradicts the spec: another type, or a schema that allows no further fields.
    """
    found = []
    for row in rows:
        nodes = _nodes(schemas, row)
        if not nodes:
            continue
        own = next((node["properties"][_name(row)] for node in nodes if _name(row) in node.get("properties", {})), None)
        if own is not None:
            _assure_same_type(schemas, row, own)
            continue
        if any(node.get("additionalProperties") is False for node in nodes):
            raise _contradiction(row, "the spec allows no further fields there")
        found.append(row)
    return found


def extended(schemas: Schemas, rows: Iterable[Addition]) -> dict[str, Any]:
    """A copy of the component schemas in which the added fields are defined and required."""
    copy = deepcopy(dict(schemas))
    for row in rows:
        node = next(node for node in _nodes(copy, row) if "properties" in node)
        node["properties"][_name(row)] = row.type
        node["required"] = [*node.get("required", ()), _name(row)]
    return copy


def _name(row: Addition) -> str:
    return row.field.rpartition("[].")[2]


def _nodes(schemas: Schemas, row: Addition) -> list[dict[str, Any]]:
    """The parts of the schema that the field belongs to, its own first, those that it is composed of after them."""
    nodes = _parts(schemas, schemas.get(row.schema))
    for step in row.field.split("[].")[:-1]:
        lists = [node["properties"][step] for node in nodes if step in node.get("properties", {})]
        nodes = [part for one in lists for part in _parts(schemas, one.get("items"))]
    return nodes


def _parts(schemas: Schemas, node: Any) -> list[dict[str, Any]]:
    """Parts that belong to this schema alone come before those that it shares by reference."""
    if not isinstance(node, dict):
        return []
    if "$ref" in node:
        return _parts(schemas, schemas.get(node["$ref"].rpartition("/")[2]))
    inner = [part for composite in COMPOSITES for part in node.get(composite, ())]
    own, shared = [part for part in inner if "$ref" not in part], [part for part in inner if "$ref" in part]
    return [node, *(found for part in (*own, *shared) for found in _parts(schemas, part))]


def _assure_same_type(schemas: Schemas, row: Addition, own: dict[str, Any]) -> None:
    allowed = set(_types(schemas, own))
    if allowed and not {*_types(schemas, row.type)} <= allowed:
        wanted = " or ".join(_types(schemas, row.type))
        raise _contradiction(row, f"the spec says {' or '.join(sorted(allowed))}, not {wanted}")


def _types(schemas: Schemas, schema: Any) -> Iterator[str]:
    for part in _parts(schemas, schema):
        kinds = part.get("type", ())
        yield from [kinds] if isinstance(kinds, str) else kinds


def _contradiction(row: Addition, why: str) -> SpecError:
    return SpecError(f"fixtures/additions.toml adds `{row.field}` to {row.schema}, but {why}")
