"""The way to one endpoint: one delivery after the other, in order of time, by the world's clock.

Nothing runs and nothing is open while no delivery waits, and no lane ever waits for another.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Protocol

from mockserver.clock import Clock
from mockserver.webhooks.delivery import Delivery, Timing, attempt, new_client
from mockserver.webhooks.endpoints import Endpoint

if TYPE_CHECKING:
    import httpx2

LINGER = 2.0  # seconds for which a lane with nothing to do keeps its connection open
log = logging.getLogger("mockserver.webhooks")


class Home(Protocol):
    """Whose clock counts: an organisation, which may exchange its clock."""

    clock: Clock


class Lane:
    """Deliveries are held until the request's answer is out, then released; the earliest due goes first."""

    def __init__(
        self,
        endpoint: Endpoint,
        home: Home,
        timing: Timing,
        keep: Callable[[Delivery], None] | None = None,
        sent: Callable[[Delivery], None] | None = None,
        permitted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.endpoint = endpoint
        self.delivered = self.failed = self.dropped = 0
        self._home = home
        self._timing = timing
        self.keep = keep  # told of every attempt, where outcomes are kept
        self._sent = sent  # told of every attempt, where somebody watches
        self._permitted = permitted
        self._held: deque[Delivery] = deque()
        self._queue: list[tuple[int, int, Delivery]] = []
        self._under_way: Delivery | None = None
        self._moved_to = 0
        self._closing = False
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many deliveries are held, queued or under way."""
        return len(self._held) + len(self._queue) + (self._under_way is not None)

    @property
    def full(self) -> bool:
        return self._closing or self.waiting >= self._timing.waiting

    def drop_new(self) -> None:
        """Counts a delivery that found the lane full, and says so now and then."""
        self.dropped += 1
        if self.dropped == 1 or self.dropped % 1000 == 0:
            log.warning(
                "%d webhooks to %s were dropped: %d are waiting already",
                self.dropped,
                self.endpoint.url,
                self.waiting,
            )

    def hold(self, delivery: Delivery) -> None:
        """Takes a delivery in, without starting anything."""
        self._held.append(delivery)

    def resume(self, delivery: Delivery) -> None:
        """Takes in a delivery that was made before, by what has come of it."""
        if delivery.state == "waiting":
            self.hold(delivery)
        self.delivered += delivery.state == "delivered"
        self.failed += delivery.state == "failed"
        self.dropped += delivery.state == "dropped"

    def left(self) -> list[Delivery]:
        """What is held, queued or under way."""
        under_way = [] if self._under_way is None else [self._under_way]
        return [*under_way, *(row[2] for row in self._queue), *self._held]

    def next_due(self) -> int | None:
        """When a delivery falls due next, by the world's clock; one that is under way is due already."""
        return min((delivery.due for delivery in self.left()), default=None)

    def hold_back(self) -> None:
        """What is queued is held again, until it is released."""
        self._held.extend(self.take_back())

    def drop_waiting(self) -> None:
        """What is held or queued is not sent any more."""
        for delivery in self.take_back():
            delivery.state = "dropped"
            self.dropped += 1

    def take_back(self) -> list[Delivery]:
        """What is held or queued, and is not any more."""
        waiting = [*self._held, *(row[2] for row in self._queue)]
        self._held.clear()
        self._queue.clear()
        return waiting

    def release(self) -> None:
        """Lets what was held go out. Called within the event loop, after the answer."""
        if self._held:
            for delivery in self._held:
                self._push(delivery)
            self._held.clear()
            self._start()

    def clock_moved(self) -> None:
        """The clock was set, advanced, frozen or let go: what fell due on the way is played now."""
        self._moved_to = self._home.clock.now()
        if self._queue:
            self._start()

    async def idle(self) -> None:
        """Returns when no delivery is due any more and none is under way."""
        self.release()
        while self._has_due():
            self._start()
            self._settled.clear()
            await self._settled.wait()

    async def close(self, grace: float) -> None:
        """Ends the lane: what is under way gets `grace` seconds, what waits is dropped and counted."""
        self._closing = True
        self._wake.set()
        task = self._task
        if task is not None:
            await asyncio.wait([task], timeout=grace)
            task.cancel()
            await asyncio.wait([task])
        self._abandon([*self._held, *(row[2] for row in self._queue)])
        self._held.clear()
        self._queue.clear()

    def _push(self, delivery: Delivery) -> None:
        heapq.heappush(self._queue, (delivery.due, delivery.number, delivery))

    def _has_due(self) -> bool:
        return self._under_way is not None or (bool(self._queue) and self._queue[0][0] <= self._home.clock.now())

    def _start(self) -> None:
        if self._task is None and not self._closing:
            self._wake, self._settled = asyncio.Event(), asyncio.Event()
            # In a context of its own: whoever starts it may have pinned the time.
            self._task = asyncio.get_running_loop().create_task(self._work(), context=Context())
        self._wake.set()

    async def _work(self) -> None:
        try:
            async with new_client(self.endpoint.url) as client:
                while not self._closing:
                    if self._has_due() and not self._permitted():
                        self.hold_back()
                    elif self._has_due():
                        await self._deliver(client, heapq.heappop(self._queue)[2])
                    elif not await self._pause():
                        self._task = None  # from here on a new delivery starts a new worker
                        break
        finally:
            if self._task is asyncio.current_task():
                self._task = None
            self._settled.set()

    async def _pause(self) -> bool:
        """Until the next delivery falls due or somebody calls; False when there is nothing to wait for."""
        self._settled.set()
        self._wake.clear()
        try:
            async with asyncio.timeout(self._seconds_to_next()):
                await self._wake.wait()
        except TimeoutError:
            return self._time_will_tell()
        return True

    def _time_will_tell(self) -> bool:
        """Whether the next delivery falls due by itself."""
        return bool(self._queue) and not self._home.clock.frozen

    def _seconds_to_next(self) -> float:
        if not self._time_will_tell():
            return LINGER
        return max(self._queue[0][0] - self._home.clock.now(), 1) / 1000

    async def _deliver(self, client: httpx2.AsyncClient, delivery: Delivery) -> None:
        jumped_over = delivery.due <= self._moved_to
        at = delivery.due if jumped_over else self._home.clock.now()
        self._under_way = delivery
        try:
            made = await attempt(client, delivery, at, self._timing.timeout)
        except asyncio.CancelledError:
            self._abandon([delivery])
            raise
        finally:
            self._under_way = None
        delivery.attempts.append(made)
        if made.error is None:
            delivery.state = "delivered"
            self.delivered += 1
        elif delivery.tamper or len(delivery.attempts) > self._timing.retries:
            # Choice: a tampered delivery is meant to be refused, so it is not tried again.
            self._give_up(delivery, made.error)
        else:
            ended = at if self._home.clock.frozen else at + int(made.duration)
            delivery.due = ended + self._timing.delay(len(delivery.attempts))
            self._push(delivery)
        if self.keep is not None:
            self.keep(delivery)
        if self._sent is not None:
            self._sent(delivery)

    def _give_up(self, delivery: Delivery, error: str) -> None:
        delivery.state = "failed"
        self.failed += 1
        log.warning(
            "webhook %s (%s) to %s failed after %d attempts: %s",
            delivery.id,
            delivery.event.kind,
            self.endpoint.url,
            len(delivery.attempts),
            error,
        )

    def _abandon(self, left: list[Delivery]) -> None:
        for delivery in left:
            delivery.state = "dropped"
        self.dropped += len(left)
        if left and self.keep is not None:
            log.info("%d webhooks to %s go on when the server starts again", len(left), self.endpoint.url)
        elif left:
            log.warning("%d webhooks to %s were not delivered before the end", len(left), self.endpoint.url)
