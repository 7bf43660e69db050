"""The spec (the OpenAPI document): its operations, schemas and webhooks, and checks against them.

Everything is read from the spec alone: the suite has no second list of what is declared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema_rs

from contract_tests.alike import Names

METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")
JSON = Any

#: What the real service is known to send although the spec does not declare it: (operation, status).
LIVE_STATUSES = {("metrics_event", 202), ("metrics_event", 404), ("users_get", 404)}


@dataclass(frozen=True)
class Problem:
    """Something that the spec does not allow, and the place in the spec that says so."""

    source: str
    message: str


@dataclass(frozen=True)
class Operation:
    """An operation of the spec. `pointer` is its JSON pointer there."""

    id: str
    method: str
    path: str
    raw: dict[str, JSON] = field(repr=False)
    parameters: tuple[dict[str, JSON], ...] = field(repr=False)

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def pointer(self) -> str:
        return f"#/paths/{self.path.replace('/', '~1')}/{self.method.lower()}"

    @property
    def success(self) -> int:
        """The declared status of a success."""
        return next(int(status) for status in self.raw["responses"] if status.startswith("2"))

    @property
    def statuses(self) -> frozenset[int]:
        return frozenset(int(status) for status in self.raw["responses"])

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def body_schema(self) -> JSON | None:
        content = self.raw.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(self.path)))

    def parameter(self, name: str) -> dict[str, JSON] | None:
        return next((row for row in self.parameters if row["name"] == name), None)

    def request(self, arguments: dict[str, JSON]) -> tuple[str, dict[str, str]]:
        """The path with its query, and the headers, for arguments by the names in the spec."""
        path, query, headers = self.path, [], {}
        for name, value in arguments.items():
            row = self.parameter(name)
            if row is None:
                raise LookupError(f"{self.id} has no parameter {name}")
            if row["in"] == "path":
                path = path.replace("{" + name + "}", quote(str(value), safe=""))
            elif row["in"] == "header":
                headers[name] = str(value)
            else:
                query += [(name, _text(one)) for one in (value if isinstance(value, list) else [value])]
        return path + (f"?{urlencode(query)}" if query else ""), headers


def _text(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Spec:
    """The spec, with compiled checks. It raises no errors of its own: what is wrong is returned as `Problem`s."""

    def __init__(self, raw: dict[str, JSON]) -> None:
        self.raw = raw
        self.operations = {operation.id: operation for operation in _operations(raw)}
        self._checks: dict[str, jsonschema_rs.Draft202012Validator] = {}

    @classmethod
    def load(cls, path: Path) -> Spec:
        return cls(json.loads(path.read_text("utf-8")))

    def find(self, method: str, target: str) -> Operation | None:
        """The operation that a request is for; `target` is its path below the base path."""
        path = target.split("?", 1)[0]
        found = [o for o in self.operations.values() if o.method == method and o.pattern.fullmatch(path)]
        return min(found, key=lambda o: o.path.count("{"), default=None)

    def problems(self, schema: JSON, instance: JSON, source: str) -> list[Problem]:
        """What in `instance` the schema does not allow; `source` is the schema's place in the spec."""
        return [
            Problem(schema.get("$ref", source), f"{_where(error.instance_path)}: {error.message}")
            for error in self._check(schema, source).iter_errors(instance)
        ]

    def _check(self, schema: JSON, source: str) -> jsonschema_rs.Draft202012Validator:
        if source not in self._checks:
            whole = {**schema, "components": self.raw["components"]}
            self._checks[source] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._checks[source]

    def check_response(self, operation: Operation, status: int, media: str, content: bytes) -> list[Problem]:
        """Everything in a response that breaks the spec: status, content type, schema, and an empty error message."""
        source = f"{operation.pointer}/responses"
        declared = operation.raw["responses"].get(str(status))
        if declared is None and (operation.id, status) == ("metrics_event", 202):
            declared = operation.raw["responses"]["201"]
        if declared is None:
            if not is_live_status(operation, status):
                allowed = ", ".join(operation.raw["responses"])
                return [Problem(source, f"status {status} is not declared, only {allowed} are")]
            declared = {"content": {"application/json": {"schema": _ref("ErrorBody")}}}
        if media.split(";")[0].strip().lower() != "application/json":
            return [
                Problem(f"{source}/{status}/content", f"content type is {media or 'missing'}, not application/json")
            ]
        try:
            response = json.loads(content)
        except ValueError:
            return [Problem(f"{source}/{status}/content", "the body is not JSON")]
        schema = declared["content"]["application/json"]["schema"]
        found = self.problems(schema, response, f"{source}/{status}")
        return found or (_has_empty_error(response) if status >= 400 else [])

    @cached_property
    def webhooks(self) -> dict[str, JSON]:
        """Webhook type → schema of its body."""
        return {
            name: item["post"]["requestBody"]["content"]["application/json"]["schema"]
            for name, item in self.raw["webhooks"].items()
        }

    def check_webhook(self, body: JSON) -> list[Problem]:
        """Everything in a webhook's body that breaks the spec."""
        kind = body.get("type") if isinstance(body, dict) else None
        if kind not in self.webhooks:
            return [Problem("#/webhooks", f"type {kind!r} is not one of the spec's webhooks")]
        return self.problems(self.webhooks[kind], body, f"#/webhooks/{kind}")

    @cached_property
    def names(self) -> Names:
        """The fields that the spec names anywhere."""
        return Names(self.raw)

    def fields(self, schema: JSON, name: str = "") -> Iterator[str]:
        """Every field that a schema names, as `Schema.field`, each once."""
        yield from dict.fromkeys(self._fields(schema, name, frozenset()))

    def _fields(self, schema: JSON, name: str, seen: frozenset[str]) -> Iterator[str]:
        if "$ref" in schema:
            target = _schema_name(schema) or name
            if target not in seen:
                yield from self._fields(self.resolve(schema), target, seen | {target})
            return
        for part in [*schema.get("allOf", []), *schema.get("oneOf", [])]:
            yield from self._fields(part, name, seen)
        for key, value in schema.get("properties", {}).items():
            yield f"{name}.{key}"
            yield from self._fields(value, f"{name}.{key}", seen)
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                yield from self._fields(schema[key], name, seen)

    def fields_seen(self, schema: JSON, instance: JSON, name: str = "") -> Iterator[str]:
        """Those of `fields` that an instance really has."""
        if "$ref" in schema:
            yield from self.fields_seen(self.resolve(schema), instance, _schema_name(schema) or name)
            return
        for part in [*schema.get("allOf", []), *schema.get("oneOf", [])]:
            yield from self.fields_seen(part, instance, name)
        if isinstance(instance, list) and "items" in schema:
            for one in instance:
                yield from self.fields_seen(schema["items"], one, name)
        if isinstance(instance, dict):
            yield from self._members_seen(schema, instance, name)

    def _members_seen(self, schema: JSON, instance: dict[str, JSON], name: str) -> Iterator[str]:
        properties = schema.get("properties", {})
        for key, value in instance.items():
            if key in properties:
                yield f"{name}.{key}"
                yield from self.fields_seen(properties[key], value, f"{name}.{key}")
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from self.fields_seen(schema["additionalProperties"], value, name)

    def resolve(self, schema: JSON) -> JSON:
        """What a local reference points to."""
        found = self.raw
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found


def is_live_status(operation: Operation, status: int) -> bool:
    """Whether the real service is known to return this status although the spec does not declare it."""
    return status == 429 or (operation.id, status) in LIVE_STATUSES


def _operations(raw: dict[str, JSON]) -> Iterator[Operation]:
    shared = raw.get("components", {}).get("parameters", {})
    for path, item in raw["paths"].items():
        for method in METHODS:
            if method in item:
                rows = [*item.get("parameters", []), *item[method].get("parameters", [])]
                rows = [shared[row["$ref"].rsplit("/", 1)[1]] if "$ref" in row else row for row in rows]
                yield Operation(item[method]["operationId"], method.upper(), path, item[method], tuple(rows))


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schema_name(schema: JSON) -> str | None:
    return f"{schema['$ref'].rsplit('/', 1)[1]}" if "$ref" in schema else None


def _where(path: list[str | int]) -> str:
    return "/" + "/".join(str(part) for part in path) if path else "the body"


def _has_empty_error(response: JSON) -> list[Problem]:
    text = str(response.get("error", "")) if isinstance(response, dict) else ""
    if not text.strip():
        return [Problem("#/components/schemas/ErrorBody", f"the error message is empty: {text!r}")]
    return []
