"""The spec, loaded once: checked by openapi-core, indexed by operationId, its schemas compiled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import orjson
from jsonschema_rs import Draft202012, Draft202012Validator, Registry

from mockserver.spec.additions import Addition, additions, extended, in_force
from mockserver.spec.bodies import Body, within_limits
from mockserver.spec.checked import SpecError, check
from mockserver.spec.operation import Check, Operation
from mockserver.spec.parameters import Parameter, compile_parameter
from mockserver.spec.statuses import refusals

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DEFAULT_PREFIX = "/v1"  # for a spec whose server has no path
JSON_TYPE = "application/json"
TENANT = "Tenant-ID"  # opens a part of a world, before any operation is called (behaviour, section 1)

# Choice: the spec's default of 10 contradicts its "cannot be greater than the size of the leaderboard",
# so the operation itself says what an absent limit means (behaviour, section 8).
DEFAULTS_LEFT_TO_THE_OPERATION = {("leaderboards_get", "limit")}

RESPONSES, REQUESTS = "urn:responses", "urn:requests"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of the spec; `check` says where a body breaks its schema, or None."""

    type: str
    check: Check


@dataclass(frozen=True)
class Spec:
    """`raw` is the spec as JSON, `prefix` the path of its server, `/v1`.

    `additions`: fields that responses and webhooks must have beside the spec's own. `unusable`: operations and
    webhooks that are declared in a way that cannot be compiled, each with why. `origin`: where it was read from, when
    it is not the one that comes with the mock; `left_out`: what of it is not served, or not checked.
    """

    raw: dict[str, Any]
    prefix: str
    operations: dict[str, Operation]
    webhooks: dict[str, Webhook]
    additions: tuple[Addition, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        return str(self.raw["info"]["version"])


def resource(name: str) -> Path:
    """A file that comes with the package: beside it in a checkout, inside it in a wheel."""
    package = Path(__file__).parent.parent
    installed = package / "data" / name
    return installed if installed.exists() else package.parent / name


def spec_path() -> Path:
    """Where the vendor's spec lies."""
    return resource("openapi.json")


def load(path: Path | None = None) -> Spec:
    """Read, check and compile a spec (default: the vendor's). SpecError names file and fault."""
    path = path or spec_path()
    spec = read(path)
    try:
        return compiled(spec)
    except SpecError as error:
        raise SpecError(f"{path} cannot be used: {error}.") from error


def read(path: Path) -> dict[str, Any]:
    """A spec as it stands in a file, checked against OpenAPI. SpecError names file and fault."""
    try:
        raw = path.read_bytes()
        spec = orjson.loads(raw)
        if not isinstance(spec, dict):
            raise SpecError("it is not a JSON object")
        check(raw, spec)
    except OSError as error:
        raise SpecError(f"Cannot read {path}: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        raise SpecError(f"{path} is not JSON: {error}.") from error
    except SpecError as error:
        raise SpecError(f"{path} cannot be used: {error}.") from error
    return spec


def compiled(spec: dict[str, Any]) -> Spec:
    """What the mock serves from. SpecError names the operations and webhooks that it cannot serve, and why."""
    made = compiled_in_part(spec)
    if made.unusable:
        raise SpecError("; ".join(f"{name} {why}" for name, why in made.unusable.items()))
    return made


def compiled_in_part(spec: dict[str, Any]) -> Spec:
    """As much of it as can be compiled; `unusable` has the rest. SpecError for additions that contradict it."""
    return _Compiler(spec).compile()


class _Compiler:
    """Makes the parts of a spec; those who share a schema share its check."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        schemas = spec.get("components", {}).get("schemas", {})
        self.additions = in_force(schemas, additions(resource("fixtures") / "additions.toml"))
        responses = {"components": {"schemas": extended(schemas, self.additions)}}
        requests = within_limits({"components": {"schemas": schemas}})
        self.registry = Registry([(RESPONSES, responses), (REQUESTS, requests)], draft=Draft202012)
        self.compiled: dict[str, Draft202012Validator] = {}
        self.warned: set[str] = set()

    def compile(self) -> Spec:
        operations: dict[str, Operation] = {}
        unusable: dict[str, str] = {}
        for path, method, item, declared in operations_of(self.spec):
            name = declared.get("operationId", f"{method.upper()} {path} (which has no operationId)")
            try:
                operations[name] = self._operation(path, method, item, declared)
            except (ValueError, KeyError, jsonschema_rs.ReferencingError) as error:
                unusable[f"operation {name}"] = _first_line(error)
        webhooks = {}
        for kind, declared in webhooks_of(self.spec):
            try:
                webhooks[kind] = Webhook(kind, Check(self.validator(_json_schema(declared["requestBody"]), RESPONSES)))
            except (ValueError, KeyError, jsonschema_rs.ReferencingError) as error:
                unusable[f"webhook {kind}"] = _first_line(error)
        return Spec(self.spec, self._prefix(), operations, webhooks, tuple(self.additions), unusable)

    def _prefix(self) -> str:
        servers = self.spec.get("servers") or [{"url": "/"}]
        url: str = servers[0]["url"]
        return urlsplit(url).path.rstrip("/") or DEFAULT_PREFIX

    def _operation(self, path: str, method: str, item: Mapping[str, Any], declared: Mapping[str, Any]) -> Operation:
        if "operationId" not in declared:
            raise ValueError("cannot be bound to a function")
        checks = {int(status): self._response(response) for status, response in declared["responses"].items()}
        success = sorted(status for status in checks if 200 <= status < 300)
        if len(success) != 1 and success != [200, 201]:
            raise ValueError(f"must declare one 2xx status, or 200 and 201, but declares {len(success)}")
        return Operation(
            id=declared["operationId"],
            method=method.upper(),
            path=path,
            success=success[-1],
            unchanged=success[0],
            refusals=refusals(checks),
            parameters=tuple(self._parameters(item, declared)),
            body=self._body(method, declared.get("requestBody")),
            checks=checks,
        )

    def _parameters(self, item: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[Parameter]:
        """The operation's own parameters win over those of its path."""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for parameter in (*item.get("parameters", ()), *declared.get("parameters", ())):
            resolved = resolve(self.spec, parameter)
            found[resolved["name"], resolved["in"]] = resolved
        for (name, _), parameter in found.items():
            if name != TENANT:
                schema = dict(resolve(self.spec, parameter.get("schema", {})))
                if (declared["operationId"], name) in DEFAULTS_LEFT_TO_THE_OPERATION:
                    schema.pop("default", None)
                yield compile_parameter(parameter, schema)

    def _body(self, method: str, declared: Mapping[str, Any] | None) -> Body | None:
        if declared is None:
            return None
        declared = resolve(self.spec, declared)
        return Body(
            self.validator(within_limits(_json_schema(declared)), REQUESTS),
            required=bool(declared.get("required")),
            may_be_empty=method in ("put", "patch"),
            warned=self.warned,
        )

    def _response(self, declared: Mapping[str, Any]) -> Check | None:
        declared = resolve(self.spec, declared)
        return Check(self.validator(_json_schema(declared), RESPONSES)) if "content" in declared else None

    def validator(self, schema: Any, root: str) -> Draft202012Validator:
        """The compiled check of an inline schema whose references lead into `root`."""
        text = orjson.dumps(_at(root, schema)).decode()
        if text not in self.compiled:
            self.compiled[text] = Draft202012Validator(
                orjson.loads(text), registry=self.registry, validate_formats=True
            )
        return self.compiled[text]


def operations_of(
    spec: Mapping[str, Any],
) -> Iterator[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]]:
    """Path, method, path item and operation of everything under `paths`, in the spec's order."""
    for path, item in spec.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield path, method, item, item[method]


def webhooks_of(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Type and operation of every webhook, in the spec's order."""
    for kind, item in spec.get("webhooks", {}).items():
        for method in METHODS:
            if method in item:
                yield kind, item[method]


def resolve(spec: Mapping[str, Any], thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """`thing`, or what its reference into the spec leads to."""
    while "$ref" in thing:
        reference = thing["$ref"]
        found: Any = spec
        for step in reference.removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        thing = found
    return thing


def _json_schema(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    content = declared.get("content", {})
    if JSON_TYPE not in content:
        raise ValueError(f"must declare its body as {JSON_TYPE}")
    schema: Mapping[str, Any] = content[JSON_TYPE].get("schema", {})
    return schema


def _at(root: str, schema: Any) -> Any:
    """The schema with its local references made absolute, into `root`."""
    if isinstance(schema, list):
        return [_at(root, part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"{root}{part}" if key == "$ref" and isinstance(part, str) and part.startswith("#") else _at(root, part)
        for key, part in schema.items()
    }


def _first_line(error: Exception) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"refers to {text}, which does not exist" if isinstance(error, KeyError) else text.rstrip(".")
