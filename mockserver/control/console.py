"""What happens on a server, for its console: requests, deliveries of webhooks, moves of clocks.

What is on the way of a request is an entry in a list; lines are written a moment later, many at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context
from math import inf
from typing import NamedTuple, Protocol

from mockserver.clock import monotonic, real_time
from mockserver.exchange import Call, Response
from mockserver.webhooks.delivery import Attempt, Delivery

PAUSE = 0.05  # seconds in which entries are gathered


class Requested(NamedTuple):
    """A request and its response. `name` and `template` are those of an operation or a call of the control plane,
    empty where there is none. `at`, here as below: when it was, by `clock.monotonic`."""

    at: float
    name: str
    template: str
    call: Call
    response: Response


class Sent(NamedTuple):
    """One attempt at a delivery, which is in that state since; `due` in milliseconds UTC of the world's clock, if it
    is to be tried again."""

    at: float
    delivery: Delivery
    attempt: Attempt
    number: int
    due: int | None


class Moved(NamedTuple):
    """A world's clock went from `start` to `now` (milliseconds UTC), and brought so many facts of each kind."""

    at: float
    start: int
    now: int
    frozen: bool
    counts: Mapping[str, int]


class Rest(NamedTuple):
    """Requests that have no lines of their own, by status."""

    at: float
    counts: Mapping[int, int]


Entry = Requested | Sent | Moved | Rest


class Lines(Protocol):
    """How entries are written."""

    def line(self, entry: Entry, time: float) -> str:
        """Without its end. `time`: seconds since 1970."""
        ...


class Pace(NamedTuple):
    """How many requests have lines: `burst` at once, `rate` a second in the long run. Others are counted."""

    burst: int = 200
    rate: int = 100


class Console:
    """`write` takes lines and says whether all are out; without `pace` every request has its line."""

    def __init__(self, lines: Lines, write: Callable[[list[str]], bool], pace: Pace | None = None) -> None:
        self._lines = lines
        self._write = write
        self._pace = pace
        self._room: float = pace.burst if pace else inf
        self._since = 0.0
        self._entries: list[Entry] = []
        self._rest: Counter[int] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def requested(self, name: str, template: str, call: Call, response: Response) -> None:
        """A response has gone out. Called within the event loop, as all of these are."""
        if self._timer is None:
            self._wait()
        if self._room < 1:
            self._rest[response.status] += 1
            return
        self._room -= 1
        self._entries.append(Requested(monotonic(), name, template, call, response))

    def sent(self, delivery: Delivery) -> None:
        """A delivery was attempted."""
        due = delivery.due if delivery.state == "waiting" else None
        self._add(Sent(monotonic(), delivery, delivery.attempts[-1], len(delivery.attempts), due))

    def moved(self, start: int, now: int, frozen: bool, counts: Mapping[str, int]) -> None:
        """A world's clock was moved, stopped or let go."""
        self._add(Moved(monotonic(), start, now, frozen, counts))

    def close(self) -> None:
        """Writes what there is, as far as there is room for it; nothing follows."""
        if self._timer is not None:
            self._timer.cancel()
        self._flushed()

    def _flush(self) -> None:
        self._timer = None
        if not self._flushed():
            self._wait()

    def _flushed(self) -> bool:
        """Writes what there is; whether all is out."""
        entries, self._entries, now = self._entries, [], monotonic()
        if self._rest:
            entries.append(Rest(now, self._rest))
            self._rest = Counter()
        real = real_time() / 1000 - now
        return self._write([self._lines.line(entry, real + entry.at) for entry in entries])

    def _add(self, entry: Entry) -> None:
        if self._timer is None:
            self._wait()
        self._entries.append(entry)

    def _wait(self) -> None:
        if self._pace is not None:
            now = monotonic()
            self._room = min(self._pace.burst, self._room + self._pace.rate * (now - self._since))
            self._since = now
        # In a context of its own: the first caller may have pinned the time.
        self._timer = asyncio.get_running_loop().call_later(PAUSE, self._flush, context=Context())
