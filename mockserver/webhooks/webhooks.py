"""One organisation's webhooks: events, endpoints and deliveries.

All of it runs in the server's event loop; nothing is started before there is something to deliver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from mockserver.game.errors import NotFound, Refused
from mockserver.game.facts import Entry
from mockserver.game.world import World
from mockserver.webhooks import inputs
from mockserver.webhooks.bodies import EVERY_KIND, KINDS, derive_events
from mockserver.webhooks.delivery import Delivery, DeliveryLog, Ledger, Outcome, Timing
from mockserver.webhooks.delivery_queue import DeliveryQueue
from mockserver.webhooks.endpoints import Endpoint, Endpoints
from mockserver.webhooks.listing import check_filters, delivery_shape, event_shape, newest
from mockserver.webhooks.outbox import Event, Outbox, WebhookEvent
from mockserver.webhooks.run_views import PastRuns
from mockserver.webhooks.scores import CHANGED, RANK_CHANGED
from mockserver.webhooks.trigger import trigger
from mockserver.worlds import Organisation

GRACE = 1.0  # seconds that deliveries under way get at the end

JSON = dict[str, Any]
OF_SCORES = {CHANGED, RANK_CHANGED}


class Webhooks:
    """`observe` collects after each request or moment, `flush` sends after the response; neither waits.

    `kinds`: the types that there are, those of the spec that is served. `sent` is called after every attempt.
    """

    def __init__(
        self,
        organisation: Organisation,
        timing: Timing | None = None,
        kinds: Collection[str] = KINDS,
        sent: Callable[[Delivery], None] | None = None,
    ) -> None:
        self.kinds = kinds
        self._sent = sent
        self._never = frozenset(EVERY_KIND) - frozenset(kinds)
        self._organisation = organisation
        self._timing = timing or Timing()
        self.paused = False  # nothing goes out while a world is on its way back to where it was
        self.permitted: Callable[[], bool] = lambda: True  # asked before every attempt
        self._ledger: Ledger | None = None
        self._queues: dict[str, DeliveryQueue] = {}
        self._begin()
        organisation.watch(self.observe)

    def _begin(self) -> None:
        organisation = self._organisation
        self.endpoints = Endpoints(self.kinds, f"{organisation.plan.seed}/{organisation.origin}")
        self.outbox, self.log = Outbox(), DeliveryLog()
        self._generation = 0  # how often all was forgotten
        self._known: dict[int, Outcome] = {}  # what is known of deliveries that are not made yet
        for row in organisation.catalog.webhooks:
            self.add_endpoint(row.url, row.secret, row.events, row.active)
        self.recall()

    # What happens in the world

    def recall(self) -> None:
        """Keeps the webhooks of the seeded users' last days. They are listed, and never delivered."""
        recent, past = self._organisation.recent, PastRuns()
        if self._never.isdisjoint(OF_SCORES):
            for tenant, derived in recent:
                made = self._wanted(derived.made)
                self.outbox.keep(
                    derived._replace(made=made, number=derived.number - len(derived.made) + len(made)), tenant
                )
        else:
            newest_first = [
                (tenant, self._wanted(derived.webhook_events(past))) for tenant, derived in reversed(recent)
            ]
            for tenant, found in reversed(newest_first):
                self.outbox.collect(found, tenant)

    def observe(self, world: World, entries: list[Entry]) -> None:
        """Takes what one request or due moment brought, while the world is as it was then. What is not sent is made
        when somebody reads it, unless some of it has a type that the spec does not have."""
        derived = derive_events(world, entries, self._never)
        if derived is None:
            return
        tenant = self._tenant_of(world)
        if len(self.endpoints):
            self.collect(self._wanted(derived.webhook_events()), tenant)
        elif self._never.isdisjoint(OF_SCORES):
            self.outbox.keep(derived, tenant)
        else:
            self.outbox.collect(self._wanted(derived.webhook_events()), tenant)

    def _wanted(self, rows: list[WebhookEvent]) -> list[WebhookEvent]:
        """Those whose types the spec has."""
        return [row for row in rows if row.kind not in self._never]

    def collect(self, found: list[WebhookEvent], tenant: str | None = None) -> None:
        """Keeps what happened, and holds it for the endpoints that want it."""
        for event in self.outbox.collect(found, tenant):
            for endpoint in self.endpoints:
                if endpoint.wants(event.kind):
                    self._hold(event, endpoint, event.time)

    @property
    def waiting(self) -> int:
        """How many deliveries wait or are under way."""
        return sum(queue.waiting for queue in self._queues.values())

    def flush(self) -> None:
        """Lets go out what was collected; called when the response is out, within the event loop."""
        if self.paused:
            return
        for queue in self._queues.values():
            queue.release()

    def clock_moved(self) -> None:
        """The clock was set, advanced, frozen or let go; retries that fell due on the way are played now."""
        if self.paused:
            return
        for queue in self._queues.values():
            queue.clock_moved()

    async def idle(self) -> None:
        """Returns when no delivery is due now and none is under way."""
        if self.paused:
            return
        await asyncio.gather(*(queue.idle() for queue in self._queues.values()))

    def reset(self) -> Awaitable[None]:
        """Forgets all events and deliveries; endpoints stay. Await that what is under way has been dropped."""
        queues = list(self._queues.values())
        self.outbox, self.log = Outbox(), DeliveryLog()
        self._generation += 1
        self._look_up()
        self._queues = {endpoint.id: self._new_queue(endpoint) for endpoint in self.endpoints}
        return _close(queues, grace=0)

    async def close(self, grace: float = GRACE) -> None:
        """The end: what is under way gets `grace` seconds, what waits is dropped and counted."""
        await _close(list(self._queues.values()), grace)

    # On the way back to where it was

    def keep_in(self, ledger: Ledger) -> None:
        """Outcomes of deliveries are kept from now on; there has been none."""
        self._ledger = ledger
        for queue in self._queues.values():
            queue.keep = partial(self._keep, self._generation)

    def pause(self, ledger: Ledger | None) -> Awaitable[None]:
        """Begins anew, and until `go_on` lets nothing out: what happens now has happened before, and the ledger knows
        what became of it. Await that what is under way has been dropped."""
        queues = list(self._queues.values())
        self.paused, self._ledger = True, ledger
        self._queues = {}
        self._begin()
        self._look_up()
        return _close(queues, grace=0)

    def read_outcomes(self, ledger: Ledger) -> None:
        """While it pauses: what waits goes by what the ledger knows by now."""
        self._ledger = ledger
        self._look_up()
        for queue in self._queues.values():
            queue.keep = partial(self._keep, self._generation)
            for delivery in queue.take_back():
                self._remember(delivery)
                queue.resume(delivery)

    def drop_waiting(self) -> None:
        """Nothing that waits is sent any more."""
        for queue in self._queues.values():
            queue.drop_waiting()

    def hold_back(self) -> None:
        """Pauses: nothing that waits is sent until `go_on`."""
        self.paused = True
        for queue in self._queues.values():
            queue.hold_back()

    def next_due(self) -> int | None:
        """When a delivery falls due next, by the world's clock; one that is under way is due already."""
        return min((due for queue in self._queues.values() if (due := queue.next_due()) is not None), default=None)

    def go_on(self) -> None:
        """What has not been delivered goes out with the next `flush`."""
        self.paused = False
        self._known = {}

    def state(self) -> Any:
        """Events, endpoints and deliveries, to be pickled together with the world that they refer to."""
        queues = {
            id: (queue.left(), queue.delivered, queue.failed, queue.dropped) for id, queue in self._queues.items()
        }
        return self.endpoints, self.outbox, self.log, self._generation, queues

    def resume(self, state: Any) -> None:
        """Goes on from a `state()`, which must not be used any more; between `pause` and `go_on`."""
        self.endpoints, self.outbox, self.log, self._generation, queues = state
        self._look_up()
        self._queues = {endpoint.id: self._new_queue(endpoint) for endpoint in self.endpoints}
        for id, (left, *counts) in queues.items():
            queue = self._queues[id]
            queue.delivered, queue.failed, queue.dropped = counts
            for delivery in left:
                self._remember(delivery)
                queue.resume(delivery)

    # What the control plane asks for

    def list_endpoints(self) -> JSON:
        """Every endpoint with its secret and how many deliveries fared how."""
        return {"endpoints": [self.endpoint_shape(row) | {"deliveries": self._counts(row)} for row in self.endpoints]}

    def create_endpoint(self, body: Mapping[str, Any]) -> JSON:
        """From `{"url", "secret"?, "events"?, "active"?, "concurrency"?}`; Refused when something in it is wrong."""
        return self.endpoint_shape(self.add_endpoint(*self.wanted_endpoint(body)))

    def wanted_endpoint(self, body: Mapping[str, Any]) -> inputs.NewEndpoint:
        """What `add_endpoint` is to add. Refused when something in it is wrong, or there are too many already."""
        wanted = inputs.endpoint(body)
        self.endpoints.check(wanted.url, wanted.secret, wanted.events)
        return wanted

    def add_endpoint(
        self,
        url: str,
        secret: str | None = None,
        events: Sequence[str] = (),
        active: bool = True,
        concurrency: int | None = None,
    ) -> Endpoint:
        """A new endpoint, for events from now on. Refused if the address or a type is wrong."""
        endpoint = self.endpoints.add(url, secret, events, active, concurrency)
        self._queues[endpoint.id] = self._new_queue(endpoint)
        return endpoint

    def switch_endpoint(self, id: str, *, active: bool) -> JSON:
        """On or off for events from now on; what waits is still delivered. NotFound if there is none."""
        endpoint = self.endpoints.get(id)
        endpoint.active = active
        return self.endpoint_shape(endpoint)

    def delete_endpoint(self, id: str) -> Awaitable[None]:
        """Nothing more goes there; await that what is under way has been dropped. NotFound if there is none."""
        self.endpoints.remove(id)
        return self._queues.pop(id).close(grace=0)

    def list_events(self, *, kind: str | None = None, user: str | None = None, limit: int | None = None) -> JSON:
        """What was produced, oldest first (the newest `limit` of it), whether or not an endpoint exists."""
        check_filters(self.kinds, kind, limit)
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
        check_filters(self.kinds, kind, limit, state)
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
        old = self.find_delivery(id)
        new = self._send(old.event, old.endpoint, self._now(), tamper=old.tamper, redelivery_of=old.id)
        self.flush()
        return delivery_shape(new)

    def find_delivery(self, id: str) -> Delivery:
        """One that can be sent again. NotFound, Refused as `redeliver`."""
        old = next((row for row in self.log if row.id == id), None)
        if old is None:
            raise NotFound(f'there is no delivery "{id}" in the log of the newest deliveries')
        if old.endpoint.id not in self._queues:
            raise Refused(f'delivery "{id}" cannot be sent again: {old.endpoint.id} has been deleted')
        return old

    def wanted_trigger(
        self, tenant: str | None, body: Mapping[str, Any]
    ) -> tuple[inputs.TriggerRequest, WebhookEvent, list[Endpoint]]:
        """What a trigger would send, and where to. Refused as `trigger`."""
        wanted = inputs.trigger_request(body, self.kinds)
        wanting = [endpoint for endpoint in self.endpoints if endpoint.wants(wanted.kind)]
        if len(wanting) * (1 + wanted.duplicate) > inputs.MOST_AT_ONCE:
            raise Refused(
                f"one trigger makes at most {inputs.MOST_AT_ONCE} deliveries: with {len(wanting)} endpoints "
                f'"duplicate" can be at most {inputs.MOST_AT_ONCE // len(wanting) - 1}'
            )
        game = self._organisation.game(tenant)
        return wanted, trigger(game.world, wanted.kind, wanted.user, game.now), wanting

    def trigger(self, tenant: str | None, body: Mapping[str, Any]) -> JSON:
        """Sends a realistic event: `{"type", "userId"?, "duplicate"?, "tamper"?, "delay"?}`.

        Returns the event and its deliveries. Refused when something in the request is wrong.
        """
        wanted, webhook_event, wanting = self.wanted_trigger(tenant, body)
        whose = tenant if self._organisation.catalog.settings.multi_tenant else None
        (event,) = self.outbox.collect([webhook_event], whose, triggered=True)
        due = self._now() + round(wanted.delay * 1000)
        sent = [
            self._send(event, endpoint, due, tamper=wanted.tamper)
            for endpoint in wanting
            for _ in range(1 + wanted.duplicate)
        ]
        self.flush()
        return {"event": event_shape(event), "deliveries": [delivery_shape(row) for row in sent]}

    # Inside

    def _now(self) -> int:
        return self._organisation.clock.now()

    def _new_queue(self, endpoint: Endpoint) -> DeliveryQueue:
        keep = partial(self._keep, self._generation) if self._ledger else None
        return DeliveryQueue(endpoint, self._organisation, self._timing, keep, self._sent, lambda: self.permitted())

    def _keep(self, generation: int, delivery: Delivery) -> None:
        assert self._ledger is not None
        self._ledger.keep(generation, delivery.number, Outcome(delivery.state, delivery.due, delivery.attempts))

    def _look_up(self) -> None:
        self._known = dict(self._ledger.outcomes(self._generation)) if self._ledger and self.paused else {}

    def _remember(self, delivery: Delivery) -> None:
        """Gives a delivery that was made before what has come of it since."""
        known = self._known.pop(delivery.number, None)
        if known is not None:
            delivery.state, delivery.due, delivery.attempts = known

    def _tenant_of(self, world: World) -> str | None:
        for tenant, game in self._organisation.games.items():
            if game.world is world:
                return tenant
        return None

    def _send(self, event: Event, endpoint: Endpoint, due: int, **how: Any) -> Delivery:
        delivery = self._hold(event, endpoint, due, **how)
        if delivery is None:
            raise Refused(f"{endpoint.id} has too many deliveries waiting to take another one")
        return delivery

    def _hold(self, event: Event, endpoint: Endpoint, due: int, **how: Any) -> Delivery | None:
        queue = self._queues[endpoint.id]
        if queue.full and not self.paused:
            number = self.log.skip()
            queue.drop_new()
            if self._ledger is not None:
                self._ledger.keep(self._generation, number, Outcome("dropped", due, []))
            return None
        delivery = self.log.add(event, endpoint, due, **how)
        self._remember(delivery)
        queue.resume(delivery)
        return delivery

    def endpoint_shape(self, endpoint: Endpoint) -> JSON:
        """What the control plane says of it."""
        return endpoint.as_json() | {"concurrency": endpoint.concurrency or self._timing.concurrency}

    def _counts(self, endpoint: Endpoint) -> JSON:
        queue = self._queues[endpoint.id]
        return {
            "waiting": queue.waiting,
            "delivered": queue.delivered,
            "failed": queue.failed,
            "dropped": queue.dropped,
        }


async def _close(queues: list[DeliveryQueue], grace: float) -> None:
    await asyncio.gather(*(queue.close(grace) for queue in queues))
