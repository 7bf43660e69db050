"""The deliveries to one endpoint: of each user one after the other, in order of time, by the world's clock; users side
by side, up to a limit.

Nothing runs and nothing is open while no delivery waits, and no queue waits for another.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Protocol

from mockserver.clock import Clock, monotonic
from mockserver.webhooks.client import Client
from mockserver.webhooks.delivery import Attempt, Delivery, Timing, verdict
from mockserver.webhooks.endpoints import Endpoint
from mockserver.webhooks.signing import HEADER

IDLE_TIMEOUT = 2.0  # seconds for which a queue with nothing to do keeps its connections open

log = logging.getLogger("mockserver.webhooks")

Row = tuple[int, int, Delivery]  # when it is due, its number, and itself: the order in which they go
Subject = tuple[str | None, str | None]  # a tenant's user who stands in line, None: nobody in particular


class HasClock(Protocol):
    """Whose clock counts: an organisation, which may exchange its clock."""

    clock: Clock


class DeliveryQueue:
    """Deliveries are held until the request's response is out, then released; the earliest due goes first, unless
    another one about the same user is under way."""

    def __init__(
        self,
        endpoint: Endpoint,
        organisation: HasClock,
        timing: Timing,
        keep: Callable[[Delivery], None] | None = None,
        sent: Callable[[Delivery], None] | None = None,
        permitted: Callable[[], bool] = lambda: True,
    ) -> None:
        self.endpoint = endpoint
        self.delivered = self.failed = self.dropped = 0
        self._organisation = organisation
        self._timing = timing
        self._limit = endpoint.concurrency or timing.concurrency
        self.keep = keep  # called after every attempt, where outcomes are kept
        self._sent = sent  # called after every attempt, where the console shows it
        self._permitted = permitted
        self._held: deque[Delivery] = deque()
        self._queue: list[Row] = []
        self._under_way: dict[Delivery, None] = {}
        self._busy: set[Subject] = set()  # of whom one is under way
        # What else was due of them. As soon as they are not busy, the first of it is in the queue.
        self._parked: dict[Subject, list[Row]] = {}
        self._number_parked = 0
        self._moved_to = 0
        self._closing = False
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._last_ended = 0.0

    @property
    def waiting(self) -> int:
        """How many deliveries are held, queued or under way."""
        return len(self._held) + len(self._queue) + self._number_parked + len(self._under_way)

    @property
    def full(self) -> bool:
        return self._closing or self.waiting >= self._timing.waiting

    def drop_new(self) -> None:
        """Counts a delivery that found the queue full, and logs it now and then."""
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
        return [*self._under_way, *self._in_order()]

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
        waiting = self._in_order()
        self._held.clear()
        self._queue.clear()
        self._parked.clear()
        self._number_parked = 0
        return waiting

    def _in_order(self) -> list[Delivery]:
        parked = (row for rows in self._parked.values() for row in rows)
        return [row[2] for row in sorted([*parked, *self._queue])] + [*self._held]

    def release(self) -> None:
        """Lets what was held go out. Called within the event loop, after the response."""
        if self._held:
            for delivery in self._held:
                self._push(delivery)
            self._held.clear()
            self._start()

    def clock_moved(self) -> None:
        """The clock was set, advanced, frozen or let go: what fell due on the way is played now."""
        self._moved_to = self._organisation.clock.now()
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
        """Ends the queue: what is under way gets `grace` seconds, what waits is dropped and counted."""
        self._closing = True
        self._wake.set()
        task = self._task
        if task is not None:
            await asyncio.wait([task], timeout=grace)
            task.cancel()
            await asyncio.wait([task])
        self._abandon(self.take_back())

    def _push(self, delivery: Delivery) -> None:
        heapq.heappush(self._queue, (delivery.due, delivery.number, delivery))

    def _has_due(self) -> bool:
        return bool(self._under_way) or (bool(self._queue) and self._queue[0][0] <= self._organisation.clock.now())

    # While there is something to do

    def _start(self) -> None:
        if self._task is None and not self._closing:
            self._wake, self._settled = asyncio.Event(), asyncio.Event()
            # In a context of its own: the caller may have pinned the time.
            self._task = asyncio.get_running_loop().create_task(self._work(), context=Context())
        if len(self._under_way) < self._limit:  # else the next one goes when one of them has ended
            self._wake.set()

    async def _work(self) -> None:
        """Opens the connections and closes them, and sends what falls due by itself. What follows a response does not
        wait for it."""
        client = self._client = Client(self.endpoint.url, self._timing.timeout)
        try:
            while not self._closing:
                self._send_due()
                if not await self._pause():
                    self._task = None  # from here on a new delivery starts a new worker
                    return
            while self._under_way:
                self._settled.clear()
                await self._settled.wait()
        finally:
            if self._task is asyncio.current_task():
                self._task = None
                self._abandon([*self._under_way])
                self._under_way.clear()
                self._busy.clear()
            self._settled.set()
            await client.close()

    async def _pause(self) -> bool:
        """Until the next delivery falls due or somebody calls; False when there is nothing to wait for."""
        self._wake.clear()
        try:
            async with asyncio.timeout(self._seconds_to_next()):
                await self._wake.wait()
        except TimeoutError:
            idle_long_enough = monotonic() - self._last_ended >= IDLE_TIMEOUT
            return self._wake.is_set() or bool(self._under_way) or self._falls_due_by_itself() or not idle_long_enough
        return True

    def _falls_due_by_itself(self) -> bool:
        """Whether the next delivery falls due by itself."""
        return bool(self._queue) and not self._organisation.clock.frozen

    def _seconds_to_next(self) -> float:
        if not self._falls_due_by_itself() or len(self._under_way) >= self._limit:
            return IDLE_TIMEOUT
        return max(self._queue[0][0] - self._organisation.clock.now(), 1) / 1000

    def _send_due(self) -> None:
        """Sends what is due, as much as may be under way."""
        queue, under_way, now = self._queue, self._under_way, self._organisation.clock.now()
        if queue and queue[0][0] <= now and not self._permitted():
            self.hold_back()
        while queue and queue[0][0] <= now and len(under_way) < self._limit and not self._closing:
            row = heapq.heappop(queue)
            if (subject := _subject(row[2])) in self._busy:
                heapq.heappush(self._parked.setdefault(subject, []), row)
                self._number_parked += 1
            else:
                self._busy.add(subject)
                self._send(row[2], now)
        if not under_way and (self._closing or not queue or queue[0][0] > now):
            self._settled.set()

    # One attempt

    def _send(self, delivery: Delivery, now: int) -> None:
        skipped_by_clock = delivery.due <= self._moved_to
        at = delivery.due if skipped_by_clock else now
        self._under_way[delivery] = None
        ended = partial(self._ended, delivery, at, monotonic())
        try:
            body, headers = delivery.body, f"{HEADER}: {delivery.signature}\r\n".encode()
        except Exception:  # one webhook that cannot be made must not keep back those after it
            log.exception("webhook %s could not be sent; this is a defect of the mock", delivery.id)
            asyncio.get_running_loop().call_soon(ended, None, "defect of the mock; see its log")
            return
        assert self._client is not None, "its worker runs"
        self._client.post(body, headers, ended)

    def _ended(self, delivery: Delivery, at: int, started: float, status: int | None, error: str | None) -> None:
        """What came of an attempt; the next one goes out."""
        if delivery not in self._under_way:
            return  # the queue was closed meanwhile
        self._last_ended = monotonic()
        attempt = Attempt(at, status, round((self._last_ended - started) * 1000, 3), error or verdict(status))
        del self._under_way[delivery]
        self._note(delivery, attempt)
        self._free(_subject(delivery))
        self._send_due()

    def _free(self, subject: Subject) -> None:
        self._busy.discard(subject)
        parked = self._parked.get(subject)
        if parked:
            heapq.heappush(self._queue, heapq.heappop(parked))
            self._number_parked -= 1
            if not parked:
                del self._parked[subject]

    def _note(self, delivery: Delivery, attempt: Attempt) -> None:
        delivery.attempts.append(attempt)
        if attempt.error is None:
            delivery.state = "delivered"
            self.delivered += 1
        elif delivery.tamper or len(delivery.attempts) > self._timing.retries:
            # Choice: a tampered delivery is meant to be refused, so it is not tried again.
            self._give_up(delivery, attempt.error)
        else:
            ended = attempt.time if self._organisation.clock.frozen else attempt.time + int(attempt.duration)
            delivery.due = ended + self._timing.delay(len(delivery.attempts))
            self._push(delivery)
            self._wake.set()
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


def _subject(delivery: Delivery) -> Subject:
    event = delivery.event
    return event.tenant, event.subject
