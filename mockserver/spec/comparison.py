"""What changed from one spec to another, and what of it breaks those who rely on the old one.

A change breaks when a request that was right may now be refused or lose its effect, or when a response or a webhook
may now be something that nobody had to expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockserver.spec.access import security_changes, security_of, server_changes, servers_of
from mockserver.spec.compiler import JSON_TYPE, operations_of, resolve, webhooks_of
from mockserver.spec.fields import Field, differences, flat

STYLES = {"path": "simple", "header": "simple"}  # elsewhere it is form, unless a parameter says otherwise

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """`what` changed at `where`: `kind` is `added`, `removed` or `changed`."""

    kind: str
    where: str
    what: str
    breaking: bool


def compare(old: Json, new: Json) -> list[Change]:
    """All changes: the spec's servers first, then operations, then webhooks, each in the spec's order."""
    servers = server_changes(servers_of(old), servers_of(new))
    return [*_changed("the spec", servers), *_operations(old, new), *_webhooks(old, new)]


def _changed(where: str, sentences: Iterator[tuple[str, bool]]) -> Iterator[Change]:
    for what, breaking in sentences:
        yield Change("changed", where, what, breaking)


def _operations(old: Json, new: Json) -> Iterator[Change]:
    before, after = _by_id(old), _by_id(new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Change("removed", name, "operation", True)
        elif name not in before:
            yield Change("added", name, f"operation {' '.join(after[name][0])}", False)
        else:
            yield from _operation(name, (old, *before[name]), (new, *after[name]))


def _by_id(spec: Json) -> dict[str, tuple[tuple[str, str], Json, Json]]:
    return {
        declared.get("operationId", f"{method} {path}"): ((method.upper(), path), item, declared)
        for path, method, item, declared in operations_of(spec)
    }


Place = tuple[Json, tuple[str, str], Json, Json]


def _operation(name: str, before: Place, after: Place) -> Iterator[Change]:
    old, was, _, declared_before = before
    new, is_now, _, declared_after = after
    if was != is_now:
        yield Change("changed", name, f"{' '.join(was)} → {' '.join(is_now)}", True)
    yield from _reached(name, before, after)
    yield from _fields(f"{name} parameter", _parameters(before), _parameters(after), in_request=True)
    yield from _statuses(name, declared_before["responses"], declared_after["responses"])
    yield from _fields(
        f"{name} request", _request(old, declared_before), _request(new, declared_after), in_request=True
    )
    for status in declared_before["responses"]:
        if status in declared_after["responses"]:
            responses = (declared_before["responses"][status], declared_after["responses"][status])
            before_body, after_body = _body(old, responses[0]), _body(new, responses[1])
            yield from _fields(f"{name} {status}", before_body, after_body, in_request=False)


def _reached(name: str, before: Place, after: Place) -> Iterator[Change]:
    """Servers only where path or operation have their own: the spec's are reported once for all."""
    (old, _, item_before, declared_before), (new, _, item_after, declared_after) = before, after
    owners = (declared_before, item_before), (declared_after, item_after)
    if any(owner.get("servers") for owner in (*owners[0], *owners[1])):
        yield from _changed(name, server_changes(servers_of(old, *owners[0]), servers_of(new, *owners[1])))
    yield from _changed(name, security_changes(security_of(old, declared_before), security_of(new, declared_after)))


def _statuses(name: str, before: Json, after: Json) -> Iterator[Change]:
    for status in before:
        if status not in after:
            yield Change("removed", name, f"status {status}", status.startswith("2"))
    for status in after:
        if status not in before:
            yield Change("added", name, f"status {status}", status.startswith("2"))


def _webhooks(old: Json, new: Json) -> Iterator[Change]:
    before, after = dict(webhooks_of(old)), dict(webhooks_of(new))
    for kind in [*before, *(kind for kind in after if kind not in before)]:
        if kind not in after:
            yield Change("removed", kind, "webhook", True)
        elif kind not in before:
            yield Change("added", kind, "webhook", False)
        else:
            bodies = (_request(old, before[kind]), _request(new, after[kind]))
            yield from _fields(f"{kind} webhook", *bodies, in_request=False)


def _request(spec: Json, operation: Json) -> dict[str, Field]:
    declared = resolve(spec, operation.get("requestBody", {}))
    return _body(spec, declared, bool(declared.get("required")))


def _body(spec: Json, declared: Json, required: bool = True) -> dict[str, Field]:
    """The fields of a body in JSON; none, not even the whole body, where there is no such body."""
    content = resolve(spec, declared).get("content", {})
    return flat(spec, content[JSON_TYPE].get("schema", {}), required) if JSON_TYPE in content else {}


def _parameters(place: Place) -> dict[str, Field]:
    spec, _, item, declared = place
    parameters = {}
    for given in (*item.get("parameters", ()), *declared.get("parameters", ())):
        parameter = resolve(spec, given)
        parameters[f"{parameter['in']} {parameter['name']}"] = parameter
    found: dict[str, Field] = {}
    for name, parameter in parameters.items():
        fields = flat(spec, parameter.get("schema", {}), bool(parameter.get("required")))
        found |= {f"{name}{path}": field for path, field in fields.items()}
        found[name] = _written(found[name], parameter)
    return found


def _written(field: Field, parameter: Json) -> Field:
    style = parameter.get("style", STYLES.get(parameter["in"], "form"))
    explode = parameter.get("explode", style == "form") if field.types & {"array", "object"} else None
    return replace(field, style=style, explode=explode)


def _fields(where: str, before: dict[str, Field], after: dict[str, Field], *, in_request: bool) -> Iterator[Change]:
    """Changes of the fields that are `in_request` of the caller, or else given to them."""
    for path in [*before, *(path for path in after if path not in before)]:
        old, new = before.get(path), after.get(path)
        name = path.lstrip(".") or "(the whole body)"
        if old is not None and new is not None:
            yield from _changed(
                where, ((f"{name} {what}", breaking) for what, breaking in differences(old, new, in_request))
            )
        elif path.endswith("{}"):
            continue  # that fields without a name came or went is a change of what has them
        elif new is not None:
            needed = in_request and new.required
            if not _below(path, before, after):
                yield Change("added", where, f"{name}{', required' if needed else ''}", needed)
        elif not _below(path, after, before):
            yield Change("removed", where, name, True)


def _below(path: str, without: dict[str, Field], having: dict[str, Field]) -> bool:
    """Whether `path` came or went with something above it, which is reported already."""
    return any(
        path != other and path.startswith(other) and path[len(other)] in ".[{" and other not in without
        for other in having
    )
