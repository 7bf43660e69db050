"""TOML within bounds: what would keep a parser busy for minutes, or break it, is refused before it sees the text.

`tomllib` takes time that grows with the square of a key's parts, recurses into brackets and counts in digits without
an end; so a text is first split into its statements, in one pass, and measured on the way.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

LARGEST = 256 * 1024  # bytes of a catalog as text
DEEPEST = 16  # tables and arrays inside each other
MOST_PARTS = 16  # of a dotted key
LONGEST_NUMBER = 100  # characters
TOO_DEEP = f"this is nested too deeply to be a catalog (more than {DEEPEST} levels)"
MOST_VALUES = 20_000  # of a catalog, tables and arrays included

_TOKEN = re.compile(
    r"""
      (?P<comment> \#[^\n]*+ )
    | (?P<string>
          \"{3} (?: [^"\\]++ | \\. | "(?!"") )*+ (?: \"{3,5} | \\?\Z )
        | '{3} (?: [^']++ | '(?!'') )*+ (?: '{3,5} | \Z )
        | " (?: [^"\\\n]++ | \\[^\n] )*+ "?
        | ' [^'\n]*+ '? )
    | (?P<open> [\[{] )
    | (?P<close> [\]}] )
    | (?P<newline> \n )
    | (?P<dot> \. )
    | (?P<blank> [ \t\r]++ )
    | (?P<bare> [^\s"'\#\[\]{}.,=]++ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


class OutOfBounds(ValueError):
    """A text that no catalog needs. `line` counts from 1; 0 where none is to blame."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


class Statement(NamedTuple):
    """The lines of one header or field, counted from 1, with whatever stands around it."""

    line: int
    source: str


def loads(text: str) -> dict[str, Any]:
    """The content of a TOML text, numbers with a point as decimals.

    Raises `OutOfBounds`, or `tomllib.TOMLDecodeError` for what is no TOML.
    """
    if len(text) > LARGEST or len(text.encode(errors="replace")) > LARGEST:
        raise OutOfBounds(f"a catalog must be at most {LARGEST} bytes ({LARGEST >> 10} KiB)")
    for _ in statements(text):
        pass
    return tomllib.loads(text, parse_float=_decimal)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise tomllib.TOMLDecodeError(f"the number {text} is beyond all bounds") from None


def statements(text: str) -> Iterator[Statement]:
    """A TOML text part by part, in one pass. Raises `OutOfBounds` as soon as one is."""
    first, begin, line, measured = 1, 0, 1, _Measured()
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or ""
        measured.take(kind, token[0], line)
        line += token[0].count("\n") if kind in ("newline", "string") else 0
        if kind == "newline" and measured.depth == 0:
            yield Statement(first, text[begin : token.end()])
            first, begin = line, token.end()
    if begin < len(text):
        yield Statement(first, text[begin:])


class _Measured:
    """How deep the brackets go, and how many dots have come in a row."""

    def __init__(self) -> None:
        self.depth = self.dots = 0

    def take(self, kind: str, word: str, line: int) -> None:
        if kind == "open":
            self.depth += 1
        elif kind == "close":
            self.depth = max(0, self.depth - 1)
        elif kind == "bare":
            _check_number(word, line)
        if kind == "dot":
            self.dots += 1
        elif kind not in ("bare", "string", "blank"):
            self.dots = 0
        if self.depth > DEEPEST:
            raise OutOfBounds(TOO_DEEP, line)
        if self.dots >= MOST_PARTS:
            raise OutOfBounds(f"a key has at most {MOST_PARTS} parts with dots between them", line)


def _check_number(word: str, line: int) -> None:
    if len(word) > LONGEST_NUMBER and word.lstrip("+-")[:1].isdigit():
        raise OutOfBounds(f"a number has at most {LONGEST_NUMBER} digits", line)


def excess(data: Any) -> str | None:
    """What of data that were parsed is beyond bounds, in words; looked at level by level, without recursion."""
    level, depth, count = [data], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if count > MOST_VALUES:
            return f"a catalog has at most {MOST_VALUES} values"
        if depth > DEEPEST:
            return TOO_DEEP
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return None
