"""Finds the line of a field in a TOML text: the parser, which tells no positions, is fed statement by statement."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from mockserver.catalogs.bounds import statements
from mockserver.catalogs.problems import Path


def line_of(path: Path, lines: dict[Path, int]) -> int:
    """The line of `path`, or of the innermost table around it that has one; 0 when there is none."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in lines:
            return lines[path[:depth]]
    return 0


def lines_of(text: str) -> dict[Path, int]:
    """Every table and field of a valid TOML text with the line it starts on, counted from 1."""
    lines: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    for number, statement in statements(text):
        content, source = tomllib.loads(statement), statement.lstrip()
        if source.startswith("["):
            table = _header(content, arrays, repeated=source.startswith("[["))
            for depth in range(1, len(table) + 1):
                lines.setdefault(table[:depth], number)
        for path in _fields(content) if not source.startswith("[") else ():
            lines.setdefault((*table, *path), number)
    return lines


def _header(content: dict[str, object], arrays: dict[Path, int], *, repeated: bool) -> Path:
    """The path of a table header; steps through arrays of tables point to their last element."""
    path: Path = ()
    value: object = content
    while isinstance(value, dict) and value:
        name, value = next(iter(value.items()))
        path = (*path, name)
        innermost = not (isinstance(value, dict) and value)
        if repeated and innermost:
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = (*path, arrays[path])
    return path


def _fields(content: dict[str, object]) -> Iterator[Path]:
    """Paths of everything that a statement sets, dotted keys and inline tables included."""
    for name, value in content.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *path) for path in _fields(value))
