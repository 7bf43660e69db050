"""The home of logs that end with the process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mockserver.log.home import Watcher, Watchers
from mockserver.log.record import Conflict, Row


class MemoryHome:
    """Logs in lists."""

    def __init__(self) -> None:
        self._logs: dict[str, list[bytes]] = {}
        self._watchers = Watchers()

    def append(self, rows: Sequence[Row]) -> None:
        ends = {world: len(self._logs.get(world, ())) for world, _, _ in rows}
        for world, position, _ in rows:
            ends[world] += 1
            if position != ends[world]:
                raise Conflict(f"the log of {world} goes on at position {ends[world]}, not at {position}")
        for world, _, record in rows:
            self._logs.setdefault(world, []).append(record)
        self._watchers.tell(rows)

    def read(self, world: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        yield from enumerate(self._logs.get(world, [])[after:], after + 1)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        return self._watchers.add(watcher)
