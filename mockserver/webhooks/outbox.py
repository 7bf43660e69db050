"""The webhooks that a world has produced, with a listener or without: the newest, and a count of the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import orjson

from mockserver.game.periods import iso
from mockserver.webhooks.run_views import PastRuns

KEPT = 10_000


class WebhookEvent(NamedTuple):
    """A webhook to be: its type, its moment (milliseconds UTC), whom it is about (None: nobody in particular), how to
    make the rest of its body from what was seen at that moment, and whose request brought it, if about nobody."""

    kind: str
    time: int
    user: str | None
    make: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...] = ()
    cause: str | None = None

    def shape(self) -> dict[str, Any]:
        """The whole body."""
        return shape(self.kind, self.time, self.make, self.arguments)


def shape(kind: str, time: int, make: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> dict[str, Any]:
    """A body: every one carries its moment (behaviour, section 11)."""
    return {"type": kind, "timestamp": iso(time)} | make(*arguments)


class PendingEvents(Protocol):
    """What one request or moment brought: how many webhooks, and which they are."""

    @property
    def number(self) -> int: ...

    def webhook_events(self, past: PastRuns | None = None) -> list[WebhookEvent]: ...


class Event:
    """A webhook that the world produced. Its JSON is made when first read, and is the same ever after.

    Thousands are kept while the API serves, so it consists of as few objects as can be.
    """

    __slots__ = ("_content", "_make", "kind", "number", "subject", "tenant", "time", "triggered", "user")
    _content: tuple[Any, ...] | bytes  # what was seen, then the body

    def __init__(self, number: int, webhook_event: WebhookEvent, tenant: str | None, triggered: bool) -> None:
        self.number = number
        self.kind, self.time, self.user, self._make, self._content, cause = webhook_event
        self.subject = self.user or cause  # whose webhooks it stands in line with
        self.tenant = tenant
        self.triggered = triggered

    @property
    def id(self) -> str:
        return f"event-{self.number}"

    @property
    def body(self) -> bytes:
        """The raw body, byte for byte as it is signed and sent."""
        content = self._content
        if not isinstance(content, bytes):
            self._content = content = orjson.dumps(shape(self.kind, self.time, self._make, content))
        return content


class Outbox:
    """The newest `KEPT` events; what was let go is counted."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._made = 0
        self._pending: deque[tuple[str | None, PendingEvents]] = deque()  # by tenant and request, oldest first
        self._number_pending = 0

    def __iter__(self) -> Iterator[Event]:
        self._make_pending()
        return iter(self._events)

    @property
    def produced(self) -> int:
        """How many events there have been, kept or not; to count them none is made."""
        return self._made + self._number_pending

    @property
    def let_go(self) -> int:
        """How many events were produced that are no longer kept."""
        self._make_pending()
        return self._made - len(self._events)

    def keep(self, pending: PendingEvents, tenant: str | None) -> None:
        """Keeps it until it is read; most are dropped before that, and never become events."""
        pending_events = self._pending
        pending_events.append((tenant, pending))
        self._number_pending += pending.number
        while self._number_pending - (oldest := pending_events[0][1].number) >= KEPT:
            pending_events.popleft()
            self._number_pending -= oldest
            self._made += oldest

    def _make_pending(self) -> None:
        pending_events, self._pending, self._number_pending = self._pending, deque(), 0
        past = PastRuns()
        newest_first = [(tenant, pending.webhook_events(past)) for tenant, pending in reversed(pending_events)]
        for tenant, webhook_events in reversed(newest_first):
            self.collect(webhook_events, tenant)

    def collect(
        self, webhook_events: Iterable[WebhookEvent], tenant: str | None, *, triggered: bool = False
    ) -> list[Event]:
        """Keeps them as events, numbered on, and returns these."""
        if self._pending:
            self._make_pending()
        events = [
            Event(number, webhook_event, tenant, triggered)
            for number, webhook_event in enumerate(webhook_events, self._made + 1)
        ]
        self._made += len(events)
        self._events.extend(events)
        return events
