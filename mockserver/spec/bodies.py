"""Request bodies, from bytes to a checked value: one compiled check, the limits of behaviour, section 2."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Iterator
from typing import Any, NoReturn

import orjson
from jsonschema_rs import Draft202012Validator, ValidationError

from mockserver.game.errors import Refused, Unreadable
from mockserver.spec.wording import body_sentence, quoted

LARGEST = 1 << 20  # bytes
DEEPEST = 100
LIMIT = 10**12
DECIMALS = 1e-06
LONGEST_ID = 255  # characters of an id, a key, a name, an address
LONGEST_TEXT = 1000  # characters of any other string
MOST_ITEMS = 1000  # of a list
MOST_MEMBERS = 10_000  # of gzip in a body; programs that write several begin one every 64 KiB
FIRST_PIECE = 1024  # bytes that a member of gzip is given at first

SHORT = {"id", "userId", "key", "name", "email", "tz"}

MISSPELT = "subscribedToEmails"  # the spec's examples write it so; its schema says subscribeToEmails

log = logging.getLogger("mockserver")


class Body:
    """The JSON body of one operation. An empty one means `{}` where `may_be_empty` (PUT and PATCH)."""

    __slots__ = ("_check", "_may_be_empty", "_required", "_warned")

    def __init__(self, check: Draft202012Validator, *, required: bool, may_be_empty: bool, warned: set[str]) -> None:
        self._check = check
        self._required = required
        self._may_be_empty = may_be_empty
        self._warned = warned

    def read(self, content_type: bytes | None, raw: bytes) -> Any:
        """The value in `raw`. Unreadable: its bytes or their media type; Refused: its meaning."""
        if content_type != b"application/json":
            _assure_json(content_type, raw)
        if not raw:
            return self._empty()
        value = parse(raw)
        self._hold(value)
        if MISSPELT.encode() in raw:
            self._warn(value)
        return value

    def _hold(self, value: Any) -> None:
        """Against the schema. Raises Refused."""
        if not self._check.is_valid(value):  # finding out where costs more than finding out whether
            try:
                self._check.validate(value)
            except ValidationError as error:
                raise Refused(body_sentence(error)) from None

    def _empty(self) -> Any:
        if not self._may_be_empty:
            if self._required:
                raise Refused("A JSON body is required.")
            return None
        self._hold({})
        return {}

    def _warn(self, value: Any) -> None:
        users = (value, value.get("user")) if isinstance(value, dict) else ()
        if MISSPELT not in self._warned and any(isinstance(user, dict) and MISSPELT in user for user in users):
            self._warned.add(MISSPELT)
            log.warning("A request body has `%s`, which is ignored: the field is `subscribeToEmails`.", MISSPELT)


def parse(raw: bytes, most: int = LARGEST) -> Any:
    """The JSON value in `raw`, within the limits on size (in bytes), depth and strings."""
    if len(raw) > most:
        raise too_large(most)
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        _explain(raw, error)
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and depth_of(value) > DEEPEST:
        raise _too_deep()
    if b"\\u0000" in raw and any("\0" in text for text in _strings(value)):
        raise Refused("The body holds a string with a NUL character, which is not allowed.")
    return value


def decoded(encoding: bytes, raw: bytes, most: int = LARGEST) -> bytes:
    """The body as it was before it was packed; what it grows to has the limit, `most` bytes. Raises Unreadable."""
    name = encoding.decode("latin-1").strip().lower()
    if not raw or name in ("", "identity"):
        return raw
    if name not in ("gzip", "x-gzip"):
        raise Unreadable(f"Header `Content-Encoding` must be gzip or identity, not {quoted(name)}.")
    try:
        return _unpacked(raw, most)
    except zlib.error:
        raise Unreadable("The body is not the whole of a gzip file, as `Content-Encoding` says it is.") from None


def _unpacked(raw: bytes, most: int) -> bytes:
    """Several members in a row are one text (RFC 1952). Each is given its own bytes and few more, since what follows
    a member is copied when it ends: of many small members that would be the whole rest many times."""
    found, rest = bytearray(), memoryview(raw)
    for _ in range(MOST_MEMBERS):
        member, size = zlib.decompressobj(wbits=31), FIRST_PIECE
        while not member.eof:
            if not rest:
                raise zlib.error
            piece = rest[:size]
            found += member.decompress(piece, most + 1 - len(found))
            if len(found) > most:
                raise too_large(most)
            rest, size = rest[len(piece) - len(member.unused_data) :], size * 2
        if not rest:
            return bytes(found)
    raise Unreadable(f"The body must have at most {MOST_MEMBERS} members of gzip in a row.")


def too_large(most: int = LARGEST) -> Unreadable:
    return Unreadable(f"The body must be at most {most} bytes ({most >> 20} MiB).")


def _too_deep() -> Unreadable:
    return Unreadable(f"The body must not be nested deeper than {DEEPEST} levels.")


def _assure_json(content_type: bytes | None, raw: bytes) -> None:
    """`application/json`, in any case, with any parameters but a charset other than UTF-8."""
    if content_type is None and not raw:
        return
    media_type, _, rest = (content_type or b"").decode("latin-1").lower().partition(";")
    if media_type.strip() != "application/json":
        given = quoted(content_type.decode("latin-1")) if content_type else "missing"
        raise Unreadable(f"Header `Content-Type` must be application/json, but is {given}.")
    for parameter in rest.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' "') not in ("utf-8", "utf8", "us-ascii"):
            raise Unreadable(f"The body must be UTF-8, but `Content-Type` says {quoted(value.strip())}.")


def _explain(raw: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """Why orjson declined: unreadable bytes, or values beyond the limits (a slower parser tells which)."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Unreadable("The body must be UTF-8.") from None
    try:
        value = json.loads(text, parse_constant=_not_json, parse_int=float)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Unreadable(f"The body must be JSON: {error}.") from None
    if depth_of(value) > DEEPEST:
        raise _too_deep()
    if any("\ud800" <= char <= "\udfff" for string in _strings(value) for char in string):
        raise Refused("The body holds a string with half a surrogate pair, which is not allowed.")
    raise Refused("The body holds a number that is too large to be read.")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def depth_of(value: Any) -> int:
    """How many objects and lists lie inside each other, without recursion; stops beyond the limit."""
    depth = 0
    level = [value]
    while depth <= DEEPEST and (level := [item for item in level if isinstance(item, (dict, list))]):
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value of bounded depth, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def within_limits(schema: Any) -> Any:
    """A copy of `schema` (any part of the spec) that also states the limits on numbers, strings and lists."""
    if isinstance(schema, list):
        return [within_limits(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    limited = {key: within_limits(part) for key, part in schema.items()}
    given = limited.get("type", ())
    kinds = {given} if isinstance(given, str) else {*given}
    if "string" in kinds and "enum" not in limited:
        limited.setdefault("maxLength", LONGEST_TEXT)
    if "array" in kinds:
        limited.setdefault("maxItems", MOST_ITEMS)
    if {"number", "integer"} & kinds and "enum" not in limited:
        limited["minimum"] = max(limited.get("minimum", -LIMIT), -LIMIT)
        limited["maximum"] = min(limited.get("maximum", LIMIT), LIMIT)
        limited.setdefault("multipleOf", DECIMALS)
    if isinstance(limited.get("properties"), dict):
        _limit_names(limited["properties"], limited.get("required"))
    return limited


def _limit_names(properties: dict[str, Any], required: Any) -> None:
    """Ids and keys that must be there are not empty, and all that names something is short."""
    for name in {"id", "key"} & {*properties} & {*(required if isinstance(required, list) else ())}:
        properties[name].setdefault("minLength", 1)
    for name in SHORT & {*properties}:
        if properties[name].get("maxLength") == LONGEST_TEXT:
            properties[name]["maxLength"] = LONGEST_ID
