"""JSON as bytes, from templates that are made once and checked once against the spec.

A template that the spec allows, filled with values of the same types as before, is allowed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

GAP = "\0gap"  # stands in a shape for what is filled in later
_GAP = orjson.dumps(GAP)

Filling = bytes | int | float | None  # bytes: JSON already, always of the same form


class Form:
    """A template as it is when values of certain types fill it. `passed`: the check that it passed last."""

    __slots__ = ("passed", "plain", "text")

    def __init__(self, pieces: list[bytes], types: tuple[type, ...]) -> None:
        self.text = pieces[0] + b"".join(map(bytes.__add__, [_HOLDS[kind] for kind in types], pieces[1:]))
        self.plain = float not in types
        self.passed: object = None


Used = list[Form]
_HOLDS = {bytes: b"%b", int: b"%d", float: b"%b", type(None): b"null%.0a"}  # of None no character is written


class Template:
    """JSON with gaps; as a member of an object when it has a `name`."""

    __slots__ = ("_forms", "_pieces")

    def __init__(self, shape: Any, name: str | None = None) -> None:
        text = orjson.dumps(shape) if name is None else orjson.dumps(name) + b":" + orjson.dumps(shape)
        self._pieces = text.replace(b"%", b"%%").split(_GAP)
        self._forms: dict[tuple[type, ...], Form] = {}

    def fill(self, used: Used, *gaps: Filling) -> bytes:
        """The whole text; notes in `used` what it was made of."""
        types = tuple(map(type, gaps))
        form = self._forms.get(types)
        if form is None:
            form = self._forms[types] = Form(self._pieces, types)
        used.append(form)
        if form.plain:
            return form.text % gaps
        return form.text % tuple([orjson.dumps(gap) if isinstance(gap, float) else gap for gap in gaps])


def text(value: str) -> bytes:
    """An id, a date or a time as a JSON string: nothing in it needs an escape."""
    return b'"%b"' % value.encode()


class Rendered(Mapping[str, Any]):
    """A response as bytes; read as a mapping, it is parsed. `used`: all that it was made of, None when part of it came
    from no template."""

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
        for form in self._used:  # noqa: SIM110  with every event
            if form.passed is not check:
                return False
        return True

    def note_passed(self, check: object) -> None:
        """This check has just passed the whole."""
        for form in self._used or ():
            form.passed = check

    def __repr__(self) -> str:
        return repr(self.content)

    def __getitem__(self, name: str) -> Any:
        return self.content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)
