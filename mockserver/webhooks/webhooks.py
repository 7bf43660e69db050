"""One organisation's webhooks: what its worlds produced, where that goes, and what became of it.

All of it runs in the server's event loop; nothing is started before there is something to deliver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.game.errors import NotFound, Refused
from mockserver.game.facts import Entry
from mockserver.game.world import World
from mockserver.webhooks import asked
from mockserver.webhooks.bodies import KINDS, see
from mockserver.webhooks.delivery import Delivery, DeliveryLog, Timing
from mockserver.webhooks.endpoints import Endpoint, Endpoints
from mockserver.webhooks.lane import Lane
from mockserver.webhooks.listing import check_filters, delivery_shape, event_shape, newest
from mockserver.webhooks.outbox import Event, Happening, Outbox
from mockserver.webhooks.trigger import trigger
from mockserver.worlds import Organisation

GRACE = 5.0  # seconds that deliveries under way get at the end

JSON = dict[str, Any]


class Webhooks:
    """`observe` collects after each request or moment, `flush` sends after the answer; neither waits."""

    def __init__(self, organisation: Organisation, timing: Timing | None = None) -> None:
        self.endpoints = Endpoints(KINDS, f"{organisation.plan.seed}/{organisation.key}")
        self.outbox = Outbox()
        self.log = DeliveryLog()
        self._organisation = organisation
        self._timing = timing or Timing()
        self._lanes: dict[str, Lane] = {}
        for row in organisation.catalog.webhooks:
            self.add_endpoint(row.url, row.secret, row.events, row.active)
        organisation.watch(self.observe)

    # What happens in the world

    def observe(self, world: World, entries: list[Entry]) -> None:
        """Takes what one request or due moment brought, while the world is as it was then."""
        sight = see(world, entries)
        if sight is not None:
            tenant = self._tenant_of(world)
            if len(self.endpoints):
                self.collect(sight.happenings(), tenant)
            else:
                self.outbox.keep(sight, tenant)

    def collect(self, found: list[Happening], tenant: str | None = None) -> None:
        """Keeps what happened, and holds it for the endpoints that want it."""
        for event in self.outbox.collect(found, tenant):
            for endpoint in self.endpoints:
                if endpoint.wants(event.kind):
                    self._hold(event, endpoint, event.time)

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

    async def reset(self) -> None:
        """Forgets all events and deliveries; what waits or is under way is dropped. Endpoints stay."""
        await self.close(grace=0)
        self.outbox, self.log = Outbox(), DeliveryLog()
        self._lanes = {endpoint.id: self._new_lane(endpoint) for endpoint in self.endpoints}

    async def close(self, grace: float = GRACE) -> None:
        """The end: what is under way gets `grace` seconds, what waits is dropped and counted."""
        await asyncio.gather(*(lane.close(grace) for lane in self._lanes.values()))

    # What the control plane asks for

    def list_endpoints(self) -> JSON:
        """Every endpoint with its secret and how many deliveries fared how."""
        return {"endpoints": [row.as_json() | {"deliveries": self._counts(row)} for row in self.endpoints]}

    def create_endpoint(self, body: Mapping[str, Any]) -> JSON:
        """From `{"url", "secret"?, "events"?, "active"?}`; Refused when something in it is wrong."""
        return self.add_endpoint(*asked.endpoint(body)).as_json()

    def add_endpoint(
        self, url: str, secret: str | None = None, events: Sequence[str] = (), active: bool = True
    ) -> Endpoint:
        """A new endpoint, for events from now on. Refused if the address or a type is wrong."""
        endpoint = self.endpoints.add(url, secret, events, active)
        self._lanes[endpoint.id] = self._new_lane(endpoint)
        return endpoint

    def switch_endpoint(self, id: str, *, active: bool) -> JSON:
        """On or off for events from now on; what waits is still delivered. NotFound if there is none."""
        endpoint = self.endpoints.get(id)
        endpoint.active = active
        return endpoint.as_json()

    async def delete_endpoint(self, id: str) -> None:
        """Nothing more goes there, not even what is under way. NotFound if there is none."""
        self.endpoints.remove(id)
        await self._lanes.pop(id).close(grace=0)

    def list_events(self, *, kind: str | None = None, user: str | None = None, limit: int | None = None) -> JSON:
        """What was produced, oldest first (the newest `limit` of it), whether or not an endpoint exists."""
        check_filters(kind, limit)
        found = (row for row in self.outbox if kind in (None, row.kind) and user in (None, row.user))
        return {"events": [event_shape(row) for row in newest(found, limit)], "letGo": self.outbox.let_go}

    def list_deliveries(
        self,
        *,
        kind: str | None = None,
        user: str | None = None,
        endpoint: str | None = None,
        state: str | None = None,
        limit: int | None = None,
    ) -> JSON:
        """The log, oldest first (the newest `limit` of it)."""
        check_filters(kind, limit, state)
        found = (
            row
            for row in self.log
            if kind in (None, row.event.kind)
            and user in (None, row.event.user)
            and endpoint in (None, row.endpoint.id)
            and state in (None, row.state)
        )
        return {"deliveries": [delivery_shape(row) for row in newest(found, limit)], "letGo": self.log.let_go}

    def redeliver(self, id: str) -> JSON:
        """Sends a delivery of the log again: same body, same signature, with retries of its own.

        NotFound if the log does not hold it (any more), Refused if its endpoint is gone.
        """
        old = next((row for row in self.log if row.id == id), None)
        if old is None:
            raise NotFound(f'there is no delivery "{id}" in the log of the newest deliveries')
        if old.endpoint.id not in self._lanes:
            raise Refused(f'delivery "{id}" cannot be sent again: {old.endpoint.id} has been deleted')
        new = self._send(old.event, old.endpoint, self._now(), tamper=old.tamper, redelivery_of=old.id)
        self.flush()
        return delivery_shape(new)

    def trigger(self, tenant: str | None, body: Mapping[str, Any]) -> JSON:
        """Sends a realistic event: `{"type", "userId"?, "duplicate"?, "tamper"?, "delay"?}`.

        Answers with the event and its deliveries. Refused when something in the request is wrong.
        """
        wanted = asked.order(body)
        game = self._organisation.game(tenant)
        happening = trigger(game.world, wanted.kind, wanted.user, game.now)
        whose = tenant if self._organisation.catalog.settings.multi_tenant else None
        (event,) = self.outbox.collect([happening], whose, triggered=True)
        due = self._now() + round(wanted.delay * 1000)
        sent = [
            self._send(event, endpoint, due, tamper=wanted.tamper)
            for endpoint in self.endpoints
            if endpoint.wants(event.kind)
            for _ in range(1 + wanted.duplicate)
        ]
        self.flush()
        return {"event": event_shape(event), "deliveries": [delivery_shape(row) for row in sent]}

    # Inside

    def _now(self) -> int:
        return self._organisation.clock.now()

    def _new_lane(self, endpoint: Endpoint) -> Lane:
        return Lane(endpoint, self._organisation, self._timing)

    def _tenant_of(self, world: World) -> str | None:
        games = self._organisation.games
        return next((tenant for tenant, game in games.items() if game.world is world), None)

    def _send(self, event: Event, endpoint: Endpoint, due: int, **how: Any) -> Delivery:
        delivery = self._hold(event, endpoint, due, **how)
        if delivery is None:
            raise Refused(f"{endpoint.id} has too many deliveries waiting to take another one")
        return delivery

    def _hold(self, event: Event, endpoint: Endpoint, due: int, **how: Any) -> Delivery | None:
        lane = self._lanes[endpoint.id]
        if lane.full:
            lane.drop_new()
            return None
        delivery = self.log.add(event, endpoint, due, **how)
        lane.hold(delivery)
        return delivery

    def _counts(self, endpoint: Endpoint) -> JSON:
        lane = self._lanes[endpoint.id]
        return {
            "waiting": lane.waiting,
            "delivered": lane.delivered,
            "failed": lane.failed,
            "dropped": lane.dropped,
        }
