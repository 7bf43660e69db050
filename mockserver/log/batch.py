"""Records of one turn of the event loop are appended together, and responses wait until that is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context

from mockserver.log.record import LogError, Record, Row, encode
from mockserver.log.store import LogStore

log = logging.getLogger("mockserver")

WhenWritten = Callable[[bool], None]  # called with whether the records were written


class Batch:
    """`failed` is called with worlds whose records could not be written: they must go back to what their log says."""

    def __init__(self, store: LogStore, failed: Callable[[set[str]], None] | None = None) -> None:
        self._store = store
        self._failed = failed
        self._rows: list[Row] = []
        self._callbacks: list[WhenWritten] = []

    @property
    def pending(self) -> bool:
        """Whether records wait to be appended: a response that is sent now may rest on them."""
        return bool(self._rows)

    def add(self, row: Row) -> None:
        """To be appended at the end of this turn; outside an event loop, now."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._rows.append(row)
            self.flush()
            return
        if not self._rows:
            loop.call_soon(self.flush, context=Context())
        self._rows.append(row)

    def when_written(self, callback: WhenWritten) -> None:
        """Calls it when the turn has ended; in the order in which they came."""
        self._callbacks.append(callback)

    async def written(self) -> bool:
        """Returns when nothing waits to be appended: whether all was kept."""
        if not self._rows:
            return True
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.when_written(lambda done: None if kept.done() else kept.set_result(done))
        return await kept

    def flush(self) -> None:
        """Appends what waits, and calls the callbacks."""
        rows, self._rows = self._rows, []
        callbacks, self._callbacks = self._callbacks, []
        kept = self._append(rows) if rows else True
        for callback in callbacks:
            try:
                callback(kept)
            except Exception:
                log.exception("What follows a kept record failed; this is a defect of the mock")

    def flush_or_fail(self) -> None:
        """As `flush`, for a server that does not run yet and must not when nothing can be kept. Raises `LogError`."""
        rows, self._rows = self._rows, []
        if rows:
            self._store.append(rows)
        self.flush()

    def _append(self, rows: list[Row]) -> bool:
        try:
            self._store.append(rows)
        except Exception as error:  # whatever it is: what is not kept must not have happened
            reason = error if isinstance(error, LogError) else f"{type(error).__name__} {error}"
            log.error("%d commands could not be kept and did not happen: %s.", len(rows), reason)
            if self._failed is not None:
                self._failed({world for world, _, _ in rows})
            return False
        return True


class Recorder:
    """Writes the log of one world; `position` is that of its newest record."""

    __slots__ = ("_batch", "position", "world")

    def __init__(self, batch: Batch, world: str, position: int = 0) -> None:
        self._batch = batch
        self.world = world
        self.position = position

    def add(self, record: Record) -> None:
        self.add_line(encode(record))

    def add_line(self, line: bytes) -> None:
        position = self.position + 1
        self._batch.add((self.world, position, line))
        self.position = position
