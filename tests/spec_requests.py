"""Requests for any operation of a spec: valid, nearly valid and hostile, as hypothesis strategies.

Made from the spec alone, so that they do not depend on any implementation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

NAMES = ["user-1", "words-written", "a/b", "ü ß", "+", "%2F", "..", "日本"]
TEXTS = [*NAMES, "", "null", "0", "a,b", "plan:pro"]
HOSTILE_TEXTS = [*TEXTS, "\0", "a\0b", "\x7f", "x" * 3000, "'\"`;--", "\U0010ffff"]
INTEGERS = ["0", "1", "7", "10", "100"]
HOSTILE_INTEGERS = [
    "-1",
    "101",
    "366",
    "-0",
    "007",
    "+5",
    "1_0",
    " 5",
    "5 ",
    "٣",
    "1.0",
    "1e2",
    "0x1",
    "",
    "abc",
    "9" * 30,
]
BOOLEANS = ["true", "false"]
HOSTILE_BOOLEANS = ["True", "FALSE", "1", "0", "yes", "no", "on", "t", "", "maybe"]
DATES = ["2026-01-31", "2024-02-29", "9999-12-31", "0001-01-01"]
HOSTILE_DATES = [
    "2026-02-29",
    "2026-1-1",
    "20260131",
    "2026-01-31T00:00:00Z",
    "0000-01-01",
    "10000-01-01",
    "",
    "today",
    "２０２６-01-01",
]
NUMBERS = [0, 1, -3, 0.5, 750, 1e12, -1e12, 0.000001]
JUNK = [None, True, False, 0, 1.5, "x", "", [], {}, [None], {"a": {"b": []}}, 1e13, 0.1234567, "a\0b"]
RAW_BODIES = [
    *(b"", b" ", b"null", b"[]", b"{}", b"3", b'"x"', b"{", b"{'a': 1}", b"NaN", b'{"value": NaN}', b'{"a": 1e999}'),
    *(b"\xff", b"\xef\xbb\xbf{}", b'{"a": "\\ud800"}', b"[" * 101 + b"]" * 101, b'{"a":' * 101 + b"1" + b"}" * 101),
]
MEDIA_TYPES = ["application/json", "application/json; charset=utf-8"]
FORM = "application/x-www-form-urlencoded"
HOSTILE_MEDIA_TYPES = [FORM, "text/plain", "application/jsonx", "", "application/json; charset=latin-1", None]


@dataclass(frozen=True)
class Request:
    """One request. `path` holds decoded variables, `query` decoded pairs."""

    operation: str
    method: str
    template: str
    path: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def raw_values(self) -> list[bytes]:
        """Dots are encoded too: a client that joins URLs would resolve `..`."""
        return [quote(value, safe="").replace(".", "%2E").encode() for value in self.path]

    @property
    def raw_query(self) -> bytes:
        return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in self.query).encode()

    @property
    def raw_path(self) -> str:
        parts, values = [], iter(self.raw_values)
        for part in self.template.split("/"):
            parts.append(next(values).decode() if part.startswith("{") else part)
        return "/".join(parts)


def resolved(spec: dict[str, Any], thing: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in thing:
        return thing
    found: Any = spec
    for step in thing["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def requests(spec: dict[str, Any], template: str, method: str) -> st.SearchStrategy[Request]:
    """Requests for one operation; a third of all parameters and bodies are hostile."""
    item = spec["paths"][template]
    declared = item[method]
    parameters = [resolved(spec, one) for one in (*item.get("parameters", ()), *declared.get("parameters", ()))]
    names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
    query = [st.tuples()] + [_pairs(spec, one) for one in parameters if one["in"] == "query"]
    headers = [st.just(()), *(_pairs(spec, one) for one in parameters if one["in"] == "header")]
    body, media_type = _body(spec, declared.get("requestBody"))
    return st.builds(
        lambda path, query, undeclared, headers, body, media_type: Request(
            declared["operationId"],
            method,
            template,
            tuple(path),
            tuple(pair for pairs in (*query, undeclared) for pair in pairs),
            tuple(pair for pairs in headers for pair in pairs)
            + ((("Content-Type", media_type),) if media_type is not None else ()),
            body,
        ),
        st.tuples(*(_mostly(NAMES, HOSTILE_TEXTS) for _ in names)),
        st.tuples(*query),
        st.sampled_from([(), (), (("undeclared", "1"),)]),
        st.tuples(*headers),
        body,
        media_type,
    )


def _mostly(fine: list[Any], hostile: list[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(*[st.sampled_from(fine)] * 4, st.sampled_from(hostile))


def _pairs(spec: dict[str, Any], parameter: dict[str, Any]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """The parameter absent, once, or (seldom, when scalar) twice."""
    schema = parameter["schema"]
    many = schema.get("type") == "array"
    value = _parameter_text(schema["items"] if many else schema, header=parameter["in"] == "header")
    once = st.tuples(st.tuples(st.just(parameter["name"]), value))
    twice = st.lists(st.tuples(st.just(parameter["name"]), value), min_size=2, max_size=3).map(tuple)
    absent = st.just(())
    if parameter["in"] == "header":
        return st.one_of(once, absent)
    usual = [once] * 6 if parameter.get("required") else [once, once, absent]
    return st.one_of(*usual, absent, twice)


def _parameter_text(schema: dict[str, Any], *, header: bool) -> st.SearchStrategy[str]:
    if header:
        return st.sampled_from(["", "key-1", "a b", "ü"])
    if "enum" in schema:
        return _mostly(schema["enum"], [*HOSTILE_TEXTS, schema["enum"][0].upper(), "false"])
    pools = {"integer": (INTEGERS, HOSTILE_INTEGERS), "boolean": (BOOLEANS, HOSTILE_BOOLEANS)}
    if schema.get("format") == "date":
        return _mostly(DATES, HOSTILE_DATES)
    return _mostly(*pools.get(schema["type"], (TEXTS, HOSTILE_TEXTS)))


def _body(
    spec: dict[str, Any], declared: dict[str, Any] | None
) -> tuple[st.SearchStrategy[bytes], st.SearchStrategy[str | None]]:
    if declared is None:
        return st.sampled_from([b"", b"", b"ignored"]), st.sampled_from(["application/json", None])
    valid = instances(spec, declared["content"]["application/json"]["schema"])
    as_bytes = st.one_of(valid, valid, damaged(valid)).map(lambda value: json.dumps(value).encode())
    media_types = [*MEDIA_TYPES * 3, *HOSTILE_MEDIA_TYPES]
    return st.one_of(as_bytes, as_bytes, as_bytes, st.sampled_from(RAW_BODIES)), st.sampled_from(media_types)


def instances(spec: dict[str, Any], schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a schema, with the keywords that request bodies of the spec use."""
    schema = resolved(spec, schema)
    if "allOf" in schema:
        parts = [instances(spec, part) for part in schema["allOf"]]
        return st.tuples(*parts).map(lambda dicts: {key: one[key] for one in dicts for key in one})
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        return st.one_of(*(instances(spec, {**schema, "type": kind}) for kind in kinds))
    if kinds == "object":
        return _objects(spec, schema)
    if kinds == "array":
        return st.lists(instances(spec, schema.get("items", {"type": "string"})), max_size=3)
    simple = {"string": NAMES, "number": NUMBERS, "boolean": [True, False], "null": [None], "integer": [0, 1, 7]}
    return st.sampled_from(simple[kinds])


def _objects(spec: dict[str, Any], schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = {name: instances(spec, one) for name, one in schema.get("properties", {}).items()}
    required = {name: properties[name] for name in schema.get("required", ())}
    optional = {name: one for name, one in properties.items() if name not in required}
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return st.dictionaries(st.sampled_from(NAMES), instances(spec, extra), max_size=2)
    return st.fixed_dictionaries(required, optional=optional)


def damaged(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The values with one node, anywhere, taken away, replaced or joined by an undeclared one."""
    return st.tuples(values, st.randoms(use_true_random=False), st.sampled_from(JUNK)).map(
        lambda drawn: _damage(drawn[0], drawn[1], drawn[2])
    )


def _damage(value: Any, random: Any, junk: Any) -> Any:
    if isinstance(value, dict) and value and random.random() < 0.8:
        key = random.choice(sorted(value))
        choice = random.random()
        if choice < 0.2:
            return {name: one for name, one in value.items() if name != key}
        if choice < 0.4:
            return {**value, "undeclared": junk}
        return {**value, key: _damage(value[key], random, junk)}
    if isinstance(value, list) and value and random.random() < 0.7:
        return [_damage(value[0], random, junk), *value[1:]]
    return junk
