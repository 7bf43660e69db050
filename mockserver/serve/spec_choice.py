"""Which spec is served, and what of it the mock cannot serve: operations, webhooks, and fields of responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from jsonschema_rs import Draft202012Validator

import mockserver.api
from mockserver.spec import Operation, Spec, SpecError, functions_of, load, resource, spec_path
from mockserver.spec.binding import mismatches
from mockserver.spec.checked import check
from mockserver.spec.compiler import compiled_in_part, read
from mockserver.spec.operation import Check
from mockserver.webhooks.bodies import kinds_of

AnySpec = str | Path | Mapping[str, Any]

ADVICE = (
    "--partial serves the rest: unknown operations and webhooks are left out, and responses that lack fields are sent "
    "as they are."
)


class Gap(NamedTuple):
    """`subject`: an operationId or a type of webhook. `shape`: it is served, but breaks the spec's schema."""

    subject: str
    lacks: str
    shape: bool = False


def choose_spec(given: AnySpec | None, *, partial: bool = False) -> Spec:
    """The spec to serve: a file, one as data, or (None) the one that comes with the mock.

    SpecError for one that cannot be used, and for one of which something cannot be served, with all of that and
    what to do; with `partial` that is left out.
    """
    if given is None:
        return load(spec_path())
    name = str(given) if isinstance(given, str | Path) else "The spec"
    try:
        spec = compiled_in_part(_raw(given))
    except SpecError as error:
        raise SpecError(str(error) if name in str(error) else f"{name} cannot be used: {error}.") from error
    gaps_found = list(gaps(spec))
    if gaps_found and not partial:
        lines = "\n".join(f"  {gap.subject}: {gap.lacks}" for gap in gaps_found)
        raise SpecError(f"{name} (version {spec.version}) has what this mock lacks:\n{lines}\n{ADVICE}")
    return replace(without(spec, gaps_found), origin=name)


def _raw(given: AnySpec) -> dict[str, Any]:
    if isinstance(given, str | Path):
        return read(Path(given))
    spec = dict(given)
    check(orjson.dumps(spec), spec)
    return spec


def gaps(spec: Spec) -> Iterator[Gap]:
    """Everything that the mock lacks to serve it whole: what it has no code for, then what its payloads lack."""
    for name, why in spec.unusable.items():
        yield Gap(name.partition(" ")[2], f"the mock cannot use it, since it {why}")
    for name, why in mismatches(spec.operations, functions_of(mockserver.api)):
        operation = spec.operations[name]
        unknown = f"the mock has no {operation.method} {operation.path}"
        yield Gap(name, unknown if why.endswith("no function does") else why)
    for kind in spec.webhooks:
        if kind not in kinds_of(spec):
            yield Gap(kind, "the mock has no such webhook")
    yield from _breaches(spec)


def _breaches(spec: Spec) -> Iterator[Gap]:
    """What the mock's own example payloads break. They stand for all that it sends, so not every breach is found."""
    for file in sorted((resource("fixtures") / "examples").glob("*.json")):
        name, _, part = file.stem.rpartition(".")
        fault = None
        if part == "webhook" and name in spec.webhooks:
            fault = spec.webhooks[name].check(orjson.loads(file.read_bytes()))
        elif part.isdigit() and name in spec.operations and int(part) in spec.operations[name].checks:
            fault = spec.operations[name].check_response(int(part), orjson.loads(file.read_bytes()))
        if fault:
            status = "" if part == "webhook" else f" of status {part}"
            yield Gap(name, f"what the mock sends{status} breaks the spec at {fault}", shape=True)


def without(spec: Spec, gaps_found: list[Gap]) -> Spec:
    """The spec without what cannot be served; what breaks a schema is served without being held against it."""
    absent = {gap.subject for gap in gaps_found if not gap.shape}
    loose = {gap.subject for gap in gaps_found if gap.shape}
    return replace(
        spec,
        operations={
            name: _loosened(operation) if name in loose else operation
            for name, operation in spec.operations.items()
            if name not in absent
        },
        webhooks={
            kind: replace(webhook, check=ANYTHING) if kind in loose else webhook
            for kind, webhook in spec.webhooks.items()
            if kind not in absent
        },
        left_out=tuple(dict.fromkeys(gap.subject for gap in gaps_found)),
    )


ANYTHING = Check(Draft202012Validator({}))


def _loosened(operation: Operation) -> Operation:
    checks = {status: declared and ANYTHING for status, declared in operation.checks.items()}
    return replace(operation, checks=checks)
