"""The fields of a schema by their paths, and how a field of one spec differs from the same field of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from mockserver.spec.compiler import resolve

COMPOSITES = ("allOf", "oneOf", "anyOf")
NONE, DECLARED, ANY = range(3)  # which fields a schema allows besides those that it names
FURTHER = ("none", "declared", "any")

Json = Mapping[str, Any]


class Limit(NamedTuple):
    """What a schema calls a limit. Of two bounds times `sign`, the greater is the tighter."""

    words: str
    keyword: str
    sign: int
    exclusive: str | None = None


LIMITS = (
    Limit("minimum", "minimum", 1, "exclusiveMinimum"),
    Limit("maximum", "maximum", -1, "exclusiveMaximum"),
    Limit("minimum length", "minLength", 1),
    Limit("maximum length", "maxLength", -1),
    Limit("minimum of items", "minItems", 1),
    Limit("maximum of items", "maxItems", -1),
    Limit("minimum of fields", "minProperties", 1),
    Limit("maximum of fields", "maxProperties", -1),
)
Bound = tuple[float, bool]  # times the sign, and whether it is excluded itself


@dataclass(frozen=True, slots=True)
class Field:
    """A value somewhere in a schema, all that it is composed of taken together. `enum` empty: any value.

    `style` and `explode` are those of a parameter; `explode` is None where nothing can be exploded.
    """

    types: frozenset[str] = frozenset()
    enum: frozenset[str] = frozenset()
    required: bool = False
    format: str | None = None
    pattern: str | None = None
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    step: Fraction | None = None
    unique: bool = False
    further: int = ANY
    default: str | None = None
    style: str | None = None
    explode: bool | None = None


def flat(spec: Json, schema: Json, required: bool = True) -> dict[str, Field]:
    """Every field by its path: `` the whole, `.user.id`, `.awards[].total`, `.points{}.total`."""
    found: dict[str, Field] = {}
    _flatten(spec, schema, "", required, found, ())
    return found


def _flatten(
    spec: Json, schema: Json, path: str, required: bool, found: dict[str, Field], above: tuple[str, ...]
) -> None:
    parts, references = _parts(spec, schema)
    found[path] = _field(parts, required)
    if not references.isdisjoint(above):
        return  # a schema inside itself: once is enough
    above = (*above, *references)
    names = {name for part in parts for name in part.get("required", ())}
    for part in parts:
        for name, one in part.get("properties", {}).items():
            _flatten(spec, one, f"{path}.{name}", name in names, found, above)
        if "items" in part:
            _flatten(spec, part["items"], f"{path}[]", True, found, above)
        if _further(part) == DECLARED:
            _flatten(spec, part["additionalProperties"], f"{path}{{}}", False, found, above)


def _parts(spec: Json, schema: Json) -> tuple[list[Json], set[str]]:
    """A schema and what it is composed of, references followed; and the references."""
    references = {schema["$ref"]} if "$ref" in schema else set()
    schema = resolve(spec, schema)
    parts = [schema]
    for composite in COMPOSITES:
        for part in schema.get(composite, ()):
            inner, more = _parts(spec, part)
            parts += inner
            references |= more
    return parts, references


def _field(parts: list[Json], required: bool) -> Field:
    given: dict[str, Any] = {}
    for part in reversed(parts):  # the first that says something wins
        given |= part
    kinds = [part.get("type", ()) for part in parts]
    types = frozenset(one for kind in kinds for one in ([kind] if isinstance(kind, str) else kind))
    values = [
        value for part in parts for value in (*part.get("enum", ()), *([part["const"]] if "const" in part else ()))
    ]
    bounds = {limit.words: _bound(given, limit, types) for limit in LIMITS}
    return Field(
        types=types,
        enum=frozenset(map(str, values)),
        required=required,
        format=given.get("format"),
        pattern=given.get("pattern"),
        bounds={words: bound for words, bound in bounds.items() if bound is not None},
        step=Fraction(str(given["multipleOf"])) if given.get("multipleOf") else None,
        unique=given.get("uniqueItems", False),
        further=min(map(_further, parts)),
        default=None if given.get("default") is None else str(given["default"]),
    )


def _further(part: Json) -> int:
    declared = part.get("additionalProperties", True)
    if declared is False or part.get("unevaluatedProperties") is False:
        return NONE
    return ANY if declared in (True, {}) else DECLARED


def _bound(given: Json, limit: Limit, types: frozenset[str]) -> Bound | None:
    """The tighter of the two that a schema may give for one limit. No length is below 0, so 0 limits nothing."""
    inclusive, exclusive = given.get(limit.keyword), given.get(limit.exclusive or "")
    if exclusive is True and inclusive is not None:  # as OpenAPI 3.0 has it
        inclusive, exclusive = None, inclusive
    bounds: list[Bound] = []
    if inclusive is not None and (inclusive or limit.exclusive or limit.sign < 0):
        bounds.append((limit.sign * inclusive, False))
    if exclusive is not None and not isinstance(exclusive, bool):
        whole = types - {"null"} == {"integer"} and exclusive == int(exclusive)
        bounds.append((limit.sign * int(exclusive) + 1, False) if whole else (limit.sign * exclusive, True))
    return max(bounds, default=None)


def differences(old: Field, new: Field, in_request: bool) -> Iterator[tuple[str, bool]]:
    """What differs, in words, and whether it breaks: what is asked must not grow narrower, what is given not wider."""
    if old.required != new.required:
        yield f"became {'required' if new.required else 'optional'}", new.required == in_request
    for words, before, after in (("is", old.types, new.types), ("is one of", old.enum, new.enum)):
        if before != after:
            breaking = not (_within(before, after) if in_request else _within(after, before))
            yield f"{words} {_list(after)}, was {_list(before)}", breaking
    for words, was, now in (("format", old.format, new.format), ("pattern", old.pattern, new.pattern)):
        if was != now:
            yield f"has the {words} {now or 'none'}, had {was or 'none'}", (now if in_request else was) is not None
    yield from _limits(old, new, in_request)
    if old.default != new.default:
        yield f"has the default {new.default or 'none'}, had {old.default or 'none'}", False
    yield from _writing(old, new)


def _limits(old: Field, new: Field, in_request: bool) -> Iterator[tuple[str, bool]]:
    for limit in LIMITS:
        before, after = old.bounds.get(limit.words), new.bounds.get(limit.words)
        if before != after:
            tighter = before is None or (after is not None and after > before)
            yield f"has the {limit.words} {_shown(limit, after)}, had {_shown(limit, before)}", tighter == in_request
    if old.step != new.step:
        kept = _multiple(old.step, new.step) if in_request else _multiple(new.step, old.step)
        yield f"is a multiple of {_step(new.step)}, was of {_step(old.step)}", not kept
    if old.unique != new.unique:
        yield f"has {_items(new.unique)} items, had {_items(old.unique)}", new.unique == in_request
    if old.further != new.further:
        # code that reads declared fields misses them when they go, too
        breaking = new.further < old.further if in_request else old.further != ANY
        yield f"has further fields {FURTHER[new.further]}, had {FURTHER[old.further]}", breaking


def _writing(old: Field, new: Field) -> Iterator[tuple[str, bool]]:
    """Whatever a parameter is written like now, what was written as before is read as something else."""
    if old.style != new.style:
        yield f"has the style {new.style}, had {old.style}", True
    if None not in (old.explode, new.explode) and old.explode != new.explode:
        yield ("is exploded, was not" if new.explode else "is not exploded, was"), True


def _within(inner: frozenset[str], outer: frozenset[str]) -> bool:
    """Whether all of `inner` is allowed by `outer`; an empty set allows everything."""
    return not outer or (bool(inner) and inner <= outer)


def _multiple(step: Fraction | None, of: Fraction | None) -> bool:
    """Whether all multiples of `step` are multiples `of` the other; without a step, everything is."""
    return of is None or (step is not None and step % of == 0)


def _shown(limit: Limit, bound: Bound | None) -> str:
    return "none" if bound is None else f"{limit.sign * bound[0]}{' (excluded)' if bound[1] else ''}"


def _step(step: Fraction | None) -> str:
    return "anything" if step is None else str(float(step)).removesuffix(".0")


def _items(unique: bool) -> str:
    return "different" if unique else "any"


def _list(values: frozenset[str]) -> str:
    return ", ".join(sorted(values)) or "anything"
