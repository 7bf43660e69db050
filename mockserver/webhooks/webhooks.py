"""One world's webhooks: what it has produced, where that goes, and what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from mockserver.game.catalog import WebhookEndpoint
from mockserver.game.errors import NotFound, Refused
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.delivery import Delivery, DeliveryLog, Timing
from mockserver.webhooks.endpoints import Endpoint, Endpoints
from mockserver.webhooks.lane import Clock, Lane
from mockserver.webhooks.outbox import Event, Happening, Outbox

GRACE = 5.0  # seconds that deliveries under way get at the end


class Webhooks:
    """`observe` collects after each transaction, `flush` sends after the answer; neither waits."""

    def __init__(
        self,
        clock: Clock,
        seed: str,
        configured: Iterable[WebhookEndpoint] = (),
        timing: Timing | None = None,
    ) -> None:
        self.endpoints = Endpoints(KINDS, seed)
        self.outbox = Outbox()
        self.log = DeliveryLog()
        self._clock = clock
        self._timing = timing or Timing()
        self._lanes: dict[str, Lane] = {}
        for row in configured:
            self.add_endpoint(row.url, row.secret, row.events, row.active)

    def add_endpoint(
        self, url: str, secret: str | None = None, events: Sequence[str] = (), active: bool = True
    ) -> Endpoint:
        """A new endpoint, for events from now on. Refused if the address or a type is wrong."""
        endpoint = self.endpoints.add(url, secret, events, active)
        self._lanes[endpoint.id] = Lane(endpoint, self._clock, self._timing)
        return endpoint

    async def remove_endpoint(self, id: str) -> None:
        """Nothing more goes there, not even what is under way. NotFound if there is none."""
        self.endpoints.remove(id)
        await self._lanes.pop(id).close(grace=0)

    def lane(self, endpoint: Endpoint) -> Lane:
        return self._lanes[endpoint.id]

    def collect(self, happenings: Iterable[Happening], tenant: str | None = None) -> list[Event]:
        """Keeps what happened, and holds it for the endpoints that want it."""
        events = self.outbox.collect(happenings, tenant)
        for event in events:
            for endpoint in self.endpoints:
                if endpoint.wants(event.kind):
                    self._hold(event, endpoint, event.time)
        return events

    def flush(self) -> None:
        """Lets go out what was collected; called when the answer is out, within the event loop."""
        for lane in self._lanes.values():
            lane.release()

    def clock_moved(self) -> None:
        """The clock was set, advanced, frozen or let go; retries that fell due on the way are played now."""
        for lane in self._lanes.values():
            lane.clock_moved()

    async def idle(self) -> None:
        """Returns when no delivery is due now and none is under way."""
        await asyncio.gather(*(lane.idle() for lane in self._lanes.values()))

    async def close(self, grace: float = GRACE) -> None:
        """The end: what is under way gets `grace` seconds, what waits is dropped and counted."""
        await asyncio.gather(*(lane.close(grace) for lane in self._lanes.values()))

    def redeliver(self, id: str) -> Delivery:
        """Sends a delivery of the log again: same body, same signature, with retries of its own.

        NotFound if the log does not hold it (any more), Refused if its endpoint is gone.
        """
        old = next((row for row in self.log if row.id == id), None)
        if old is None:
            raise NotFound(f'there is no delivery "{id}" in the log of the newest deliveries')
        if old.endpoint.id not in self._lanes:
            raise Refused(f'delivery "{id}" cannot be sent again: {old.endpoint.id} has been deleted')
        return self.send_now(old.event, old.endpoint, tamper=old.tamper, redelivery_of=old.id)

    def send_now(self, event: Event, endpoint: Endpoint, *, due: int | None = None, **how: Any) -> Delivery:
        """One more delivery of this event, `how` as in `Delivery`. Refused when the lane is full."""
        delivery = self._hold(event, endpoint, self._clock.now() if due is None else due, **how)
        if delivery is None:
            raise Refused(f"{endpoint.id} has too many deliveries waiting to take another one")
        self.flush()
        return delivery

    def _hold(self, event: Event, endpoint: Endpoint, due: int, **how: Any) -> Delivery | None:
        lane = self._lanes[endpoint.id]
        if lane.full:
            lane.drop_new()
            return None
        delivery = self.log.add(event, endpoint, due, **how)
        lane.hold(delivery)
        return delivery
