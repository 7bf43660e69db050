"""Records of one turn of the event loop are appended together, and answers wait until that is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context

from mockserver.log.home import Home
from mockserver.log.record import LogError, Record, Row, encode

log = logging.getLogger("mockserver")

Finish = Callable[[bool], None]  # told whether the records of its turn were kept


class Turn:
    """`failed` is told which worlds have changed without it being kept: they must go back to what their log says."""

    def __init__(self, home: Home, failed: Callable[[set[str]], None] | None = None) -> None:
        self._home = home
        self._failed = failed
        self._rows: list[Row] = []
        self._held: list[Finish] = []

    @property
    def open(self) -> bool:
        """Whether records wait to be appended: what is answered now may rest on them."""
        return bool(self._rows)

    def add(self, row: Row) -> None:
        """To be appended at the end of this turn; outside an event loop, now."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._rows.append(row)
            self.end()
            return
        if not self._rows:
            loop.call_soon(self.end, context=Context())
        self._rows.append(row)

    def hold(self, finish: Finish) -> None:
        """Calls it when the turn has ended; in the order in which they came."""
        self._held.append(finish)

    async def settled(self) -> bool:
        """Returns when nothing waits to be appended: whether all was kept."""
        if not self._rows:
            return True
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.hold(lambda done: None if kept.done() else kept.set_result(done))
        return await kept

    def end(self) -> None:
        """Appends what waits, and lets go who waits for it."""
        rows, self._rows = self._rows, []
        held, self._held = self._held, []
        kept = self._append(rows) if rows else True
        for finish in held:
            try:
                finish(kept)
            except Exception:
                log.exception("What follows a kept record failed; this is a defect of the mock")

    def _append(self, rows: list[Row]) -> bool:
        try:
            self._home.append(rows)
        except Exception as error:  # whatever it is: what is not kept must not have happened
            told = error if isinstance(error, LogError) else f"{type(error).__name__} {error}"
            log.error("%d commands could not be kept and did not happen: %s.", len(rows), told)
            if self._failed is not None:
                self._failed({world for world, _, _ in rows})
            return False
        return True


class Recorder:
    """Writes the log of one world; `position` is that of its newest record."""

    __slots__ = ("_turn", "position", "world")

    def __init__(self, turn: Turn, world: str, position: int = 0) -> None:
        self._turn = turn
        self.world = world
        self.position = position

    def add(self, record: Record) -> None:
        self.add_line(encode(record))

    def add_line(self, line: bytes) -> None:
        position = self.position + 1
        self._turn.add((self.world, position, line))
        self.position = position
