"""JSON that is written as bytes: what is the same each time is made once, and checked once against the document.

A template that the document allows, filled with values of the same types as before, is allowed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

GAP = "\0gap"  # stands in a shape for what is filled in later
_GAP = orjson.dumps(GAP)

Filling = bytes | int | float | None  # bytes: JSON already, always of the same form


class Template:
    """JSON with gaps; as a member of an object when it has a `name`."""

    __slots__ = ("_text", "passed")

    def __init__(self, shape: Any, name: str | None = None) -> None:
        text = orjson.dumps(shape) if name is None else orjson.dumps(name) + b":" + orjson.dumps(shape)
        self._text = text.replace(b"%", b"%%").replace(_GAP, b"%b")
        self.passed: dict[tuple[type, ...], object] = {}  # by the types of what filled it: which check it passed

    def fill(self, used: Used, *gaps: Filling) -> bytes:
        """The whole text; notes in `used` that it was made of this."""
        used.append((self, tuple(map(type, gaps))))
        return self._text % tuple([gap if type(gap) is bytes else _json(gap) for gap in gaps])


Used = list[tuple[Template, tuple[type, ...]]]


def _json(value: Filling) -> bytes:
    if value is None:
        return b"null"
    return b"%d" % value if isinstance(value, int) else orjson.dumps(value)


def text(value: str) -> bytes:
    """An id, a date or a time as a JSON string: nothing in it needs an escape."""
    return b'"%b"' % value.encode()


class Rendered(Mapping[str, Any]):
    """A response as bytes; read as a mapping, it is parsed. `used`: all templates it was made of, None when part of it
    came from none."""

    __slots__ = ("_content", "_used", "body")

    def __init__(self, body: bytes, used: Used | None) -> None:
        self.body = body
        self._used = used
        self._content: dict[str, Any] | None = None

    @property
    def content(self) -> dict[str, Any]:
        """As plain JSON values."""
        if self._content is None:
            self._content = orjson.loads(self.body)
        return self._content

    def has_passed(self, check: object) -> bool:
        """Whether this check has passed all that it is made of."""
        if self._used is None:
            return False
        for template, types in self._used:  # noqa: SIM110  with every event
            if template.passed.get(types) is not check:
                return False
        return True

    def note_passed(self, check: object) -> None:
        """This check has just passed the whole."""
        for template, types in self._used or ():
            template.passed[types] = check

    def __getitem__(self, name: str) -> Any:
        return self.content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)
