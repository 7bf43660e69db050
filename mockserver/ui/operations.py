"""An OpenAPI document as the page reads it: its operations by group, and a request that each of them takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

JSON = Any
METHODS = ("get", "post", "put", "patch", "delete")
DEEPEST = 6  # schemas within schemas that an example is made from


class Input(NamedTuple):
    """A parameter of an operation, with its example as text."""

    name: str
    place: str
    required: bool
    says: str
    example: str
    options: tuple[str, ...]


class Op(NamedTuple):
    """An operation. `prefix` stands before its path; `body` None: it takes none."""

    id: str
    method: str
    path: str
    prefix: str
    group: str
    summary: str
    description: str
    inputs: tuple[Input, ...]
    body: JSON
    statuses: tuple[tuple[str, str], ...]

    def address(self, values: dict[str, str]) -> tuple[str, str]:
        """Path and query with these values, by name; parameters without a value are left out."""
        path = self.path
        for row in self.inputs:
            if row.place == "path":
                path = path.replace(f"{{{row.name}}}", quote(values.get(row.name, ""), safe=""))
        pairs = [(row.name, values[row.name]) for row in self.inputs if row.place == "query" and values.get(row.name)]
        return self.prefix + path, urlencode(pairs)

    def headers(self, values: dict[str, str]) -> dict[str, str]:
        return {row.name: values[row.name] for row in self.inputs if row.place == "header" and values.get(row.name)}

    @property
    def example(self) -> dict[str, str]:
        """Values of the parameters without which it cannot be called."""
        return {row.name: row.example for row in self.inputs if row.required}


def prefix_of(spec: JSON) -> str:
    """The path of the API's server, such as `/v1`."""
    servers = spec.get("servers") or [{"url": ""}]
    return urlsplit(servers[0]["url"]).path.rstrip("/") or "/v1"


def operations(spec: JSON, prefix: str) -> list[Op]:
    """In the spec's order."""
    return [_op(spec, prefix, path, method, item) for path, method, item in _items(spec)]


def find(spec: JSON, prefix: str, id: str) -> Op | None:
    return next((op for op in operations(spec, prefix) if op.id == id), None)


def _items(spec: JSON) -> Iterator[tuple[str, str, JSON]]:
    for path, item in spec["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item


def _op(spec: JSON, prefix: str, path: str, method: str, item: JSON) -> Op:
    declared = item[method]
    given = [resolve(spec, row) for row in (*item.get("parameters", ()), *declared.get("parameters", ()))]
    return Op(
        id=declared["operationId"],
        method=method.upper(),
        path=path,
        prefix=prefix,
        group=(declared.get("tags") or ["Other"])[0],
        summary=declared.get("summary", ""),
        description=declared.get("description", ""),
        inputs=tuple(_input(spec, row) for row in given if row["name"] != "Tenant-ID"),
        body=_body(spec, declared.get("requestBody")),
        statuses=tuple((status, response.get("description", "")) for status, response in declared["responses"].items()),
    )


def _input(spec: JSON, row: JSON) -> Input:
    schema = resolve(spec, row.get("schema", {}))
    example = row.get("example", sample(spec, schema) if row.get("required") else "")
    if isinstance(example, list):
        example = ",".join(map(str, example))
    options = tuple(map(str, schema.get("enum", ())))
    return Input(
        row["name"], row["in"], bool(row.get("required")), row.get("description", ""), str(example or ""), options
    )


def _body(spec: JSON, declared: JSON | None) -> JSON:
    if declared is None:
        return None
    content = resolve(spec, declared)["content"]["application/json"]
    for example in content.get("examples", {}).values():
        return example["value"]
    return content.get("example", sample(spec, content.get("schema", {})))


def resolve(spec: JSON, thing: JSON) -> JSON:
    """What a reference refers to; anything else as it is."""
    while isinstance(thing, dict) and "$ref" in thing:
        target = spec
        for step in thing["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        thing = target
    return thing


def sample(spec: JSON, schema: JSON, depth: int = 0) -> JSON:
    """A value that the schema allows, from its own examples where it has some."""
    schema = resolve(spec, schema)
    if not isinstance(schema, dict) or depth > DEEPEST:
        return {}
    for name in ("example", "default", "const"):
        if name in schema:
            return schema[name]
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return sample(spec, schema[name][0], depth + 1)
    if "allOf" in schema:
        parts = [sample(spec, part, depth + 1) for part in schema["allOf"]]
        return {name: value for part in parts if isinstance(part, dict) for name, value in part.items()}
    return _by_type(spec, schema, depth)


def _by_type(spec: JSON, schema: JSON, depth: int) -> JSON:
    kind = schema.get("type", "object" if "properties" in schema else None)
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        wanted = schema.get("required", ())
        return {
            name: sample(spec, part, depth + 1)
            for name, part in schema.get("properties", {}).items()
            if name in wanted or resolve(spec, part).get("example") is not None
        }
    if kind == "array":
        return [sample(spec, schema.get("items", {}), depth + 1)]
    plain: dict[Any, JSON] = {"string": "text", "integer": 1, "number": 1, "boolean": True}
    return plain.get(kind)
