"""The narrow interface of a log's home: append after an expected position, read from a position, watch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mockserver.log.record import Row

Watcher = Callable[[Row], None]


class Home(Protocol):
    """Logs by the API key of their world. Positions in a log run from 1 without a gap."""

    def append(self, rows: Sequence[Row]) -> None:
        """All of them, durably, or none. Raises `Conflict` when a position is not the next of its log, `LogError`."""
        ...

    def read(self, world: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Position and record of all that come after that position, in order. Raises `LogError`."""
        ...

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """`watcher` is told of each row that is appended from now on. Calling the result ends that."""
        ...


class Watchers:
    """Who watches a home."""

    def __init__(self) -> None:
        self._watchers: list[Watcher] = []

    def add(self, watcher: Watcher) -> Callable[[], None]:
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def tell(self, rows: Sequence[Row]) -> None:
        for watcher in self._watchers:
            for row in rows:
                watcher(row)
