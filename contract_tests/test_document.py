"""The spec itself: valid, consistent, and without mistakes other than the known ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from contract_tests.examples import examples
from contract_tests.rules import rule
from contract_tests.suite import Suite

#: The known mistakes in one version of the vendor's spec, by place; `others` are those in other versions.
KNOWN: dict[str, Any] = json.loads(files("contract_tests").joinpath("known_mistakes.json").read_text("utf-8"))


def schemas(node: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that looks like an object schema, with its place."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict):
            yield where, node
        for name, part in node.items():
            if name not in ("example", "examples"):
                yield from schemas(part, f"{where}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for number, part in enumerate(node):
            yield from schemas(part, f"{where}/{number}")


def is_the_known_version(suite: Suite) -> bool:
    return bool(suite.spec.raw["info"]["version"] == KNOWN["version"])


@rule("The spec is valid OpenAPI 3.1", "OpenAPI 3.1")
def test_the_spec_is_valid(suite: Suite) -> None:
    raw = suite.spec.raw
    assert raw.get("openapi", "").startswith("3.1"), f"it says it is OpenAPI {raw.get('openapi')}"
    for error in OpenAPIV31SpecValidator(raw).iter_errors():
        where = "#/" + "/".join(str(part) for part in getattr(error, "absolute_path", ()))
        suite.add_finding("The spec is valid OpenAPI 3.1", where, str(error).splitlines()[0])


@rule("Every example is valid under its schema, except those known to be invalid", "the spec's examples")
def test_no_example_is_bad_but_the_known_ones(suite: Suite) -> None:
    """Also fails when a known mistake is gone: then the list must be shortened."""
    bad, count = {}, 0
    for example in examples(suite.spec.raw):
        count += 1
        if problems := suite.spec.problems(example.schema, example.value, example.pointer):
            bad[example.pointer] = problems[0].message
    known = set(KNOWN["examples"])
    if not is_the_known_version(suite):
        for pointer in bad.keys() - known - set(KNOWN["others"]):
            suite.add_finding(f"The example at {pointer} satisfies its schema", pointer, bad[pointer])
        return
    for pointer in bad.keys() - known:
        suite.add_finding(f"The example at {pointer} satisfies its schema", pointer, bad[pointer])
    for pointer in known - bad.keys():
        suite.add_finding(
            f"The example at {pointer} is known to be invalid", pointer, "it is valid now, or gone: shorten the list"
        )
    assert count == KNOWN["count"], f"{count} examples and defaults were checked, {KNOWN['count']} are known"


@rule("Every required property is defined", "the spec's schemas")
def test_required_properties_are_defined(suite: Suite) -> None:
    found = {
        f"{where}/required/{name}"
        for where, schema in schemas(suite.spec.raw, "#")
        for name in schema.get("required", [])
        if name not in schema["properties"]
    }
    known = set(KNOWN["required"])
    for pointer in found ^ known if is_the_known_version(suite) else found - known:
        got = (
            "it is required and defined nowhere" if pointer in found else "it is defined now, or gone: shorten the list"
        )
        suite.add_finding(f"The property at {pointer} is as it is known to be", pointer, got)


@rule("Every operation has a unique id, requires an API key, and declares 401", "the spec's paths")
def test_operations_are_complete(suite: Suite) -> None:
    ids = Counter(operation.raw["operationId"] for operation in suite.spec.operations.values())
    listed = sum(
        name in ("get", "post", "put", "patch", "delete") for item in suite.spec.raw["paths"].values() for name in item
    )
    assert sum(ids.values()) == listed, "an operationId is used twice"
    for operation in suite.spec.operations.values():
        title = f"{operation.id} is complete"
        if operation.raw.get("security", suite.spec.raw.get("security")) != [{"ApiKeyAuth": []}]:
            suite.add_finding(title, operation.pointer, "it does not want the API key")
        for status in ("401", "2XX"):
            if not any(re.fullmatch(status.replace("X", r"\d"), known) for known in operation.raw["responses"]):
                suite.add_finding(title, f"{operation.pointer}/responses", f"it declares no {status}")


@rule("All parameters in a path are declared and required", "the spec's paths")
def test_path_parameters_are_declared(suite: Suite) -> None:
    for operation in suite.spec.operations.values():
        named = set(re.findall(r"\{([^}]+)\}", operation.path))
        declared = {row["name"] for row in operation.parameters if row["in"] == "path" and row.get("required") is True}
        assert named == declared, f"{operation.label}: the path names {named}, required parameters are {declared}"


@rule("All errors have the same schema", "#/components/schemas/ErrorBody")
def test_errors_have_one_shape(suite: Suite) -> None:
    for operation in suite.spec.operations.values():
        for status, response in operation.raw["responses"].items():
            if status.startswith("4"):
                shape = response.get("content", {}).get("application/json", {}).get("schema")
                assert shape == {"$ref": "#/components/schemas/ErrorBody"}, f"{operation.id} {status} has {shape}"


@rule("Every webhook's schema declares its own type", "the spec's webhooks")
def test_webhooks_name_their_type(suite: Suite) -> None:
    for name, schema in suite.spec.webhooks.items():
        assert schema["properties"]["type"].get("enum") == [name], f"{name} says {schema['properties']['type']}"
        assert "type" in schema["required"], f"{name} does not require its type"
