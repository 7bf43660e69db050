"""One webhook on its way to one endpoint: what is sent, what came of each attempt, and the log of all."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from mockserver.clock import monotonic
from mockserver.webhooks.endpoints import Endpoint
from mockserver.webhooks.outbox import Event
from mockserver.webhooks.signing import HEADER, sign

if TYPE_CHECKING:
    import httpx2

KEPT = 10_000
READ_AT_MOST = 64 * 1024
LONGEST_RETRY_DELAY = 86_400.0  # seconds: a day

log = logging.getLogger("mockserver.webhooks")

State = Literal["waiting", "delivered", "failed", "dropped"]
Tamper = Literal["signature", "body"]


@dataclass(frozen=True, slots=True)
class Timing:
    """`retry_delay`: seconds of the world's clock to the first retry, doubling from there. `timeout`: real
    seconds for one attempt. `waiting`: how many deliveries an endpoint may have before it."""

    retry_delay: float = 60.0
    retries: int = 3
    timeout: float = 60.0
    waiting: int = 10_000

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
        """Counts one that nobody had room for, and gives its number: numbers follow from what the world was told
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


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a delivery."""
    return ssl.create_default_context()


def new_client(url: str) -> httpx2.AsyncClient:
    """A client for one endpoint. Proxies of the environment are not used: receivers are mostly next door.

    A connection is dropped before receivers drop it (mostly after 5 seconds), so that none is cut off
    between two webhooks.
    """
    import httpx2  # late: a server without endpoints never needs it

    return httpx2.AsyncClient(
        timeout=None,
        trust_env=False,
        follow_redirects=False,
        verify=_trusted() if url.lower().startswith("https") else False,
        limits=httpx2.Limits(keepalive_expiry=2.0),
        headers={"User-Agent": "trophy-mockserver", "Content-Type": "application/json"},
    )


async def attempt(client: httpx2.AsyncClient, delivery: Delivery, at: int, timeout: float) -> Attempt:
    """Sends it once. Success is a 2xx whose answer is complete within `timeout` seconds."""
    started = monotonic()
    status, error = await _post(client, delivery, timeout)
    duration = round((monotonic() - started) * 1000, 3)
    return Attempt(at, status, duration, error)


async def _post(client: httpx2.AsyncClient, delivery: Delivery, timeout: float) -> tuple[int | None, str | None]:
    import httpx2

    status = None
    try:
        async with asyncio.timeout(timeout):
            headers = {HEADER: delivery.signature}
            request = client.stream("POST", delivery.endpoint.url, content=delivery.body, headers=headers)
            async with request as response:
                status = response.status_code
                await _drain(response)
    except TimeoutError:
        return status, f"no complete answer within {timeout:g} s"
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return status, f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # one webhook that cannot be made must not keep back those after it
        log.exception("webhook %s could not be sent; this is a defect of the mock", delivery.id)
        return status, "defect of the mock; see its log"
    finally:
        client.cookies.clear()
    if 300 <= status < 400:
        return status, f"answered {status}; redirects are not followed"
    return status, None if 200 <= status < 300 else f"answered {status}"


async def _drain(response: httpx2.Response) -> None:
    """Reads the answer, which means nothing, so that the connection can be used again."""
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > READ_AT_MOST:
            return
