"""The interface of a store of logs on this machine: append after an expected position, read from a position.

Logs that are shared with other machines are in a store whose calls are awaited (`jetstream.py`), and which is watched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from mockserver.log.record import Row


class LogStore(Protocol):
    """Logs by the API key of their world. Positions in a log run from 1 without a gap."""

    def append(self, rows: Sequence[Row]) -> None:
        """All of them, durably, or none. Raises `Conflict` when a position is not the next of its log, `LogError`."""
        ...

    def read(self, world: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Position and record of all that come after that position, in order. Raises `LogError`."""
        ...
