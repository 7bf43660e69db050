"""The worlds that servers share through a cluster, read as a directory is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from mockserver.log import shared
from mockserver.log.jetstream import WORLDS, JetStreamStore
from mockserver.log.record import LogError


def is_cluster(where: str) -> bool:
    """Whether it is the address of a cluster and no directory."""
    return "://" in where


class ClusterWorlds:
    """As `SqliteStore`, for reading. Raises `LogError` when the cluster does not respond, or holds no worlds."""

    def __init__(self, servers: str) -> None:
        try:
            import nats  # noqa: F401
        except ImportError:
            raise LogError("a cluster needs nats-py: pip install 'trophy-mockserver[farm]'") from None
        self._store = JetStreamStore([server.strip() for server in servers.split(",") if server.strip()])
        self._runner = asyncio.Runner()
        self._lines = cache(lambda world: self._runner.run(shared.lines_of(self._store, world)))
        try:
            self._runner.run(self._store.open(make=False))
        except BaseException:
            self.close()
            raise

    def worlds(self) -> list[str]:
        """The API keys of all worlds."""
        found = []
        for key in sorted(self._runner.run(self._store.counts(WORLDS))):
            if self._runner.run(shared.beginning(self._store, key)) is not None:
                found.append(key)
        return found

    def read(self, world: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Position and record, as in a log of its own."""
        return ((number, line) for number, line in enumerate(self._lines(world), 1) if number > after)

    def length(self, world: str) -> int:
        return len(self._lines(world))

    def checkpoint(self, world: str) -> None:
        """Each server has its own."""

    def close(self) -> None:
        with suppress(Exception):
            self._runner.run(self._store.close())
        self._runner.close()
