"""Outcomes of deliveries, in a stream next to the log of their world, so that another server can go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import orjson

from mockserver.log.jetstream import OUTCOMES, PATIENCE, JetStreamStore, subject_of
from mockserver.log.record import LogError
from mockserver.webhooks.delivery import Attempt, Outcome

log = logging.getLogger("mockserver")


class Outcomes:
    """The ledger of one world, as it was when it was last read."""

    def __init__(self, store: JetStreamStore, world: str) -> None:
        self._store = store
        self._subject = subject_of(OUTCOMES, world)
        self._known: dict[int, dict[int, Outcome]] = {}
        self._position = 0
        self._sending: set[asyncio.Task[None]] = set()

    @classmethod
    async def read(cls, store: JetStreamStore, world: str) -> Outcomes:
        """All that is known by now. Raises `LogError`."""
        found = cls(store, world)
        await found.read_on()
        return found

    async def read_on(self) -> None:
        """What other servers have written meanwhile. Raises `LogError`."""
        newest = await self._store.last(self._subject)
        if newest is None:
            return
        async for message in self._store.read(self._subject, self._position, newest.position):
            generation, number, state, due, attempts = orjson.loads(message.data)
            outcome = Outcome(state, due, [Attempt(*attempt) for attempt in attempts])
            self._known.setdefault(generation, {})[number] = outcome
            self._position = message.position

    def outcomes(self, generation: int) -> Mapping[int, Outcome]:
        return self._known.get(generation, {})

    def keep(self, generation: int, number: int, outcome: Outcome) -> None:
        """Is written soon; what is not is a delivery that may be made twice."""
        attempts = [tuple(attempt) for attempt in outcome.attempts]
        data = orjson.dumps((generation, number, outcome.state, outcome.due, attempts))
        task = asyncio.get_running_loop().create_task(self._write(data))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def settled(self) -> None:
        """Returns when all is written, or could not be for a while."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=PATIENCE)

    async def _write(self, data: bytes) -> None:
        try:
            await self._store.append(self._subject, None, data)
        except LogError as error:
            log.warning("What became of a webhook could not be kept (%s): it may be sent again.", error)
