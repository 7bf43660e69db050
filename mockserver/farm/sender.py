"""Which of the servers sends webhooks: one at a time, as long as its signs of life are in the log."""

from __future__ import annotations

import time

from mockserver.log.jetstream import LEASE, JetStreamStore
from mockserver.log.record import Conflict

BEAT = 1.0  # seconds from one sign of life to the next
SILENCE = 4.0  # seconds without one, after which another server takes over


class Sender:
    """`sends`: whether it is this server, as far as it knows."""

    def __init__(self, store: JetStreamStore, id: str) -> None:
        self._store = store
        self._id = id.encode()
        self.sends = False
        self._seen = (0, 0.0)  # position of the newest sign of life, and when it was first seen
        self._until = 0.0  # nobody else takes over before that

    def permits(self) -> bool:
        """Whether this server may send now; one that stood still for a while may not, before it has looked."""
        return self.sends and time.monotonic() < self._until

    async def beat(self) -> bool:
        """Gives a sign of life, or takes over when there was none; whether `sends` is another than before. Raises
        `LogError`."""
        began = time.monotonic()
        newest = await self._store.last(LEASE)
        position, since = self._seen
        if newest is not None and newest.position != position:
            self._seen = position, since = newest.position, began
        mine = newest is not None and newest.data == self._id
        if newest is None or mine or began - since > SILENCE:
            try:
                position = await self._store.append(LEASE, newest.position if newest else 0, self._id)
                self._seen, self._until, mine = (position, began), began + SILENCE, True
                await self._store.forget(LEASE, keep=1)
            except Conflict:
                mine = False
        before, self.sends = self.sends, mine
        return mine != before
