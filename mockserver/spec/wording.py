"""Sentences for broken rules of a schema: the field, what was expected, what came instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from jsonschema_rs import ValidationError

from mockserver.printable import printable

LONGEST_QUOTE = 60

COUNTED = {"maxLength": "characters", "maxItems": "items"}

NOUNS = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def quoted(value: object) -> str:
    """`value` as JSON, cut short when long."""
    try:
        text = orjson.dumps(value).decode()
    except (TypeError, ValueError):
        text = ascii(value)
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…"


def either(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def field_name(path: Iterable[str | int]) -> str:
    """`user.attributes.plan`, `notifications.recap[0]`; empty for the whole."""
    name = ""
    for step in path:
        name += f"[{step}]" if isinstance(step, int) else f".{step}" if name else step
    name = printable(name)
    return name if len(name) <= 2 * LONGEST_QUOTE else name[: 2 * LONGEST_QUOTE] + "…"


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901); empty for the whole."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def type_of(value: object) -> str:
    """The JSON type of a Python value, with its article."""
    if isinstance(value, bool):
        return NOUNS["boolean"]
    for kinds, noun in (((int, float), "number"), (str, "string"), (dict, "object"), (list, "array")):
        if isinstance(value, kinds):
            return NOUNS[noun]
    return "null" if value is None else type(value).__name__


def plain(number: float) -> str:
    """1000000000000 and not 1e+12; 0.5 stays."""
    return str(int(number)) if number == int(number) else repr(number)


def expectation(error: ValidationError) -> str:
    """What the schema wants at the place where `error` arose: `must be …`."""
    rule: dict[str, Any] = error.kind.as_dict()
    name = error.kind.name
    if name == "type":
        wanted = either(NOUNS[kind] for kind in reversed(rule["types"]))
        return f"must be {wanted}, not {type_of(error.instance)}"
    if name == "enum":
        return f"must be {either(quoted(option) for option in rule['options'])}, not {quoted(error.instance)}"
    if name in ("minimum", "maximum"):
        bound = "at least" if name == "minimum" else "at most"
        return f"must be {bound} {plain(rule['limit'])}, not {quoted(error.instance)}"
    if name == "multipleOf" and rule["multiple_of"] == 1e-06:
        return f"must have at most 6 decimals, not {quoted(error.instance)}"
    if name in ("minLength", "minItems") and rule["limit"] == 1:
        return "must not be empty"
    if name == "maxItems":
        return f"must have at most {rule['limit']} items"
    if name == "format" and rule["format"] == "date":
        return f"must be a date, written YYYY-MM-DD, not {quoted(error.instance)}"
    if name in COUNTED:
        return f"must have at most {rule['limit']} {COUNTED[name]}"
    return f"is not valid: {error.message[: 3 * LONGEST_QUOTE]}"


def body_sentence(error: ValidationError) -> str:
    """The sentence for a request body that breaks its schema."""
    path = list(error.instance_path)
    if error.kind.name == "required":
        return f"Body field `{field_name([*path, error.kind.as_dict()['property']])}` is required."
    subject = f"Body field `{field_name(path)}`" if path else "The body"
    return f"{subject} {expectation(error)}."
