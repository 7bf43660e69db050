"""A world's webhooks, request log, faults and snapshots: what belongs to it, but not to its state."""

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
from mockserver.control.request_log import RequestLog
from mockserver.exchange import Call, Intervention, Response
from mockserver.game.errors import NotFound, Refused
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation

MOST_SNAPSHOTS = 100
MOST_LOOSE = 32 * 2**20  # bytes of snapshots that are not compressed


class WorldContext:
    """What belongs to one world but is not its state. `move_lock`: held while its clock or state changes."""

    def __init__(self, organisation: Organisation, webhooks: Webhooks, faults: Faults) -> None:
        self.organisation = organisation
        self.webhooks = webhooks
        self.faults = faults
        self.requests = RequestLog()
        self.snapshots = Snapshots(organisation)
        self.move_lock = asyncio.Lock()
        self.feed = Feed(organisation)
        self._shutdown = asyncio.Event()

    def before(self, call: Call, prefer: bool) -> Intervention | None:
        """Faults and preferences; None when there are none."""
        preference = call.headers.get(HEADER) if prefer else None
        if preference is None and not self.faults.on:
            return None
        return partial(self._apply_faults, call, read_preference(preference) if preference else Preference())

    async def _apply_faults(self, call: Call, preference: Preference) -> Response | None:
        """The rate limit first, then the latency, then what `Prefer` asks for, then errors and drops."""
        operation = call.operation.id if call.operation else ""
        if refused := self.faults.limit(operation):
            return refused
        await self._pause(self.faults.delay(operation))
        if preference.delay is not None:
            await self._pause(preference.delay)
        call.applied = preference.applied
        if preference.code is not None:
            if not preference.late:
                return preference.response()
            call.override = preference.response()
        injected = self.faults.inject(call, operation)
        if call.override is not None and preference.code is None:
            call.override = _acknowledge(call.override, preference)
        return _acknowledge(injected, preference) if injected else None

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            if seconds:
                await asyncio.wait_for(self._shutdown.wait(), seconds)

    @property
    def shutting_down(self) -> bool:
        """Whether the server is about to end."""
        return self._shutdown.is_set()

    async def wait_unless_shutdown(self, waiting: Coroutine[Any, Any, None]) -> bool:
        """Waits for it; False as soon as the server is about to end, and it is given up."""
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._shutdown.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return tasks[0].done()
        finally:
            for task in tasks:
                task.cancel()

    def stop_waiting(self) -> None:
        """The server is about to end: nothing waits any more."""
        self._shutdown.set()
        self.feed.close()

    def after(self, call: Call, response: Response) -> None:
        """Logs the request, and sends its webhooks."""
        if call.operation is not None:
            now = self.organisation.clock.now()
            self.requests.add(now, call.operation.id, call.operation.path, call, response)
        self.webhooks.flush()

    def state(self) -> Any:
        """To be pickled together with the world's."""
        return self.webhooks.state(), self.snapshots.state()

    def resume(self, state: Any) -> None:
        """Goes on from a `state()`, which must not be used any more; while the webhooks pause."""
        webhooks, snapshots = state
        self.webhooks.resume(webhooks)
        self.snapshots.resume(snapshots)

    def clear(self) -> Awaitable[None]:
        """Requests, events and deliveries so far, at once; await that what is under way has been dropped."""
        self.requests.clear()
        self.feed.notify()
        return self.webhooks.reset()


def _acknowledge(response: Response, preference: Preference) -> Response:
    """Adds the header that acknowledges a preference."""
    return (
        replace(response, headers=(*response.headers, *preference.applied))
        if preference.applied and response.status
        else response
    )


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
