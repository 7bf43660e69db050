"""Path, query and header parameters: compiled at load into parsers from text to typed values.

The stricter readings of behaviour, section 2, live here: how integers, booleans and dates are written,
that nothing is sent twice, and that ids and keys are not empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import unquote_to_bytes

from jsonschema_rs import Draft202012Validator

from mockserver.game.errors import Refused, Unreadable
from mockserver.spec.bodies import LONGEST_ID
from mockserver.spec.wording import either, quoted

Read = Callable[[str], Any]

LIMIT = 10**12  # no number may lie further from 0 (behaviour, section 2)
MOST_DIGITS = 4000  # beyond, Python itself declines to read an integer

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]{1,6})?", re.ASCII)

_UNDERSTOOD = {"type", "format", "enum", "minimum", "maximum", "items"}
_ANNOTATIONS = {"title", "description", "default", "example", "examples", "deprecated", "$comment"}
_PLACES = {"path": "Path parameter", "query": "Query parameter", "header": "Header"}
_STYLES = {"path": ("simple", False), "query": ("form", True), "header": ("simple", False)}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation. `argument` is its name in Python, `expected` what it wants, in words."""

    name: str
    argument: str
    place: str
    required: bool
    default: Any
    many: bool
    expected: str
    may_be_empty: bool
    parse: Read
    rest: Draft202012Validator | None

    @property
    def subject(self) -> str:
        return f"{_PLACES[self.place]} `{self.name}`"

    def read(self, text: str) -> Any:
        """The value that `text` (decoded) stands for. Refused names the parameter and what it wants."""
        if not text and not self.may_be_empty:
            raise Refused(f"{self.subject} must not be empty.")
        try:
            value = self.parse(text)
        except ValueError:
            raise Refused(f"{self.subject} must be {self.expected}, not {quoted(text)}.") from None
        if self.rest is not None and not self.rest.is_valid([value] if self.many else value):
            raise Refused(f"{self.subject} must be {self.expected} as the spec describes it, not {quoted(text)}.")
        return value

    def decode(self, raw: bytes) -> str:
        """The text of a percent-encoded value, decoded once. Unreadable when it is not UTF-8."""
        if b"%" in raw:
            raw = unquote_to_bytes(raw)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Unreadable(f"{self.subject} must be UTF-8, percent-encoded.") from None


def snake_case(name: str) -> str:
    """`userIds` → `user_ids`, `Idempotency-Key` → `idempotency_key`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def compile_parameter(declared: Mapping[str, Any], schema: Mapping[str, Any]) -> Parameter:
    """A parameter object of the spec and its schema (no references left). ValueError: not supported."""
    name, place = declared["name"], declared["in"]
    _assure_style(declared)
    many = schema.get("type") == "array"
    one = schema.get("items", {}) if many else schema
    parse, expected = _scalar(one)
    if parse is _text and (place != "query" or name.endswith(("Id", "Ids"))):
        parse, expected = _short_text, f"{expected}, of at most {LONGEST_ID} characters"
    rest = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    return Parameter(
        name=name,
        argument=snake_case(name),
        place=place,
        required=bool(declared.get("required")),
        default=schema.get("default"),
        many=many,
        expected=expected,
        may_be_empty=place != "path" and not name.endswith(("Id", "Ids")),
        parse=parse,
        rest=Draft202012Validator(rest, validate_formats=True) if {*rest, *one} - _UNDERSTOOD - _ANNOTATIONS else None,
    )


def _assure_style(declared: Mapping[str, Any]) -> None:
    name, place = declared["name"], declared["in"]
    if place not in _STYLES:
        raise ValueError(f"has the {place} parameter `{name}`, but only path, query and header are supported")
    style, explode = _STYLES[place]
    given = (declared.get("style", style), declared.get("explode", explode))
    if "schema" not in declared or given != (style, explode):
        raise ValueError(f"has the parameter `{name}` in a style that is not supported")


def _scalar(schema: Mapping[str, Any]) -> tuple[Read, str]:
    """The parser for one value, and what it wants in words."""
    kind = schema.get("type", "string")
    if kind == "integer":
        return _integer(schema.get("minimum", -LIMIT), schema.get("maximum", LIMIT))
    if kind == "number":
        return _number(schema.get("minimum", -LIMIT), schema.get("maximum", LIMIT))
    if kind == "boolean":
        return _boolean, '"true" or "false"'
    if kind != "string":
        raise ValueError(f"has a parameter of type {kind}, which is not supported")
    if "enum" in schema:
        return _choice(schema["enum"])
    if schema.get("format") == "date":
        return _date, "a date from 0001-01-01 to 9999-12-31, written YYYY-MM-DD"
    return _text, "a string without NUL characters"


def _range(noun: str, least: float, most: float) -> str:
    return f"{noun} between {least} and {most}"


def _integer(least: int, most: int) -> tuple[Read, str]:
    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text) or len(text) > MOST_DIGITS or not least <= (value := int(text)) <= most:
            raise ValueError(text)
        return value

    return read, _range("an integer", least, most)


def _number(least: float, most: float) -> tuple[Read, str]:
    def read(text: str) -> float:
        if not _NUMBER.fullmatch(text) or not least <= (value := float(text)) <= most:
            raise ValueError(text)
        return value

    return read, _range("a number with at most 6 decimals", least, most)


def _choice(options: Iterable[Any]) -> tuple[Read, str]:
    known = {option: option for option in options if isinstance(option, str)}

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(text)
        return known[text]

    return read, either(quoted(option) for option in known)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError(text)
    return text


def _short_text(text: str) -> str:
    if len(text) > LONGEST_ID:
        raise ValueError(text)
    return _text(text)
