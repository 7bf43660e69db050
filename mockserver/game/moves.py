"""What users did to the rankings of a run, in order: from it follows where anybody stood at any moment.

Older moves are packed. Where a move goes is a rank that counts on beyond the board's limit, 0 is none.
"""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

CHUNK = 512
COLUMNS = 9
NOBODY = -1  # instead of a user: the board's limit changed

# The number of the fact, its moment (ms UTC), the user; group, rank and value before; group, rank and value after.
# Users and groups go by their number in the run.
Move = tuple[int, int, int, int, int, int, int, int, int]


class Chunk(NamedTuple):
    """Moves in a row. Who stands before rank `first` or after `last` was not concerned by any of them."""

    first: int
    last: int
    newest: Callable[[], Iterator[Move]]


class Moves:
    """Append-only; read from the newest backwards."""

    __slots__ = ("_packed", "_recent")

    def __init__(self) -> None:
        self._packed: list[tuple[int, int, bytes]] = []
        self._recent = array("q")

    def add(self, move: Move) -> None:
        recent = self._recent
        recent.extend(move)
        if len(recent) >= 2 * CHUNK * COLUMNS:
            self._packed.append(_pack(recent[: CHUNK * COLUMNS]))
            del recent[: CHUNK * COLUMNS]

    def chunks(self) -> Iterator[Chunk]:
        """Newest first."""
        yield Chunk(0, sys.maxsize, partial(_backwards, self._recent))
        for first, last, packed in reversed(self._packed):
            yield Chunk(first, last, partial(_unpacked, packed))

    def newest(self) -> Iterator[Move]:
        """All of them, newest first."""
        for chunk in self.chunks():
            yield from chunk.newest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moves) and list(self.newest()) == list(other.newest())


def _backwards(rows: array[int]) -> Iterator[Move]:
    columns = [rows[column::COLUMNS][::-1] for column in range(COLUMNS)]
    return zip(*columns, strict=True)


# Column by column, which packs best.


def _pack(rows: array[int]) -> tuple[int, int, bytes]:
    columns = [rows[column::COLUMNS] for column in range(COLUMNS)]
    ranks = columns[4] + columns[7]
    if NOBODY in columns[2]:
        first, last = 0, sys.maxsize
    else:  # who comes or goes moves everybody behind
        first, last = min(filter(None, ranks), default=sys.maxsize), sys.maxsize if 0 in ranks else max(ranks)
    return first, last, zlib.compress(b"".join(column.tobytes() for column in columns), 1)


def _unpacked(packed: bytes) -> Iterator[Move]:
    columns = array("q", zlib.decompress(packed))
    rows = len(columns) // COLUMNS
    backwards = [columns[column * rows : (column + 1) * rows][::-1] for column in range(COLUMNS)]
    return zip(*backwards, strict=True)
