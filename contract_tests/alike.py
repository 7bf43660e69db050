"""Makes responses comparable: times in one form, and only the fields that the spec names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

JSON = Any
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)", re.ASCII)


def canonical(value: JSON) -> JSON:
    """The same value with every time in one form: UTC, milliseconds, `Z`."""
    if isinstance(value, str):
        return _in_utc(value) if len(value) <= 40 and _MOMENT.fullmatch(value) else value
    if isinstance(value, dict):
        return {key: canonical(one) for key, one in value.items()}
    if isinstance(value, list):
        return [canonical(one) for one in value]
    return value


def _in_utc(text: str) -> str:
    """The time in UTC; digits beyond milliseconds stay unless they are 0."""
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return text  # no day of the calendar, or a year out of range
    rest = f"{moment.microsecond % 1000:03d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}{rest}Z"


class Names:
    """The fields that a spec names, and those whose own keys are data, such as `attributes`."""

    def __init__(self, raw: dict[str, JSON]) -> None:
        rows = list(_properties(raw))
        self.fields = {name for name, _ in rows}
        self.maps = {name for name, schema in rows if isinstance(schema.get("additionalProperties"), dict | bool)}

    def known(self, value: JSON, holder: str = "") -> JSON:
        """The value without fields that the spec does not name: an implementation may add some anywhere."""
        if isinstance(value, list):
            return [self.known(one, holder) for one in value]
        if not isinstance(value, dict):
            return value
        data = holder in self.maps
        return {key: self.known(one, "" if data else key) for key, one in value.items() if data or key in self.fields}

    def alike(self, got: JSON, want: JSON, holder: str = "") -> bool:
        """Whether both are equal except for fields that the spec does not name; `holder` is the field around them."""
        if isinstance(got, list) and isinstance(want, list):
            return len(got) == len(want) and all(map(partial(self.alike, holder=holder), got, want))
        if not (isinstance(got, dict) and isinstance(want, dict)) or holder in self.maps:
            return bool(got == want)
        more = {key for key in got if key not in want and key in self.fields}
        return not more and all(key in got and self.alike(got[key], one, key) for key, one in want.items())


def _properties(node: JSON) -> Iterator[tuple[str, dict[str, JSON]]]:
    """Every property of every schema in a spec."""
    if isinstance(node, dict):
        properties = node.get("properties")
        for name, schema in properties.items() if isinstance(properties, dict) else ():
            if isinstance(schema, dict):
                yield name, schema
        for key, part in node.items():
            if key not in ("example", "examples"):
                yield from _properties(part)
    elif isinstance(node, list):
        for part in node:
            yield from _properties(part)
