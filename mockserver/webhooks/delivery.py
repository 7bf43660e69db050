"""One webhook on its way to one endpoint: what is sent, what came of each attempt, and the log of all."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from mockserver.webhooks.endpoints import Endpoint
from mockserver.webhooks.outbox import Event
from mockserver.webhooks.signing import sign

KEPT = 10_000
CONCURRENCY = 16
MOST_CONCURRENCY = 256
LONGEST_RETRY_DELAY = 86_400.0  # seconds: a day

State = Literal["waiting", "delivered", "failed", "dropped"]
Tamper = Literal["signature", "body"]


@dataclass(frozen=True, slots=True)
class Timing:
    """`retry_delay`: seconds of the world's clock to the first retry, doubling from there. `timeout`: real
    seconds for one attempt. `waiting`: how many deliveries an endpoint may have before it. `concurrency`: how many of
    them may be under way at once, of different users; 1: strictly one after the other."""

    retry_delay: float = 60.0
    retries: int = 3
    timeout: float = 60.0
    waiting: int = 10_000
    concurrency: int = CONCURRENCY

    def delay(self, attempts: int) -> int:
        """Milliseconds from that many failed attempts to the next one."""
        return round(self.retry_delay * 1000 * (1 << (attempts - 1)))


class Attempt(NamedTuple):
    """`time` by the world's clock, in milliseconds UTC; `duration` in real milliseconds."""

    time: int
    status: int | None
    duration: float
    error: str | None


@dataclass(slots=True, eq=False)
class Delivery:
    """`due`: when the next attempt falls due, in milliseconds UTC of the world's clock."""

    number: int
    event: Event
    endpoint: Endpoint
    due: int
    tamper: Tamper | None = None
    redelivery_of: str | None = None
    state: State = "waiting"
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"delivery-{self.number}"

    @property
    def body(self) -> bytes:
        """The same bytes at every attempt; with a tampered body they are not the ones that were signed."""
        body = self.event.body
        return b'{"tampered":true,' + body[1:] if self.tamper == "body" else body

    @property
    def signature(self) -> str:
        """Of the true body with the endpoint's secret, unless it is the signature that is tampered with."""
        secret = self.endpoint.secret
        return sign(f"not {secret}" if self.tamper == "signature" else secret, self.event.body)


class DeliveryLog:
    """The newest `KEPT` deliveries; what was let go is counted."""

    def __init__(self) -> None:
        self._rows: deque[Delivery] = deque(maxlen=KEPT)
        self._made = 0
        self._skipped = 0

    def __iter__(self) -> Iterator[Delivery]:
        return iter(self._rows)

    @property
    def let_go(self) -> int:
        return self._made - self._skipped - len(self._rows)

    def add(self, event: Event, endpoint: Endpoint, due: int, **how: Any) -> Delivery:
        """A new delivery, `how` as the fields of `Delivery`."""
        self._made += 1
        delivery = Delivery(self._made, event, endpoint, due, **how)
        self._rows.append(delivery)
        return delivery

    def skip(self) -> int:
        """Counts one that nobody had room for, and gives its number: numbers follow from the world's commands
        alone, not from how fast receivers are."""
        self._made += 1
        self._skipped += 1
        return self._made


class Outcome(NamedTuple):
    """What has come of a delivery so far; `due` when the next attempt falls due, if it is still `waiting`."""

    state: State
    due: int
    attempts: list[Attempt]


class Ledger(Protocol):
    """Where outcomes are kept, so that a server that starts again goes on where the last one was. At least once: an
    outcome that was not kept before the end is a delivery that is made again."""

    def outcomes(self, generation: int) -> Mapping[int, Outcome]:
        """By the number of the delivery; `generation` counts how often all was forgotten."""
        ...

    def keep(self, generation: int, number: int, outcome: Outcome) -> None: ...


def verdict(status: int | None) -> str | None:
    """What is wrong with a complete response of this status: success is a 2xx."""
    if status is not None and 300 <= status < 400:
        return f"returned {status}; redirects are not followed"
    return None if status is not None and 200 <= status < 300 else f"returned {status}"
