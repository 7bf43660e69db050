"""Faults of what comes in: each parameter, header and body field of each operation, and texts changed on their way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, unquote

from tests.mutants.fault import SPEC, ClientRequest, Fault, Forward, Memory, Plant, ServerResponse, at
from tests.mutants.generated.changes import DECODED, TEXTS, Change
from tests.mutants.generated.fields import Field, fields_of

JSON = Any
PARAMETER, TEXT, REMEMBERED = "a parameter", "an identifier or text", "what is remembered"
DAY = 24 * 3_600_000
Amend = Callable[[ClientRequest, Memory], ClientRequest]


def planted(amend: Amend, operations: set[str] | None = None) -> Plant:
    """Changes requests of these operations (of all) before they arrive. A request that cannot be changed stays."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        if request.operation is not None and (operations is None or request.operation in operations):
            with suppress(ValueError, RecursionError):
                request = amend(request, memory)
        return await forward(request)

    return plant


# Parameters


def of_query(name: str, change: Callable[[list[str]], list[str]]) -> Amend:
    """`change` gets all values of a query parameter."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        given = [value for key, value in request.parameters if key == name]
        if not given or (wanted := change(given)) == given:
            return request
        rest = [(key, value) for key, value in request.parameters if key != name]
        return request.with_parameters([*rest, *((name, value) for value in wanted)])

    return amend


def of_header(name: str, change: Callable[[list[str]], list[str]]) -> Amend:
    key = name.lower()

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        given = request.headers.get(key)
        if given is None:
            return request
        wanted = change([given])
        rest = {known: value for known, value in request.headers.items() if known != key}
        return replace(request, headers=rest | ({key: _header(wanted[0])} if wanted else {}))

    return amend


def _header(text: str) -> str:
    return text.encode("latin-1", "ignore").decode("latin-1")


def of_path(place: int, change: Change) -> Amend:
    """`place`: which part of the path."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        parts = request.path.split("/")
        try:
            wanted = change(unquote(parts[place], errors="strict"))
        except UnicodeDecodeError:
            return request
        return replace(request, path="/".join([*parts[:place], quote(wanted, safe=""), *parts[place + 1 :]]))

    return amend


def of_body(path: str, change: Change, *, drop: bool = False) -> Amend:
    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        content = copy.deepcopy(request.json)
        for holder, key in at(content, path):
            if drop:
                del holder[key]
            else:
                holder[key] = change(holder[key])
        return request if content == request.json else request.with_json(content)

    return amend


def _each(change: Change) -> Callable[[list[str]], list[str]]:
    return lambda values: [change(value) for value in values]


def _moved(by: int) -> Change:
    """A number or a day, moved."""

    def change(value: JSON) -> JSON:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value + by
        if isinstance(value, str) and value.lstrip("-").isdecimal():
            return str(int(value) + by)
        try:
            return (date.fromisoformat(value) + timedelta(days=by)).isoformat()
        except (TypeError, ValueError):
            return value

    return change


def _moved_at(edges: list[int], by: int) -> Change:
    """A number at its edge only."""
    return lambda value: str(int(value) + by) if value.lstrip("-").isdecimal() and int(value) in edges else value


def _changes(schema: JSON) -> Iterator[tuple[str, Change]]:
    """What may go wrong with one value of a parameter."""
    kind = schema.get("type")
    if kind == "integer":
        edges = [schema[name] for name in ("minimum", "maximum") if name in schema]
        yield "one too many", _moved(1)
        yield "one too few", _moved(-1)
        if "maximum" in schema:
            yield "off by one at its edge", _moved_at(edges[-1:], 1)
        if "minimum" in schema:
            yield "off by one at its lower edge", _moved_at(edges[:1], -1)
    elif schema.get("format") == "date":
        yield "one day late", _moved(1)
        yield "one day early", _moved(-1)
    elif "enum" in schema:
        yield from ((f"always {value}", _always(value)) for value in schema["enum"][:3])
        yield "in any case", str.lower
    else:
        yield from TEXTS.items()
        yield from DECODED.items()


def _always(value: str) -> Change:
    return lambda given: value


def parameters() -> Iterator[Fault]:
    for operation in SPEC.operations.values():
        for row in operation.parameters:
            name, schema = row["name"], row["schema"]
            title = f"{operation.id} {name}"
            if row["in"] == "path":
                place = operation.path.split("/").index("{" + name + "}")
                for what, change in {**TEXTS, **DECODED}.items():
                    yield _fault(f"{title}: {what}", of_path(place, change), operation.id)
                continue
            make = of_header if row["in"] == "header" else of_query
            yield _fault(f"{title}: ignored", make(name, lambda values: []), operation.id)
            yield _fault(f"{title}: only the first", make(name, lambda values: values[:1]), operation.id)
            yield _fault(f"{title}: only the last", make(name, lambda values: values[-1:]), operation.id)
            yield _fault(f"{title}: only before a comma", make(name, _each(lambda v: v.split(",")[0])), operation.id)
            for what, change in _changes(schema.get("items", schema)):
                yield _fault(f"{title}: {what}", make(name, _each(change)), operation.id)


def _fault(name: str, amend: Amend, operation: str) -> Fault:
    return Fault(name, PARAMETER, planted(amend, {operation}), about=operation)


# Bodies


def bodies() -> Iterator[Fault]:
    for operation in SPEC.operations.values():
        if operation.body_schema is None:
            continue
        for field in _written(operation.body_schema):
            title = f"{operation.id} body {field.path}"
            yield _fault(f"{title}: ignored", of_body(field.path, lambda value: value, drop=True), operation.id)
            for what, change in _of_value(field):
                yield _fault(f"{title}: {what}", of_body(field.path, change), operation.id)


def _written(schema: JSON) -> list[Field]:
    """The fields of a body, and what its maps hold."""
    found = fields_of(schema)
    maps = [Field(f"{one.path}.*", frozenset({"string"})) for one in found if one.name == "attributes"]
    lists = [Field(f"{one.path}.*", frozenset({"string"})) for one in found if one.name == "deviceTokens"]
    return [*found, *maps, *lists]


def _of_value(field: Field) -> Iterator[tuple[str, Change]]:
    if field.may_be("string") and field.name not in ("attributes",):
        yield from TEXTS.items()
        yield "null", lambda value: None
    if field.may_be("number", "integer"):
        yield "cut", lambda value: int(value) if isinstance(value, float) else value
        yield "rounded", lambda value: round(value, 2) if isinstance(value, float) else value
        yield "never below 0", lambda value: max(0, value) if isinstance(value, int | float) else value
        yield "at most 2^31", lambda value: min(2**31 - 1, value) if isinstance(value, int | float) else value
        yield "one too many", _moved(1)
    if field.may_be("array"):
        yield "only the first", lambda value: value[:1] if isinstance(value, list) else value
        yield "only the last", lambda value: value[-1:] if isinstance(value, list) else value
        yield "each once", lambda value: list(dict.fromkeys(value)) if isinstance(value, list) else value
    if field.may_be("boolean"):
        yield "negated", lambda value: not value if isinstance(value, bool) else value
        yield "always true", lambda value: True
    if field.name == "attributes":
        yield "only the first", lambda value: dict(list(value.items())[:1]) if isinstance(value, dict) else value
        yield (
            "without empty ones",
            lambda value: {key: one for key, one in value.items() if one != ""} if isinstance(value, dict) else value,
        )


# Identifiers, wherever they are


def user_ids(change: Change) -> Amend:
    """A user's id in whatever place of a request it stands."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        if request.path.startswith("/users/"):
            request = of_path(2, change)(request, memory)
        for name in ("userIds", "userId"):
            request = of_query(name, _each(change))(request, memory)
        return of_body("user.id", change)(of_body("id", change)(request, memory), memory)

    return amend


def keys(change: Change) -> Amend:
    """A key of the catalog in a path."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        found = SPEC.operations[request.operation] if request.operation else None
        if found is None or "{key}" not in found.path:
            return request
        return of_path(found.path.split("/").index("{key}"), change)(request, memory)

    return amend


def tenants(change: Change) -> Amend:
    return of_header("tenant-id", _each(change))


def api_keys(change: Change) -> Amend:
    return of_header("x-api-key", _each(change))


def identifiers() -> Iterator[Fault]:
    kinds = {"user ids": user_ids, "keys": keys, "tenants": tenants, "API keys": api_keys}
    for title, make in kinds.items():
        for what, change in {**TEXTS, **DECODED}.items():
            yield Fault(f"{title}: {what}", TEXT, planted(make(change)))
    for what, change in TEXTS.items():
        yield Fault(f"idempotency keys: {what}", TEXT, planted(of_header("idempotency-key", _each(change))))
        yield Fault(f"attribute values: {what}", TEXT, planted(_attribute_values(change)))
    yield Fault("API keys: any with the right beginning", TEXT, planted(_alike(9)))
    yield Fault("tenants: ignored", TEXT, planted(of_header("tenant-id", lambda values: ["one"])))


def _attribute_values(change: Change) -> Amend:
    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        for path in ("attributes.*", "user.attributes.*"):
            request = of_body(path, change)(request, memory)
        return of_query("userAttributes", _each(change))(request, memory)

    return amend


def _alike(length: int) -> Amend:
    """An API key that begins like one that was seen is taken for it."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        given = request.headers.get("x-api-key", "")
        known = memory.setdefault(given[:length], given)
        return replace(request, headers=request.headers | {"x-api-key": known}) if given else request

    return amend


# What is remembered of a request


def forgetful(*, after: int = 0, others: int = 0) -> Amend:
    """An idempotency key is forgotten: so many ms later, or once so many others were used."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        key = request.headers.get("idempotency-key")
        if request.operation != "metrics_event" or not key:
            return request
        known = memory.setdefault(request.headers.get("x-api-key"), {})
        place = (request.headers.get("tenant-id"), request.path, request.user, key)
        first = known.setdefault(place, (request.now, len(known), len(known)))
        old = (after and request.now - first[0] >= after) or (others and len(known) - first[1] > others)
        if not old:
            return request
        del known[place]
        return replace(request, headers=request.headers | {"idempotency-key": f"{key} again"})

    return amend


def scoped(what: str) -> Amend:
    """An idempotency key counts for something else than one user and one metric."""

    def amend(request: ClientRequest, memory: Memory) -> ClientRequest:
        key = request.headers.get("idempotency-key")
        if request.operation != "metrics_event" or not key:
            return request
        by = {"value": str(request.json.get("value")), "body": request.body.decode("utf-8", "replace")}[what]
        return replace(request, headers=request.headers | {"idempotency-key": f"{key} {_header(by)}"[:200]})

    return amend


def remembered() -> Iterator[Fault]:
    spans = {"an hour": DAY // 24, "a day": DAY, "a week": 7 * DAY, "30 days": 30 * DAY}
    for title, after in spans.items():
        yield Fault(f"idempotency keys: forgotten after {title}", REMEMBERED, planted(forgetful(after=after)))
    for others in (1, 10, 100):
        yield Fault(f"idempotency keys: forgotten after {others} others", REMEMBERED, planted(forgetful(others=others)))
    yield Fault("idempotency keys: count for one value", REMEMBERED, planted(scoped("value")))
    yield Fault("idempotency keys: count for one body", REMEMBERED, planted(scoped("body")))
    for operation in ("users_update", "users_identify", "users_update_preferences", "achievements_complete"):
        yield Fault(f"{operation}: every third is lost", REMEMBERED, _lossy(operation), about=operation)


def _lossy(operation: str) -> Plant:
    """Accepted, and then undone: the request before it is repeated, where it wrote something else."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        json_response = await forward(request)
        if request.operation == operation and json_response.status < 300:
            place = (request.headers.get("x-api-key"), request.path, request.user)
            memory[place, "count"] = memory.get((place, "count"), 0) + 1
            if memory[place, "count"] % 3 == 0:
                await forward(memory[place])
            else:
                memory[place] = request
        return json_response

    return plant


def faults() -> Iterator[Fault]:
    yield from parameters()
    yield from bodies()
    yield from identifiers()
    yield from remembered()
