"""What stands beside a world and is no part of its state: its webhooks, request log, faults and snapshots."""

from __future__ import annotations

import asyncio
import pickle
import zlib
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from mockserver.control.faults import Faults
from mockserver.control.feed import Feed
from mockserver.control.prefer import HEADER, Preference
from mockserver.control.prefer import read as read_preference
from mockserver.control.requests import RequestLog
from mockserver.exchange import Befalls, Call, Response
from mockserver.game.errors import NotFound, Refused
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation

MOST_SNAPSHOTS = 100
MOST_LOOSE = 32 * 2**20  # bytes of snapshots that are not compressed


class WorldContext:
    """Beside one world. `moving` is held by whoever moves its clock or replaces its state, one after the other."""

    def __init__(self, organisation: Organisation, webhooks: Webhooks, faults: Faults) -> None:
        self.organisation = organisation
        self.webhooks = webhooks
        self.faults = faults
        self.requests = RequestLog()
        self.snapshots = Snapshots(organisation)
        self.moving = asyncio.Lock()
        self.feed = Feed(organisation)
        self._ending = asyncio.Event()

    def before(self, call: Call, prefer: bool) -> Befalls | None:
        """Faults and preferences; None when there are none."""
        wish = call.headers.get(HEADER) if prefer else None
        if wish is None and not self.faults.on:
            return None
        return partial(self._suffer, call, read_preference(wish) if wish else Preference())

    async def _suffer(self, call: Call, wish: Preference) -> Response | None:
        """The limit first, then the waiting, then what was asked for, then what strikes anyhow."""
        operation = call.operation.id if call.operation else ""
        if refused := self.faults.limit(operation):
            return refused
        await self._pause(self.faults.delay(operation))
        if wish.delay is not None:
            await self._pause(wish.delay)
        call.applied = wish.applied
        if wish.code is not None:
            if not wish.late:
                return wish.answer()
            call.instead = wish.answer()
        struck = self.faults.strike(call, operation)
        if call.instead is not None and wish.code is None:
            call.instead = _with(call.instead, wish)
        return _with(struck, wish) if struck else None

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            if seconds:
                await asyncio.wait_for(self._ending.wait(), seconds)

    @property
    def ending(self) -> bool:
        """Whether the server is about to end."""
        return self._ending.is_set()

    async def unless_ending(self, waiting: Coroutine[Any, Any, None]) -> bool:
        """Waits for it; False as soon as the server is about to end, and it is given up."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._ending.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return tasks[0].done()
        finally:
            for task in tasks:
                task.cancel()

    def hurry(self) -> None:
        """The server is about to end: whoever is made to wait goes on at once."""
        self._ending.set()
        self.feed.close()

    def after(self, call: Call, answer: Response) -> None:
        """Keeps the request in mind, and lets its webhooks go out."""
        if call.operation is not None:
            now = self.organisation.clock.now()
            self.requests.add(now, call.operation.id, call.operation.path, call, answer)
        self.webhooks.flush()

    def state(self) -> Any:
        """To be pickled together with the world's."""
        return self.webhooks.state(), self.snapshots.state()

    def resume(self, state: Any) -> None:
        """Goes on from a `state()`, which must not be used any more; while the webhooks pause."""
        webhooks, snapshots = state
        self.webhooks.resume(webhooks)
        self.snapshots.resume(snapshots)

    def forget(self) -> Awaitable[None]:
        """Requests, events and deliveries so far, at once; await that what is under way has been dropped."""
        self.requests.clear()
        self.feed.poke()
        return self.webhooks.reset()


def _with(answer: Response, wish: Preference) -> Response:
    """Acknowledges what was wished and came true before."""
    return replace(answer, headers=(*answer.headers, *wish.applied)) if wish.applied and answer.status else answer


class Snapshots:
    """States of one world that can be gone back to, by id; kept until they are deleted."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._kept: dict[str, tuple[int, bytes]] = {}
        self._made = 0

    def check_room(self) -> None:
        """Refused when there are too many already."""
        if len(self._kept) >= MOST_SNAPSHOTS:
            raise Refused(f"There are {MOST_SNAPSHOTS} snapshots already; delete one to take another.")

    def take(self) -> str:
        """Its id. Refused when there are too many already."""
        self.check_room()
        self._made += 1
        name = f"snapshot-{self._made}"
        self._kept[name] = self._organisation.clock.now(), self._organisation.snapshot()
        self._pack()
        return name

    def _pack(self) -> None:
        """Compresses the oldest ones that are not, until the others weigh little: it takes as long as to take one."""
        loose = {name: state for name, (_, state) in self._kept.items() if not _is_packed(state)}
        weight = sum(map(len, loose.values()))
        for name, state in loose.items():
            if weight <= MOST_LOOSE:
                break
            self._kept[name] = self._kept[name][0], zlib.compress(state, 1)
            weight -= len(state)

    def restore(self, name: str) -> None:
        """NotFound when there is none of that id."""
        state = self.find(name)[1]
        self._organisation.restore(zlib.decompress(state) if _is_packed(state) else state)

    def delete(self, name: str) -> None:
        """NotFound when there is none of that id."""
        self.find(name)
        del self._kept[name]

    def times(self) -> dict[str, int]:
        """The world's time (milliseconds UTC) at which each was taken, oldest first."""
        return {name: time for name, (time, _) in self._kept.items()}

    def state(self) -> Any:
        return self._made, dict(self._kept)

    def resume(self, state: Any) -> None:
        self._made, self._kept = state

    def find(self, name: str) -> tuple[int, bytes]:
        """Its time and state. NotFound when there is none of that id."""
        if name not in self._kept:
            known = ", ".join(self._kept) or "none"
            raise NotFound(f"Snapshot {name[:80]!r} was not found (there are: {known}).")
        return self._kept[name]


def _is_packed(state: bytes) -> bool:
    """Whether a snapshot is compressed: a pickle begins otherwise."""
    return state[:1] != pickle.PROTO
