"""What changed from one document to another, and what of it breaks those who rely on the old one.

A change breaks when a request that was right may now be refused or lose its effect, or when an answer or a webhook
may now be something that nobody had to expect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.spec.document import JSON_TYPE, operations_of, resolve, webhooks_of

COMPOSITES = ("allOf", "oneOf", "anyOf")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """`what` changed at `where`: `kind` is `added`, `removed` or `changed`."""

    kind: str
    where: str
    what: str
    breaking: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A value somewhere in a schema, all that it is composed of taken together. `enum` empty: any value."""

    types: frozenset[str] = frozenset()
    enum: frozenset[str] = frozenset()
    required: bool = False
    format: str | None = None
    least: float | None = None
    most: float | None = None
    default: str | None = None


def compare(old: Json, new: Json) -> list[Change]:
    """All changes: operations first, then webhooks, each in the document's order."""
    return [*_operations(old, new), *_webhooks(old, new)]


def _operations(old: Json, new: Json) -> Iterator[Change]:
    before, after = _by_id(old), _by_id(new)
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield Change("removed", name, "operation", True)
        elif name not in before:
            yield Change("added", name, f"operation {' '.join(after[name][0])}", False)
        else:
            yield from _operation(name, (old, *before[name]), (new, *after[name]))


def _by_id(document: Json) -> dict[str, tuple[tuple[str, str], Json, Json]]:
    return {
        declared.get("operationId", f"{method} {path}"): ((method.upper(), path), item, declared)
        for path, method, item, declared in operations_of(document)
    }


Place = tuple[Json, tuple[str, str], Json, Json]


def _operation(name: str, before: Place, after: Place) -> Iterator[Change]:
    old, was, _, declared_before = before
    new, is_now, _, declared_after = after
    if was != is_now:
        yield Change("changed", name, f"{' '.join(was)} → {' '.join(is_now)}", True)
    yield from _fields(f"{name} parameter", _parameters(before), _parameters(after), asked=True)
    yield from _statuses(name, declared_before["responses"], declared_after["responses"])
    bodies = (_schema(old, declared_before.get("requestBody")), _schema(new, declared_after.get("requestBody")))
    yield from _fields(f"{name} request", _flat(old, bodies[0]), _flat(new, bodies[1]), asked=True)
    for status in declared_before["responses"]:
        if status in declared_after["responses"]:
            answers = (declared_before["responses"][status], declared_after["responses"][status])
            flat_before, flat_after = _flat(old, _schema(old, answers[0])), _flat(new, _schema(new, answers[1]))
            yield from _fields(f"{name} {status}", flat_before, flat_after, asked=False)


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
            bodies = (_schema(old, before[kind].get("requestBody")), _schema(new, after[kind].get("requestBody")))
            yield from _fields(f"{kind} webhook", _flat(old, bodies[0]), _flat(new, bodies[1]), asked=False)


def _schema(document: Json, declared: Json | None) -> Json:
    content = resolve(document, declared).get("content", {}) if declared else {}
    schema: Json = content.get(JSON_TYPE, {}).get("schema", {})
    return schema


def _parameters(place: Place) -> dict[str, Field]:
    document, _, item, declared = place
    found = {}
    for given in (*item.get("parameters", ()), *declared.get("parameters", ())):
        parameter = resolve(document, given)
        for path, field in _flat(document, parameter.get("schema", {}), bool(parameter.get("required"))).items():
            found[f"{parameter['in']} {parameter['name']}{path}"] = field
    return found


def _flat(document: Json, schema: Json, required: bool = True) -> dict[str, Field]:
    """Every field by its path: `` the whole, `.user.id`, `.awards[].total`, `.points{}.total`."""
    found: dict[str, Field] = {}
    _flatten(document, schema, "", required, found, ())
    return found


def _flatten(
    document: Json, schema: Json, path: str, required: bool, found: dict[str, Field], above: tuple[str, ...]
) -> None:
    parts, references = _parts(document, schema)
    found[path] = _field(parts, required)
    if not references.isdisjoint(above):
        return  # a schema inside itself: once is enough
    above = (*above, *references)
    names = {name for part in parts for name in part.get("required", ())}
    for part in parts:
        for name, one in part.get("properties", {}).items():
            _flatten(document, one, f"{path}.{name}", name in names, found, above)
        if "items" in part:
            _flatten(document, part["items"], f"{path}[]", True, found, above)
        if isinstance(part.get("additionalProperties"), dict):
            _flatten(document, part["additionalProperties"], f"{path}{{}}", False, found, above)


def _parts(document: Json, schema: Json) -> tuple[list[Json], set[str]]:
    """A schema and what it is composed of, references followed; and the references."""
    references = {schema["$ref"]} if "$ref" in schema else set()
    schema = resolve(document, schema)
    parts = [schema]
    for composite in COMPOSITES:
        for part in schema.get(composite, ()):
            inner, more = _parts(document, part)
            parts += inner
            references |= more
    return parts, references


def _field(parts: list[Json], required: bool) -> Field:
    def first(key: str) -> Any:
        return next((part[key] for part in parts if key in part), None)

    types = [part.get("type", ()) for part in parts]
    default = first("default")
    return Field(
        types=frozenset(kind for kinds in types for kind in ([kinds] if isinstance(kinds, str) else kinds)),
        enum=frozenset(str(value) for part in parts for value in part.get("enum", ())),
        required=required,
        format=first("format"),
        least=first("minimum"),
        most=first("maximum"),
        default=None if default is None else str(default),
    )


def _fields(where: str, before: dict[str, Field], after: dict[str, Field], *, asked: bool) -> Iterator[Change]:
    """Changes of the fields that are `asked` of the caller, or else given to them."""
    for path in [*before, *(path for path in after if path not in before)]:
        old, new = before.get(path), after.get(path)
        name = path.lstrip(".") or "(the whole body)"
        if old is None and new is not None:
            if not _below(path, before, after):
                yield Change(
                    "added", where, f"{name}{', required' if asked and new.required else ''}", asked and new.required
                )
        elif new is None:
            if not _below(path, after, before):
                yield Change("removed", where, name, True)
        elif old is not None and old != new:
            for what, breaking in _differences(old, new, asked):
                yield Change("changed", where, f"{name} {what}", breaking)


def _below(path: str, without: dict[str, Field], having: dict[str, Field]) -> bool:
    """Whether `path` came or went with something above it, which is reported already."""
    return any(
        path != other and path.startswith(other) and path[len(other)] in ".[{" and other not in without
        for other in having
    )


def _differences(old: Field, new: Field, asked: bool) -> Iterator[tuple[str, bool]]:
    """What differs, in words, and whether it breaks: what is asked must not grow narrower, what is given not wider."""
    if old.required != new.required:
        yield f"became {'required' if new.required else 'optional'}", new.required == asked
    for words, before, after in (("is", old.types, new.types), ("is one of", old.enum, new.enum)):
        if before != after:
            breaking = not (_within(before, after) if asked else _within(after, before))
            yield f"{words} {_list(after)}, was {_list(before)}", breaking
    if old.format != new.format:
        gained, lost = new.format is not None, old.format is not None
        yield f"has the format {new.format or 'none'}, had {old.format or 'none'}", gained if asked else lost
    if old.least != new.least:
        tighter = old.least is None or (new.least is not None and new.least > old.least)
        yield f"has the minimum {_bound(new.least)}, had {_bound(old.least)}", tighter == asked
    if old.most != new.most:
        tighter = old.most is None or (new.most is not None and new.most < old.most)
        yield f"has the maximum {_bound(new.most)}, had {_bound(old.most)}", tighter == asked
    if old.default != new.default:
        yield f"has the default {new.default or 'none'}, had {old.default or 'none'}", False


def _within(inner: frozenset[str], outer: frozenset[str]) -> bool:
    """Whether all of `inner` is allowed by `outer`; an empty set allows everything."""
    return not outer or (bool(inner) and inner <= outer)


def _bound(limit: float | None) -> str:
    return "none" if limit is None else str(limit)


def _list(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "anything"
