"""From a raw path to what the spec has there. Segments are compared before they are decoded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

Thing = TypeVar("Thing")


class _Node(Generic[Thing]):
    __slots__ = ("any", "fixed", "here")

    def __init__(self) -> None:
        self.fixed: dict[bytes, _Node[Thing]] = {}
        self.any: _Node[Thing] | None = None
        self.here: Thing | None = None


class Paths(Generic[Thing]):
    """Path templates, `/users/{id}/streak`, compiled into a tree; fixed segments win over variables."""

    def __init__(self, templates: Iterable[tuple[str, Thing]]) -> None:
        self._root: _Node[Thing] = _Node()
        for template, thing in templates:
            node = self._root
            for segment in template.encode().split(b"/")[1:]:
                if segment.startswith(b"{"):
                    node.any = node.any or _Node()
                    node = node.any
                else:
                    node = node.fixed.setdefault(segment, _Node())
            node.here = thing

    def find(self, path: bytes) -> tuple[Thing, list[bytes]] | None:
        """What lies at `path` (percent-encoded, with a leading slash) and its variables, still encoded.

        An empty segment is an empty variable: its parameter refuses it by name.
        """
        segments, values, node = path.split(b"/"), list[bytes](), self._root
        for segment in segments[1:]:  # without a choice there is no way back to remember
            following = node.fixed.get(segment)
            if following is None and node.any is not None and not (node.fixed and b"%" in segment):
                values.append(segment)
                following = node.any
            elif following is None or node.any is not None:
                return self._search(segments)
            node = following
        return None if node.here is None else (node.here, values)

    def _search(self, segments: list[bytes]) -> tuple[Thing, list[bytes]] | None:
        values: list[bytes] = []
        here = _walk(self._root, segments, 1, values)
        return None if here is None else (here, values)


def _walk(node: _Node[Thing], segments: list[bytes], at: int, values: list[bytes]) -> Thing | None:
    if at == len(segments):
        return node.here
    segment = segments[at]
    fixed = node.fixed.get(segment)
    if fixed is None and b"%" in segment:
        fixed = node.fixed.get(unquote_to_bytes(segment))
    if fixed is not None and (found := _walk(fixed, segments, at + 1, values)) is not None:
        return found
    if node.any is None:
        return None
    values.append(segment)
    found = _walk(node.any, segments, at + 1, values)
    if found is None:
        values.pop()
    return found
