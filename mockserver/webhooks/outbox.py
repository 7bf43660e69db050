"""The webhooks that a world has produced, with a listener or without: the newest, and a count of the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import orjson

KEPT = 10_000


class Happening(NamedTuple):
    """A webhook to be: its type, whom it is about (None: nobody in particular), its moment in milliseconds
    UTC, and how to make its body from what was seen at that moment."""

    kind: str
    user: str | None
    time: int
    shape: Callable[[], dict[str, Any]]


class Event:
    """A webhook that the world produced. Its JSON is made when first read, and is the same ever after."""

    __slots__ = ("_body", "_shape", "kind", "number", "tenant", "time", "triggered", "user")

    def __init__(self, number: int, happening: Happening, tenant: str | None, triggered: bool = False) -> None:
        self.number = number
        self.kind, self.user, self.time, shape = happening
        self.tenant = tenant
        self.triggered = triggered
        self._shape: Callable[[], dict[str, Any]] | None = shape
        self._body = b""

    @property
    def id(self) -> str:
        return f"event-{self.number}"

    @property
    def body(self) -> bytes:
        """The raw body, byte for byte as it is signed and sent."""
        if self._shape is not None:
            self._body = orjson.dumps(self._shape())
            self._shape = None
        return self._body


class Outbox:
    """The newest `KEPT` events; what was let go is counted."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._made = 0

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    @property
    def let_go(self) -> int:
        """How many events were produced that are no longer kept."""
        return self._made - len(self._events)

    def collect(self, happenings: Iterable[Happening], tenant: str | None, *, triggered: bool = False) -> list[Event]:
        """Keeps them as events, numbered on, and returns these."""
        events = [
            Event(number, happening, tenant, triggered) for number, happening in enumerate(happenings, self._made + 1)
        ]
        self._made += len(events)
        self._events.extend(events)
        return events
