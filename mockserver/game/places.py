"""Places in order, best first: a rank costs a search and not a sort, and a move in a long order not its length."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import accumulate
from typing import overload

# What ranks (the least is the best), who was first of those with the same, the user.
Place = tuple[int, int, str]

MOST = 8000  # places in one part; then it is halved


class Places:
    """No two are the same. Kept in parts, so that a move shifts no more than one of them."""

    __slots__ = ("_lasts", "_parts", "_starts")

    def __init__(self) -> None:
        self._parts: list[list[Place]] = [[]]  # none is empty, unless it is the only one
        self._lasts: list[Place] = []  # the last place of each part, while there are several
        self._starts: list[int] = []  # how many are before each part, and in all; empty while that is not known

    def add(self, place: Place) -> None:
        at = self._part_of(place) if self._lasts else 0
        insort(self._parts[at], place)
        self._changed(at)

    def remove(self, place: Place) -> None:
        """ValueError when it is not there."""
        at, index, _ = self._seek(place, place)
        del self._parts[at][index]
        self._changed(at)

    def move(self, old: Place, new: Place) -> None:
        """Puts another place where one was. ValueError when that is not there."""
        at, index, stays = self._seek(old, new)
        part = self._parts[at]
        if stays:
            part[index] = new
            if self._lasts:
                self._lasts[at] = part[-1]
        elif not self._lasts or self._part_of(new) == at:
            del part[index]
            insort(part, new)
            if self._lasts:
                self._lasts[at] = part[-1]
        else:
            del part[index]
            self._changed(at)
            self.add(new)

    def rank(self, place: Place) -> int:
        """Its rank, from 1; the one that it would have when it is not there."""
        if not self._lasts:
            return bisect_left(self._parts[0], place) + 1
        at = self._part_of(place)
        return self._before(at) + bisect_left(self._parts[at], place) + 1

    def ranks(self, old: Place, new: Place) -> tuple[int, int]:
        """The rank of a place that is there, and the one that it would have by moving to another."""
        at, index, stays = self._seek(old, new)
        was = index + 1 if at == 0 else self._before(at) + index + 1
        return was, was if stays else self.rank(new) - (old < new)

    def _seek(self, old: Place, new: Place) -> tuple[int, int, bool]:
        """In which part a place is and where there, and whether it can become another one and keep its rank, as far as
        its part tells."""
        at = self._part_of(old) if self._lasts else 0
        part = self._parts[at]
        index = bisect_left(part, old)
        last = len(part) - 1
        if index > last or part[index] != old:
            raise ValueError(f"{old!r} is not there")
        if not (part[index - 1] < new if index else at == 0):
            return at, index, False
        return at, index, new < part[index + 1] if index < last else at + 1 == len(self._parts)

    def _part_of(self, place: Place) -> int:
        """The part in which it is or would be, of several."""
        return min(bisect_left(self._lasts, place), len(self._lasts) - 1)

    def _before(self, at: int) -> int:
        """How many places are in the parts before that one."""
        if not self._starts:
            self._starts = [0, *accumulate(map(len, self._parts))]
        return self._starts[at]

    def _changed(self, at: int) -> None:
        """A part is longer or shorter: halves one that has become too long, lets go of an empty one, and notes which
        place is the last."""
        self._starts, parts = [], self._parts
        part = parts[at]
        if len(part) > MOST:
            parts[at : at + 1] = [part[: MOST // 2], part[MOST // 2 :]]
        elif not part and self._lasts:
            del parts[at]
        else:
            if self._lasts:
                self._lasts[at] = part[-1]
            return
        self._lasts = [part[-1] for part in parts] if len(parts) > 1 else []

    def __len__(self) -> int:
        return self._before(len(self._parts)) if self._lasts else len(self._parts[0])

    def __iter__(self) -> Iterator[Place]:
        for part in self._parts:
            yield from part

    @overload
    def __getitem__(self, index: int) -> Place: ...

    @overload
    def __getitem__(self, index: slice) -> list[Place]: ...

    def __getitem__(self, index: int | slice) -> Place | list[Place]:
        """By position, from 0, or a slice without steps."""
        if not self._lasts:
            return self._parts[0][index]
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            return self._between(start, stop)
        return self._between(index, index + 1)[0]

    def _between(self, start: int, stop: int) -> list[Place]:
        found: list[Place] = []
        for part in self._parts:
            if stop <= 0:
                break
            found += part[max(start, 0) : stop]
            start, stop = start - len(part), stop - len(part)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Places) and list(self) == list(other)
