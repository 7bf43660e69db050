"""Where a spec contradicts itself, found by analysis: its own words, schemas and examples against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jsonschema_rs import Draft202012, Draft202012Validator, Registry, ValidationError

from mockserver.spec.compiler import resolve

HOME = "urn:spec"
EXAMPLES = ("example", "examples")
COMPOSITES = ("allOf", "oneOf", "anyOf")

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """`where` is a JSON pointer into the spec, `name` what is meant there, `said` the contradiction in words.

    `kind`: `required` (a required name that no property defines), `example` (breaks its schema), `undefined` (an
    example's field that no property defines), `condition` (an example's field where it does not apply) or
    `description` (words against schema). `times`: in how many places.
    """

    kind: str
    where: str
    name: str
    said: str
    times: int = 1


def contradictions(spec: Schema) -> list[Contradiction]:
    """All that analysis finds, each once, in the spec's order."""
    found: dict[tuple[str, str, str], Contradiction] = {}
    for one in (*_undefined_required(spec), *_descriptions(spec), *_examples(spec)):
        known = found.get((one.kind, one.where, one.name))
        found[one.kind, one.where, one.name] = replace(known, times=known.times + 1) if known else one
    return list(found.values())


def _nodes(thing: Any, where: str = "#") -> Iterator[tuple[str, Schema]]:
    """Every object of the spec with its pointer, but nothing inside examples."""
    if isinstance(thing, dict):
        yield where, thing
        for key, part in thing.items():
            if key not in EXAMPLES and not key.startswith("x-"):
                yield from _nodes(part, f"{where}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(thing, list):
        for index, part in enumerate(thing):
            yield from _nodes(part, f"{where}/{index}")


def _undefined_required(spec: Schema) -> Iterator[Contradiction]:
    for where, node in _nodes(spec):
        required = node.get("required")
        if isinstance(required, list) and "properties" in node:
            for name in required:
                if name not in _properties(_parts(spec, where, node)):
                    yield Contradiction("required", where, name, f"requires `{name}`, which no property defines")


def _parts(spec: Schema, where: str, schema: Schema) -> list[tuple[str, Schema]]:
    """A schema and all that it is composed of, references followed, each with its pointer."""
    if "$ref" in schema:
        where, schema = str(schema["$ref"]), resolve(spec, schema)
    parts = [(where, schema)]
    for composite in COMPOSITES:
        for index, part in enumerate(schema.get(composite, ())):
            parts += _parts(spec, f"{where}/{composite}/{index}", part)
    return parts


def _properties(parts: list[tuple[str, Schema]]) -> dict[str, tuple[str, Schema]]:
    return {
        name: (f"{where}/properties/{name}", one)
        for where, schema in parts
        for name, one in schema.get("properties", {}).items()
    }


def _descriptions(spec: Schema) -> Iterator[Contradiction]:
    for where, node in _nodes(spec):
        words = node.get("description")
        if isinstance(words, str):
            schema = resolve(spec, node.get("schema", node))
            for name, said in _against_words(words, node, schema):
                yield Contradiction("description", where, name, said)


def _against_words(words: str, node: Schema, schema: Schema) -> Iterator[tuple[str, str]]:
    """What a description promises and its schema does not keep: a name for it and a sentence."""
    if "any other value" in words and len(schema.get("enum", ())) == 1:
        yield "any other value", f"is described for “any other value”, but its schema allows only {schema['enum'][0]!r}"
    most = re.search(r"\b(?:up to|and) (\d+)\b", words)
    limit = schema.get("maxItems" if schema.get("type") == "array" else "maximum")
    if most and schema.get("type") in ("array", "integer") and limit != int(most[1]):
        yield "maximum", f"is described with a maximum of {most[1]}, which its schema does not state"
    if "annot be greater than" in words and "default" in schema and "maximum" not in schema:
        yield "default", f"has the default {schema['default']}, which its description may forbid: “{words}”"
    if re.search(r"\bis required\b", words) and node.get("required") is False:
        yield "required", "is “required” in its description and optional in fact"
    if re.search(r"YYYY-MM-DD|ISO 8601", words) and schema.get("type") == "string" and "format" not in schema:
        yield "format", "is described as a date, but its schema has no format"
    if words.startswith("Deprecated") and not node.get("deprecated"):
        yield "deprecated", "is deprecated in its description only"


def _examples(spec: Schema) -> Iterator[Contradiction]:
    registry = Registry([(HOME, {"components": spec.get("components", {})})], draft=Draft202012)
    for place, where, schema, value in _shown(spec):
        bare = {key: part for key, part in schema.items() if key not in EXAMPLES}
        validator = Draft202012Validator(_absolute(bare), registry=registry, validate_formats=True)
        for error in validator.iter_errors(value):
            yield _broken(error, place, where)
        yield from _fields(spec, place, _parts(spec, where, schema), value)


def _shown(spec: Schema) -> Iterator[tuple[str, str, Schema, Any]]:
    """Every example: its own pointer, its schema's, the schema, the value."""
    for where, node in _nodes(spec):
        beside = node.get("schema")
        schema, at = (beside, f"{where}/schema") if isinstance(beside, dict) else (node, where)
        if schema is node and not {"type", "$ref", *COMPOSITES} & {*node}:
            continue
        if "example" in node:
            yield f"{where}/example", at, schema, node["example"]
        many = node.get("examples", {})
        for name, one in many.items() if isinstance(many, dict) else enumerate(many):
            yield f"{where}/examples/{name}", at, schema, one["value"] if isinstance(many, dict) else one


def _absolute(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_absolute(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: f"{HOME}{part}" if key == "$ref" else _absolute(part) for key, part in schema.items()}


def _broken(error: ValidationError, place: str, where: str) -> Contradiction:
    """An example's fault, reported at the schema that it breaks."""
    *steps, keyword = error.schema_path
    inside = "/".join(str(step) for step in steps)
    at = f"#/{inside}" if inside.startswith("components/") else f"{where}/{inside}".rstrip("/")
    if keyword == "required":
        name = error.kind.as_dict()["property"]
        return Contradiction("example", at, name, f"requires `{name}`, but an example lacks it ({place})")
    return Contradiction("example", at, str(keyword), f"is broken by an example: {error.message[:100]} ({place})")


def _fields(spec: Schema, place: str, parts: list[tuple[str, Schema]], value: Any) -> Iterator[Contradiction]:
    """The fields of an example, at any depth, that are not defined or do not apply there."""
    if isinstance(value, list):
        for where, schema in parts:
            for one in value if "items" in schema else ():
                yield from _fields(spec, place, _parts(spec, f"{where}/items", schema["items"]), one)
    if not isinstance(value, dict):
        return
    defined = _properties(parts)
    others = [(where, schema["additionalProperties"]) for where, schema in parts if "additionalProperties" in schema]
    for name, inner in value.items():
        if name in defined:
            where, schema = defined[name]
            yield from _misapplied(where, schema, place, value)
            yield from _fields(spec, place, _parts(spec, where, schema), inner)
        elif others and isinstance(others[0][1], dict):
            yield from _fields(spec, place, _parts(spec, f"{others[0][0]}/additionalProperties", others[0][1]), inner)
        elif defined:
            owner = next(where for where, schema in parts if "properties" in schema)
            yield Contradiction("undefined", owner, name, f"does not define `{name}`, but an example has it ({place})")


def _misapplied(where: str, schema: Schema, place: str, value: Schema) -> Iterator[Contradiction]:
    """`only applicable if trigger = 'api'`, in an example whose trigger is another."""
    condition = re.search(r"only applicable if (\w+) = '(\w+)'", schema.get("description", ""))
    if condition and value.get(condition[1], condition[2]) != condition[2]:
        said = f"is only for {condition[1]} {condition[2]!r}, but an example of another has it ({place})"
        yield Contradiction("condition", where, condition[2], said)
