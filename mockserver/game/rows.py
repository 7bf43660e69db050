"""What grows with every day and every award is kept as rows of plain numbers, and read as records."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, MutableSequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

KEPT_AWARDS = 100  # the most that a response can show


class Timeline:
    """Changes summed by local day: rows of day (ordinal), change and number of events, oldest first."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: MutableSequence[int] = array("q")

    def add(self, day: int, change: int) -> None:
        rows = self._rows
        if rows and rows[-3] == day:
            at = len(rows) - 3
        else:
            at = len(rows)
            if rows and rows[-3] > day:
                at = self._from(day)
            if at == len(rows) or rows[at] != day:
                for value in (0, 0, day):
                    rows.insert(at, value)
        rows[at + 2] += 1
        try:
            rows[at + 1] += change
        except OverflowError:  # beyond 64 bits: plain integers from here on
            self._rows = list(rows)
            self._rows[at + 1] += change

    @property
    def last(self) -> int | None:
        """The latest day (ordinal) with an event; None without any."""
        return self._rows[-3] if self._rows else None

    def rows(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """(day, change, events) from `first` to `last`, both ordinals inclusive, oldest first."""
        rows, at = self._rows, self._from(first)
        while at < len(rows) and rows[at] <= last:
            yield rows[at], rows[at + 1], rows[at + 2]
            at += 3

    def change(self, first: int, last: int) -> int | None:
        """The sum of the changes from `first` to `last`, both inclusive; None without any event."""
        rows = self._rows
        if not rows or rows[-3] < first or rows[0] > last:
            return None
        if rows[-3] == first:
            return rows[-2]
        start = 0 if rows[0] >= first else self._from(first)
        end = len(rows) if rows[-3] <= last else self._from(last + 1)
        return sum(rows[start + 1 : end : 3]) if start < end else None

    def between(self, first: int, last: int) -> int:
        """The same, 0 without any event."""
        return self.change(first, last) or 0

    def until(self, last: int) -> int:
        """The total at the end of `last`."""
        return self.between(1, last)

    def _from(self, day: int) -> int:
        """Where the first row from `day` on is."""
        rows = self._rows
        return 3 * bisect_left(range(len(rows) // 3), day, key=lambda row: rows[3 * row])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeline) and list(self._rows) == list(other._rows)


class CountedPeriod(NamedTuple):
    """A period that counted or was frozen, with the running length at it."""

    start: date
    length: int
    frozen: bool


class CountedPeriods:
    """All of a user's, oldest first; kept as numbers (start as ordinal, length, frozen), 12 bytes each."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows = array("i")

    @classmethod
    def of(cls, rows: Iterable[tuple[date, int, bool]]) -> CountedPeriods:
        """From start, length and whether it was frozen, oldest first."""
        made = cls()
        for start, length, frozen in rows:
            made._rows.extend((start.toordinal(), length, frozen))
        return made

    def count(self, period: date, length: int) -> None:
        """Notes a period that counted."""
        # Choice: a frozen period in which somebody is active after all, having travelled west, counts.
        rows, at = self._rows, 3 * self.begun_before(period)
        for later in range(at, len(rows), 3):
            rows[later + 1] = length
        frozen = rows[at : at + 1] == array("i", [period.toordinal()])
        rows[at : at + 3 * frozen] = array("i", [period.toordinal(), length, False])

    def freeze(self, period: date, length: int) -> None:
        """Notes a period that a freeze covered, later than all others."""
        self._rows.extend((period.toordinal(), length, True))

    def begun_before(self, day: date) -> int:
        """How many of them began before `day`."""
        rows = self._rows
        if not rows or rows[-3] < day.toordinal():
            return len(rows) // 3
        return bisect_left(range(len(rows) // 3), day.toordinal(), key=lambda row: rows[3 * row])

    def __len__(self) -> int:
        return len(self._rows) // 3

    def __getitem__(self, at: int) -> CountedPeriod:
        start, length, frozen = self._rows[3 * at : 3 * at + 3]
        return CountedPeriod(date.fromordinal(start), length, bool(frozen))

    def __iter__(self) -> Iterator[CountedPeriod]:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CountedPeriods) and self._rows == other._rows


class Award(NamedTuple):
    """Schema `PointsAward`; trigger and boosts by id."""

    seq: int
    time: int
    awarded: int
    total: int
    trigger: str
    boosts: tuple[str, ...]


class Awards:
    """A user's newest ones in one system: numbers in a row, 32 bytes each, beside their shared causes."""

    __slots__ = ("_causes", "_numbers")

    def __init__(self) -> None:
        self._numbers = array("q")
        self._causes: list[tuple[str, tuple[str, ...]]] = []

    def add(self, seq: int, time: int, awarded: int, total: int, trigger: str, boosts: tuple[str, ...]) -> None:
        """As `Award` has them."""
        self._numbers.extend((seq, time, awarded, total))
        self._causes.append(_cause(trigger, boosts))

    def sum_of(self, number: int) -> tuple[int, tuple[int, ...]]:
        """What so many of the newest awarded together, and their numbers."""
        rows = self._numbers[-4 * number :]
        return sum(rows[2::4]), tuple(rows[::4])

    def newest(self, number: int) -> list[Award]:
        """As many as that, the newest last."""
        numbers, causes, found = self._numbers, self._causes, []
        for at in range(max(0, len(causes) - number), len(causes)):
            seq, time, awarded, total = numbers[4 * at : 4 * at + 4]
            trigger, boosts = causes[at]
            found.append(Award(seq, time, awarded, total, trigger, boosts))
        return found

    def forget(self, unsent: int) -> None:
        """Drops those that no response can show any more, now and then; not of the `unsent` newest ones."""
        kept = max(unsent, KEPT_AWARDS)
        if len(self._causes) > 2 * kept:
            del self._numbers[: -4 * kept], self._causes[:-kept]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Awards) and (self._numbers, self._causes) == (other._numbers, other._causes)


@lru_cache(maxsize=4096)
def _cause(trigger: str, boosts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    return trigger, boosts
