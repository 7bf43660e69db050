"""A failed comparison as a report shows it: the first field that differs, expected and got."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

#: Longer values are cut, and the report says so.
LONG = 300
WORDS = {
    "==": "",
    "is": "",
    "!=": "anything but ",
    "is not": "anything but ",
    "in": "one of ",
    "not in": "none of ",
}


class Compared(NamedTuple):
    """`field` is a path in the value, empty where it is the whole."""

    field: str
    expected: str
    got: str


def compare(operator: str, got: Any, expected: Any) -> Compared:
    """The text for `got operator expected`, which does not hold."""
    path: list[str] = []
    if operator not in WORDS:  # in a chain, either side may be the actual value
        return Compared("", "", f"{show(got)} {operator} {show(expected)} does not hold")
    if operator == "==":
        path, got, expected = _first_difference(got, expected)
    return Compared("/" + "/".join(path) if path else "", WORDS[operator] + show(expected), show(got))


_MISSING = object()


def _first_difference(got: Any, expected: Any) -> tuple[list[str], Any, Any]:
    if isinstance(got, dict) and isinstance(expected, dict):
        for key in [*expected, *(key for key in got if key not in expected)]:
            one, other = got.get(key, _MISSING), expected.get(key, _MISSING)
            if one is _MISSING or other is _MISSING or one != other:
                path, one, other = _first_difference(one, other)
                return [str(key), *path], one, other
    if isinstance(got, list | tuple) and isinstance(expected, list | tuple) and len(got) == len(expected):
        for number, (one, other) in enumerate(zip(got, expected, strict=True)):
            if one != other:
                path, one, other = _first_difference(one, other)
                # Short lists are shown whole.
                return (
                    ([], got, expected)
                    if len(got) <= 1 or (not path and _is_plain(got))
                    else ([str(number), *path], one, other)
                )
    return [], got, expected


def _is_plain(rows: Any) -> bool:
    return len(rows) <= 12 and all(not isinstance(one, dict | list) for one in rows)


def show(value: Any) -> str:
    """A value as JSON if possible, without names of the suite's own classes."""
    if value is _MISSING:
        return "nothing"
    plain = _plain(value)
    text = plain if isinstance(plain, str) and not isinstance(value, str) else json.dumps(plain, ensure_ascii=False)
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(text):,} characters)"


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset | type({}.keys())):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value) if not _is_ours(value) else type(value).__name__.lower()


def _is_ours(value: Any) -> bool:
    return "object at 0x" in str(value) or "bound method" in str(value)
