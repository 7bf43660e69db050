"""Servers in this process that share one world through a real log in NATS, told things step by step."""

from __future__ import annotations

from contextvars import copy_context
from pathlib import Path
from typing import Any

from kept import Server

from mockserver.clock import pin
from mockserver.control.loading import LoadedLog
from mockserver.farm.checkpoints import Checkpoints
from mockserver.farm.replica import Replica
from mockserver.farm.start import Start
from mockserver.log import shared
from mockserver.log.jetstream import STREAM, JetStreamStore
from mockserver.serve.progress import populate
from mockserver.worlds import DEFAULT_KEY, Worlds


class Sharing(Server):
    """One of them. `checkpoints`: its directory."""

    def __init__(self, url: str, checkpoints: Path, *args: Any, **how: Any) -> None:
        self._url, self._checkpoints = url, checkpoints
        super().__init__(None, *args, **how)

    def make_worlds(self, story: LoadedLog | None) -> Worlds:
        self.keeper = None
        checkpoints = Checkpoints(self._checkpoints)
        self.start = Start([self._url], checkpoints, local_reads=False, idle=0.0, loaded_log=story)
        return self.start.worlds(self.plan, (DEFAULT_KEY,), populate)

    async def bring_up(self, story: LoadedLog | None) -> None:
        self.start.bring_up(self.plane, self.app)
        await self.start.load(self.plane)
        await self.start.farm.open()

    @property
    def replica(self) -> Replica:
        return self.start.farm._replicas[DEFAULT_KEY]

    def do(self, what: Any) -> Any:
        """Something in the server's loop, at its time."""
        with pin(self.now):
            return self.runner.run(what, context=copy_context())

    def drop(self) -> None:
        """Nobody has asked for a while."""
        self.replica.touched = float("-inf")
        self.do(self.start.farm.suspend_idle())
        assert DEFAULT_KEY not in self.start.farm._replicas

    def checkpoint(self) -> None:
        self.start.farm._save(self.replica)

    def lines(self) -> list[bytes]:
        """The world as text."""
        found: list[bytes] = self.do(shared.lines_of(self.start.farm.store, DEFAULT_KEY))
        return found

    def log(self) -> list[bytes]:
        return self.lines()

    def everything(self, key: str = DEFAULT_KEY) -> Any:
        self.do(self.start.farm.ready(key))
        self.do(self.replica.tick())
        return super().everything(key)

    def __exit__(self, *how: object) -> None:
        """As a kill ends it: nothing is written any more."""
        self.do(self.start.farm.store.close())
        super().__exit__(*how)


async def empty(url: str) -> None:
    """A log in which nothing is."""
    store = JetStreamStore([url])
    await store.open()
    await store._js.purge_stream(STREAM)
    await store.close()
